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

    var functionCall: Action {
        .sql(SQLRequest(database: database, deeds: [SQLDeed(.functionCall)]))
    }

    func read(_ text: ByteBuffer, _ syntax: StatementSyntax) -> Result<ReadStatements, UnreadStatement> {
        let session = SessionSyntax(
            clientEncoding: ByteText(syntax.encoding),
            serverEncoding: ByteText(syntax.serverEncoding),
            hasStandardStrings: syntax.hasStandardStrings
        )
        switch known.cache.read(Array(text.readableBytesView), session: session) {
        case .success(let statements): return .success(summary(of: statements))
        case .failure(let fault): return .failure(UnreadStatement(fault))
        }
    }

    private func summary(of statements: [StatementFacts]) -> ReadStatements {
        let deeds = statements.deeds
        return ReadStatements(
            action: .sql(SQLRequest(database: database, deeds: deeds)),
            copies: statements.contains(where: \.copies),
            leavesBehind: statements.contains(where: \.leavesBehind),
            takesUp: deeds.contains { $0.kind == .execute || $0.kind == .fetch },
            changesSettings: statements.contains(where: \.changesSettings)
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
