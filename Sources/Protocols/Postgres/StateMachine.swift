package import Model
package import NIOCore
package import Wire

/// One session of PostgreSQL behind its login: what its client sends is read, decided and passed on, and what its server
/// answers is followed, masked and passed back.
package struct PostgresSession<Reader: StatementReading>: ~Copyable, ProtocolEngine {
    package typealias Message = ByteBuffer

    /// What comes from where, resolved by the driver; columns that are not in it are masked where any source is.
    package var catalog: [ColumnPlace: SourceColumn] = [:]

    package init(
        _ endpoint: Endpoint,
        reading reader: Reader,
        parameters: [PostgresSetting],
        admitsFunctionCalls: Bool = false
    ) {
    }

    /// The session's own request, which its ruling is for; say it once, before anything else.
    package mutating func begin() -> [EngineAction<ByteBuffer>] { [] }

    package mutating func received(_ message: ByteBuffer, from side: Side) -> [EngineAction<ByteBuffer>] {
        []
    }

    package mutating func ruled(_ id: RulingID, _ ruling: Ruling) -> [EngineAction<ByteBuffer>] {
        ruled(id, ruling, columns: [])
    }

    /// The same where the rules mask columns.
    package mutating func ruled(
        _ id: RulingID,
        _ ruling: Ruling,
        columns: Set<ColumnMask>
    ) -> [EngineAction<ByteBuffer>] { [] }

    package mutating func ended(_ side: Side) -> [EngineAction<ByteBuffer>] { [] }

    package var wantsClientMessages: Bool { true }

    /// How the statement under an id ended; said once, when it is finished.
    package mutating func outcome(of id: RulingID) -> StatementOutcome? { nil }
}
