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
    let database: ByteText
    let known: KnownStatements

    var functionCall: Action {
        .sql(SQLRequest(database: database, deeds: [SQLDeed(.functionCall)]))
    }

    func read(_ text: ByteBuffer, _ syntax: StatementSyntax) -> Result<ReadStatements, Denial> {
        let result = known.cache.read(Array(text.readableBytesView), session: SessionSyntax(syntax))
        return Self.summary(of: result, database)
    }

    /// The same of a text that is read apart from all others, on whatever thread.
    var apart: @Sendable (LongText) -> Result<ReadStatements, Denial> {
        let (database, tables) = (database, known.cache.tables)
        return { long in
            let text = Array(long.text.readableBytesView)
            let result = StatementReader.read(text, session: SessionSyntax(long.syntax), tables: tables)
            return Self.summary(of: result, database)
        }
    }

    private static func summary(
        of result: Result<[StatementFacts], StatementFault>,
        _ database: ByteText
    ) -> Result<ReadStatements, Denial> {
        switch result {
        case .success(let statements): .success(summary(of: statements, database))
        case .failure(let fault): .failure(.unreadStatement(fault))
        }
    }

    private static func summary(of statements: [StatementFacts], _ database: ByteText) -> ReadStatements {
        let deeds = statements.deeds
        var read = ReadStatements(
            action: .sql(SQLRequest(database: database, deeds: deeds)),
            copies: statements.contains(where: \.copies),
            leavesBehind: statements.contains(where: \.leavesBehind),
            changesSettings: statements.contains(where: \.changesSettings)
        )
        for statement in statements { read.exposes.formUnion(statement.flow.exposes.map { ColumnMask($0) }) }
        guard statements.count == 1, let flow = statements.first?.flow else { return read }
        read.results = flow.results?.map { result in
            ResultMask(masks: Set(result.masks.map { ColumnMask($0) }), isText: result.isText)
        }
        read.layout = flow.copy.map { CopyLayout($0) }
        return read
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
