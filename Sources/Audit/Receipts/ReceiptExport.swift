internal import Foundation
internal import GRDB
internal import Model

/// Writes receipts: launches, requests and revocations with the seals over them, for whoever has the public key; checked first.
///
/// The format is docs/receipts.md's. Reads in slices, each a transaction of its own: whoever takes the lines slowly must
/// not keep supervisors from emptying their log.
package struct ReceiptExport: Sendable {
    private let reader: AuditReader
    private let trust: StoreTrust
    /// The last record there was when it began.
    private let end: Int64

    /// Opens the store of a state directory, and throws where its key, its head or its tables are not as they were made.
    package init(directory: String) throws {
        let reader = try AuditReader(directory: directory)
        let state = try StateDirectory(directory, create: false)
        (trust, end) = try Self.refusing(reader.path) {
            let trust = try StoreTrust(state)
            return (trust, try reader.reading { try Self.end(of: $0, trust.head) })
        }
        self.reader = reader
    }

    /// Lower-case hex: what a verifier has to be given.
    package var publicKey: String { trust.key.octets.hex }

    /// Hands over line after line, without their ends.
    ///
    /// What was handed over before it throws is no receipt: its last line is missing.
    @discardableResult
    package func write(
        _ scope: ReceiptScope,
        progress: (ReceiptProgress) -> Void = { _ in },
        to line: (String) throws -> Void
    ) throws -> ReceiptProgress {
        try Self.refusing(reader.path) {
            let plan = try reader.reading { try ReceiptPlan(scope, until: end, in: $0) }
            var walk = ReceiptWalk(plan, key: trust.key)
            var reached = ReceiptProgress()
            reached.total = plan.total
            try line(ReceiptLine.head(publicKey))
            while !walk.isDone {
                for item in try reader.reading({ try walk.slice($0) }) {
                    try line(ReceiptLine.text(of: item))
                    if case .seal = item { reached.seals += 1 } else { reached.records += 1 }
                }
                reached.looked = walk.looked
                progress(reached)
            }
            try line(ReceiptLine.end(reached))
            return reached
        }
    }

    /// The last record; throws where the store does not reach its head.
    static func end(of database: Database, _ head: Head) throws -> Int64 {
        try Schema.requireUnchanged(in: database)
        let end = try Int64.fetchOne(database, sql: "SELECT max(sequence) FROM records") ?? 0
        guard end >= head.sequence else {
            throw Stop(
                .cut,
                record: end + 1,
                "the tail was cut: record \(end + 1) and what follows are gone; the signed head is at record "
                    + "\(head.sequence)"
            )
        }
        let hash = try Data.fetchOne(
            database,
            sql: "SELECT hash FROM records WHERE sequence = ?",
            arguments: [head.sequence]
        )
        guard head == .empty || hash == head.hash else {
            throw Stop(
                .changed,
                record: head.sequence,
                "record \(head.sequence) is not the one that the signed head names"
            )
        }
        return end
    }

    static func refusing<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let stop as Stop {
            throw BrokenStore(finding: stop.finding, path: path)
        }
    }
}
