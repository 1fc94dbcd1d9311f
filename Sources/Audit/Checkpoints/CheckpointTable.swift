internal import Foundation
internal import Model
internal import PostgresLink
internal import Synchronization

/// The table `bailey_checkpoint` of a PostgreSQL database, a row each, of many logs.
///
/// docs/audit.md has its definition. It is written as a role that can add rows and read them, and nothing else: whoever takes
/// this machine over cannot take them back.
final class CheckpointTable: Sendable {
    static let name = "bailey_checkpoint"

    private let connection: PostgresConnection
    private let isNarrow = Mutex(false)

    init(_ access: PostgresAccess) {
        connection = PostgresConnection(access, takesChanges: true)
    }

    /// As messages name it.
    static func description(of access: PostgresAccess) -> String { "\(name) of \(access.location)" }

    /// Adds one; the server has it when this returns.
    ///
    /// Twice is no harm: a checkpoint is one row.
    func add(_ checkpoint: Checkpoint) throws(MessageFailure) {
        do {
            try requireNarrow()
            try connection.run(
                "INSERT INTO \(Self.name) (chain, sequence, line) VALUES ($1, $2::bigint, $3) ON CONFLICT DO NOTHING",
                [.text(checkpoint.key.hex), .number(checkpoint.sequence), .text(checkpoint.line)]
            )
        } catch let failure as PostgresFailure {
            throw MessageFailure(failure.reason)
        } catch {
            throw MessageFailure("\(error)")
        }
    }

    /// The last record that a checkpoint of a key's log is said to name; 0 for none.
    func last(of key: VerifyingKey) throws -> Int64 {
        var last: Int64 = 0
        try connection.run(
            "SELECT coalesce(max(sequence), 0) FROM \(Self.name) WHERE chain = $1",
            [.text(key.octets.hex)]
        ) { row in
            last = row.first?.number ?? 0
        }
        return last
    }

    /// Hands over the lines that are said to be of a key's log, up to a record, oldest first, with their numbers.
    func eachLine(
        of key: VerifyingKey,
        upTo last: Int64,
        _ body: (ArraySlice<UInt8>, Int) throws -> Void
    ) throws {
        let reading = PostgresConnection(connection.access, statement: PostgresLimits.unbounded)
        var number = 0
        try reading.run(
            "SELECT line FROM \(Self.name) WHERE chain = $1 AND sequence <= $2::bigint ORDER BY sequence, line",
            [.text(key.octets.hex), .number(last)]
        ) { row in
            number += 1
            try body((row.first?.octets ?? [])[...], number)
        }
    }

    private func requireNarrow() throws {
        guard !isNarrow.withLock({ $0 }) else { return }
        try connection.requireRole(for: [Self.name])
        isNarrow.withLock { $0 = true }
    }
}
