internal import Model
internal import NIOCore
internal import PostgresProtocol
internal import Statements

/// What was read before on one loop, whoever's session it was for: what a text does is the same for all.
final class KnownStatements {
    var cache: StatementCache

    init(_ tables: KnownTables? = nil) {
        cache = StatementCache(tables: tables)
    }
}

/// Reads the statements of one database's sessions, by PostgreSQL's own parser, for the engine.
struct StatementTexts: StatementReading {
    private let known: KnownStatements
    private let meaning: StatementMeaning
    /// The last text and how it goes on record: what is sent again and again mostly is the same.
    private var last: (text: [UInt8], read: ReadStatements, session: SessionSyntax)?

    /// Of a session that is for `replication`, its commands as well.
    init(
        database: ByteText,
        known: KnownStatements,
        recording: StatementRecording,
        replication: PostgresReplication? = nil
    ) {
        self.known = known
        meaning = StatementMeaning(database: database, recording: recording, replication: replication)
    }

    var functionCall: Action {
        .sql(SQLRequest(database: meaning.database, deeds: [SQLDeed(.functionCall)]))
    }

    mutating func read(
        _ text: ByteBuffer,
        _ syntax: StatementSyntax
    ) -> Result<ReadStatements, UnreadStatement> {
        let session = SessionSyntax(syntax)
        let octets = Array(text.readableBytesView)
        if let last, last.text == octets, last.session == session { return .success(last.read) }
        let result =
            meaning.command(octets, session)
            ?? meaning.of(known.cache.read(octets, session: session), octets, session)
        if case .success(let read) = result, octets.count <= StatementCache.maximumText {
            last = (octets, read, session)
        }
        return result
    }

    /// The same of a text that is read apart from all others, on whatever thread.
    var apart: @Sendable (LongText) -> Result<ReadStatements, UnreadStatement> {
        let (meaning, tables) = (meaning, known.cache.tables)
        return { long in
            let (text, session) = (Array(long.text.readableBytesView), SessionSyntax(long.syntax))
            return meaning.of(StatementReader.read(text, session: session, tables: tables), text, session)
        }
    }

    func recordedUnread(_ text: ByteBuffer, _ syntax: StatementSyntax) -> RecordedText? {
        meaning.recorded(Array(text.readableBytesView), SessionSyntax(syntax), holdsSecrets: true)
    }
}

/// What the statements of a text come to for the engine, and how the text goes on record.
private struct StatementMeaning: Sendable {
    let database: ByteText
    let recording: StatementRecording
    let replication: PostgresReplication?

    /// What a command of the replication protocol comes to; nil for a text that is none, or in another session.
    func command(_ text: [UInt8], _ session: SessionSyntax) -> Result<ReadStatements, UnreadStatement>? {
        guard let replication, let command = ReplicationCommand(text) else { return nil }
        guard !command.isOfCluster || replication == .physical else {
            return .failure(UnreadStatement(.clusterInDatabase))
        }
        var read = ReadStatements(
            action: .sql(SQLRequest(database: database, deeds: command.deeds)),
            copies: command.streams,
            leavesBehind: false,
            changesSettings: false,
            recorded: recorded(text, session, holdsSecrets: StatementLiterals.namesSecret(text))
        )
        read.streams = command.streams
        return .success(read)
    }

    func of(
        _ result: Result<[StatementFacts], StatementFault>,
        _ text: [UInt8],
        _ session: SessionSyntax
    ) -> Result<ReadStatements, UnreadStatement> {
        switch result {
        case .success(let statements): .success(of(statements, text, session))
        case .failure where replication != nil && ReplicationCommand.begins(text):
            .failure(UnreadStatement(.unreadCommand))
        case .failure(let fault): .failure(UnreadStatement(fault))
        }
    }

    private func of(
        _ statements: [StatementFacts],
        _ text: [UInt8],
        _ session: SessionSyntax
    ) -> ReadStatements {
        let holdsSecrets = statements.contains(where: \.holdsSecrets) || StatementLiterals.namesSecret(text)
        var read = ReadStatements(
            action: .sql(SQLRequest(database: database, deeds: statements.deeds)),
            copies: statements.contains(where: \.copies),
            leavesBehind: statements.contains(where: \.leavesBehind),
            takesUp: statements.deeds.contains { $0.kind == .execute || $0.kind == .fetch },
            executes: statements.deeds.contains { $0.kind == .execute },
            changesSettings: statements.contains(where: \.changesSettings),
            recorded: recorded(text, session, holdsSecrets: holdsSecrets),
            holdsSecrets: holdsSecrets
        )
        for statement in statements { read.exposes.formUnion(statement.flow.exposes.map { ColumnMask($0) }) }
        read.isBatch = statements.count > 1
        guard statements.count == 1, let flow = statements.first?.flow else { return read }
        read.results = flow.results?.map { result in
            ResultMask(masks: Set(result.masks.map { ColumnMask($0) }), isText: result.isText)
        }
        read.layout = flow.copy.map { CopyLayout($0) }
        return read
    }

    /// A text without the literals that must not be shown.
    func recorded(_ text: [UInt8], _ session: SessionSyntax, holdsSecrets: Bool) -> RecordedText {
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
    /// A session that rules for one database allow.
    fileprivate static let clusterInDatabase = Denial(
        reason: .denied,
        message: "this is about the whole server, and the session is with one of its databases",
        rule: nil,
        decidedBy: nil,
        remedy: "connect with replication=true, which rules for the database \"replication\" decide"
    )

    /// A command of replication that is not one by the server's grammar, as far as it is read here.
    fileprivate static let unreadCommand = Denial(
        reason: .unsupported,
        message: "the command of replication is not understood, and so denied",
        rule: nil,
        decidedBy: nil,
        remedy:
            "write it as PostgreSQL 15 documents it, in ASCII and \(StatementCache.maximumText) octets at most"
    )

    /// A long statement could not have its turn.
    static func unreadStatement(because error: any Error) -> Denial {
        Denial(
            reason: .unsupported,
            message: "the statement is long, and was not read: \(error)",
            rule: nil,
            decidedBy: nil,
            remedy: "send fewer long statements at a time"
        )
    }
}

extension UnreadStatement {
    /// The agent is told what the parser says in full, as the server would tell it; the record quotes nothing.
    fileprivate init(_ fault: StatementFault) {
        let error: SyntaxError? = if case .syntax(let error) = fault { error } else { nil }
        let denial = Denial(
            reason: .malformed,
            message: "the statement is not understood, and so denied: \(fault)",
            told: error?.said,
            rule: nil,
            decidedBy: nil,
            remedy: "the gateway passes on nothing but what PostgreSQL 15's parser takes: write it so"
        )
        self.init(denial, position: error?.position)
    }
}
