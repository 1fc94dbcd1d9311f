internal import Model
internal import NIOCore
internal import PostgresProtocol
internal import Statements

/// What was read before on one loop, whoever's session it was for: what a text does is the same for all.
final class KnownStatements {
    var cache = StatementCache()
}

/// Reads the statements of one database's sessions, by PostgreSQL's own parser, for the engine.
struct StatementTexts: StatementReading {
    let database: ByteText
    let known: KnownStatements
    let recording: StatementRecording
    /// The last text and how it goes on record: what is sent again and again mostly is the same.
    private var last: (text: [UInt8], read: ReadStatements, session: SessionSyntax)?

    init(database: ByteText, known: KnownStatements, recording: StatementRecording) {
        (self.database, self.known, self.recording) = (database, known, recording)
    }

    var functionCall: Action {
        .sql(SQLRequest(database: database, deeds: [SQLDeed(.functionCall)]))
    }

    mutating func read(_ text: ByteBuffer, _ syntax: StatementSyntax) -> Result<ReadStatements, Denial> {
        let session = SessionSyntax(syntax)
        let octets = Array(text.readableBytesView)
        if let last, last.text == octets, last.session == session { return .success(last.read) }
        switch known.cache.read(octets, session: session) {
        case .success(let statements):
            let read = summary(of: statements, octets, session)
            if octets.count <= StatementCache.maximumText { last = (octets, read, session) }
            return .success(read)
        case .failure(let fault): return .failure(.unreadStatement(fault))
        }
    }

    func recordedUnread(_ text: ByteBuffer, _ syntax: StatementSyntax) -> RecordedText? {
        recorded(Array(text.readableBytesView), SessionSyntax(syntax), holdsSecrets: true)
    }

    private func summary(
        of statements: [StatementFacts],
        _ text: [UInt8],
        _ session: SessionSyntax
    ) -> ReadStatements {
        let holdsSecrets = statements.contains(where: \.holdsSecrets) || StatementLiterals.namesSecret(text)
        return ReadStatements(
            action: .sql(SQLRequest(database: database, deeds: statements.deeds)),
            copies: statements.contains(where: \.copies),
            leavesBehind: statements.contains(where: \.leavesBehind),
            changesSettings: statements.contains(where: \.changesSettings),
            recorded: recorded(text, session, holdsSecrets: holdsSecrets),
            holdsSecrets: holdsSecrets
        )
    }

    /// A text without the literals that must not be shown.
    private func recorded(_ text: [UInt8], _ session: SessionSyntax, holdsSecrets: Bool) -> RecordedText {
        guard holdsSecrets || recording.hidesValues else { return recording.text(text) }
        let shown = StatementLiterals.hidden(in: text, session: session, alsoNumbers: recording.hidesValues)
        return shown.map(recording.text) ?? RecordedText("[not shown: \(text.count) octets]")
    }
}

extension SessionSyntax {
    fileprivate init(_ syntax: StatementSyntax) {
        self.init(
            clientEncoding: ByteText(syntax.encoding),
            serverEncoding: ByteText(syntax.serverEncoding),
            hasStandardStrings: syntax.hasStandardStrings
        )
    }
}

extension Denial {
    fileprivate static func unreadStatement(_ fault: StatementFault) -> Denial {
        Denial(
            reason: .malformed,
            message: "the statement is not understood, and so denied: \(fault)",
            rule: nil,
            decidedBy: nil,
            remedy: "write it so that PostgreSQL 15 reads it; nothing else is passed on"
        )
    }
}
