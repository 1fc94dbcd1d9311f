internal import Foundation
internal import GRDB

/// What is written, in order: a seal, and behind it what is exported of the records that it covers.
enum ReceiptItem {
    case seal(Seal)
    case record(StoredRecord)
}

/// Walks the ranges of a plan beside the seals, in slices; ends with a `Stop` at the first record that is not what was
/// sealed, whether it is exported or not.
struct ReceiptWalk {
    private let key: VerifyingKey
    private let plan: ReceiptPlan
    private var range: ClosedRange<Int64>?
    private var rest: ArraySlice<ClosedRange<Int64>>
    private var expected: Int64 = 1
    private var seal: Seal?
    private var isSealWritten = false
    private var descent = Descent()
    /// How many records were looked at.
    private(set) var looked: Int64 = 0

    init(_ plan: ReceiptPlan, key: VerifyingKey) {
        self.key = key
        self.plan = plan
        rest = plan.ranges[...]
        advance()
    }

    var isDone: Bool { range == nil }

    /// What comes next, bounded in octets and in the time that the transaction takes.
    mutating func slice(_ database: Database) throws -> [ReceiptItem] {
        guard let range else { return [] }
        var items: [ReceiptItem] = []
        var octets = 0
        let bound = min(range.upperBound, expected + Int64(AuditLimits.lookedAtOnce) - 1)
        let rows = try Row.fetchCursor(
            database,
            sql:
                "SELECT \(StoredRecord.columns) FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
            arguments: [expected, bound]
        )
        var waiting: Row?
        while expected <= bound, octets < AuditLimits.exportedAtOnce {
            if waiting == nil { waiting = try rows.next() }
            if try passPruned(before: waiting, until: bound, database) { continue }
            let record = try next(waiting)
            waiting = nil
            let seal = try checked(record, database)
            if plan.takes(record) {
                if plan.checksDescent { try descent.check(record, database) }
                if !isSealWritten { items.append(.seal(seal)) }
                isSealWritten = true
                items.append(.record(record))
                octets += record.payload.count
            }
            expected += 1
            looked += 1
        }
        if expected > range.upperBound { advance() }
        return items
    }

    private mutating func advance() {
        range = rest.popFirst()
        if let range { expected = range.lowerBound }
    }

    /// Whether the expected record was pruned: then those of its stretch are passed over.
    private mutating func passPruned(
        before row: Row?,
        until bound: Int64,
        _ database: Database
    ) throws -> Bool {
        if let row, let sequence = Int64.fromDatabaseValue(row[0]), sequence <= expected { return false }
        guard let pruning = try Pruning.covering(expected, key, database) else { return false }
        let next = min(pruning.last, bound) + 1
        looked += next - expected
        expected = next
        return true
    }

    private func next(_ row: Row?) throws -> StoredRecord {
        guard let row else {
            throw Stop(.removed, record: expected, "record \(expected) was removed")
        }
        guard let record = StoredRecord(row: row) else {
            throw Stop(.changed, record: expected, "record \(expected) has a column of another type")
        }
        guard record.sequence == expected else {
            throw Stop(.removed, record: expected, "record \(expected) was removed")
        }
        return record
    }

    /// The seal over a record that is the one that was sealed, and continues the one before it.
    private mutating func checked(_ record: StoredRecord, _ database: Database) throws -> Seal {
        let seal = try covering(expected, database)
        let sealed = seal.digest(of: expected)
        guard record.hash == sealed, record.computedHash() == sealed else {
            throw seal.difference(of: record, at: expected)
        }
        guard record.previous == (try before(seal, database)) else {
            throw Stop(
                .changed,
                record: expected,
                "record \(expected) does not continue the chain: it names another record before it"
            )
        }
        return seal
    }

    private mutating func covering(_ sequence: Int64, _ database: Database) throws -> Seal {
        if let seal, seal.first <= sequence, sequence <= seal.last { return seal }
        let found = try Self.seal("last >= ? ORDER BY last LIMIT 1", sequence, database)
        guard let found, found.first <= sequence else {
            throw Stop(.seal, record: sequence, "no seal covers record \(sequence)")
        }
        guard found.isGenuine(key), found.first > (seal?.last ?? 0) else {
            throw Stop(
                .seal,
                record: sequence,
                "the seal over record \(sequence) is not genuine: it was changed, or made with another key"
            )
        }
        seal = found
        isSealWritten = false
        return found
    }

    /// The digest of the record before the expected one.
    private func before(_ seal: Seal, _ database: Database) throws -> Data? {
        if expected > seal.first { return seal.digest(of: expected - 1) }
        if expected == 1 { return StoredRecord.genesis }
        return try Self.seal("last = ?", expected - 1, database)?.digest(of: expected - 1)
    }

    private static func seal(_ condition: String, _ number: Int64, _ database: Database) throws -> Seal? {
        let statement = try database.cachedStatement(
            sql: "SELECT \(Seal.columns) FROM seals WHERE \(condition)"
        )
        return try Row.fetchOne(statement, arguments: [number]).flatMap { Seal(row: $0) }
    }
}
