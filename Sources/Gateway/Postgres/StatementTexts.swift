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

    func read(_ text: ByteBuffer, _ syntax: StatementSyntax) -> Result<ReadStatements, Denial> {
        let session = SessionSyntax(
            clientEncoding: ByteText(syntax.encoding),
            hasStandardStrings: syntax.hasStandardStrings
        )
        switch known.cache.read(Array(text.readableBytesView), session: session) {
        case .success(let statements): return .success(summary(of: statements))
        case .failure(let fault): return .failure(.unreadStatement(fault))
        }
    }

    private func summary(of statements: [StatementFacts]) -> ReadStatements {
        let deeds = statements.deeds
        return ReadStatements(
            action: .sql(SQLRequest(database: database, deeds: deeds)),
            copies: deeds.contains { $0.kind == .copyIn || $0.kind == .copyOut },
            leavesBehind: deeds.contains { $0.kind == .prepare || $0.kind == .declare },
            changesSettings: statements.contains(where: Self.changesSettings)
        )
    }

    /// Whether it may change how the server reads the next text.
    private static func changesSettings(_ statement: StatementFacts) -> Bool {
        switch statement.transaction {
        case .rollback?, .rollbackToSavepoint?, .commit?: return true
        case .begin?, .savepoint?, nil: break
        }
        return statement.deeds.contains { deed in
            switch (deed.kind, deed.target) {
            case (.set, _), (.setRole, _), (.discard, _), (.do, _), (.call, _), (.execute, _), (.load, _): true
            case (_, .function(_, let isHarmless)): !isHarmless
            default: false
            }
        }
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
