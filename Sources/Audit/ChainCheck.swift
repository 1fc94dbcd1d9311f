internal import Foundation
internal import GRDB
internal import Model

/// Walks the records beside their seals, both in order, and stops at the first that does not fit.
struct ChainCheck {
    private let key: VerifyingKey
    private let head: Head
    private let bodies: BodyReader
    /// Sequence of the record that comes next.
    private(set) var expected: Int64 = 1
    private var previous = StoredRecord.genesis
    private var hasRevocations = false
    private var pruned: Int64 = 0

    init(_ trust: StoreTrust, bodies: BodyReader) {
        key = trust.key
        head = trust.head
        self.bodies = bodies
    }

    /// Where a walk that found nothing ended.
    var reached: VerifiedHead {
        VerifiedHead(
            records: expected - 1,
            hash: previous.hex,
            publicKey: key.octets.hex,
            pruned: pruned > 0 ? pruned : nil
        )
    }

    mutating func run(_ database: Database) throws {
        try Schema.requireUnchanged(in: database)
        hasRevocations = try database.indexes(on: "records").contains { $0.name == Schema.revocationsName }
        let records = try Row.fetchCursor(
            database,
            sql: "SELECT \(StoredRecord.columns) FROM records ORDER BY sequence"
        )
        let seals = try Row.fetchCursor(database, sql: "SELECT \(Seal.columns) FROM seals ORDER BY last")
        var prunings = try PruningWalk(database, key)
        while let row = try seals.next() {
            try check(Seal(row: row), against: records, &prunings, of: database)
        }
        if let row = try records.next() {
            let sequence = Int64.fromDatabaseValue(row[0]) ?? expected
            throw Stop(
                .inserted,
                record: sequence,
                "record \(sequence) has no seal: no supervisor wrote it"
            )
        }
        try requireHeadReached()
        try prunings.requireEnd()
    }

    private func requireHeadReached() throws {
        guard expected - 1 < head.sequence else { return }
        throw Stop(
            .cut,
            record: expected,
            "the tail was cut: record \(expected) and what follows are gone; the signed head is at record "
                + "\(head.sequence)"
        )
    }

    private mutating func check(
        _ seal: Seal?,
        against records: RowCursor,
        _ prunings: inout PruningWalk,
        of database: Database
    ) throws {
        guard let seal, seal.isGenuine(key) else { throw try foundWithoutSeal(records) }
        guard seal.first == expected else {
            throw Stop(
                .seal,
                record: expected,
                "the seal over record \(expected) is gone; the next one begins at record \(seal.first)"
            )
        }
        while expected <= seal.last {
            if let hash = seal.digest(of: expected), try prunings.covers(expected, hash: hash) {
                (previous, expected, pruned) = (hash, expected + 1, pruned + 1)
                try checkHead()
                continue
            }
            let record = try next(records, under: seal)
            try check(record, under: seal)
            try checkIndex(of: record, in: database)
            try checkHead()
        }
    }

    /// The record that must come now; throws when another comes.
    private func next(_ records: RowCursor, under seal: Seal) throws -> StoredRecord {
        guard let row = try records.next() else {
            throw Stop(.removed, record: expected, "record \(expected) was removed; its seal is still there")
        }
        guard let record = StoredRecord(row: row) else {
            throw Stop(.changed, record: expected, "record \(expected) has a column of another type")
        }
        if record.sequence < expected {
            throw Stop(
                .inserted,
                record: record.sequence,
                "record \(record.sequence) was inserted: no seal covers it"
            )
        }
        guard record.sequence == expected else {
            throw Stop(
                .removed,
                record: expected,
                "record \(expected) was removed; record \(record.sequence) follows instead"
            )
        }
        return record
    }

    private mutating func check(_ record: StoredRecord, under seal: Seal) throws {
        let sealed = seal.digest(of: expected)
        guard record.previous == previous, record.hash == sealed, record.computedHash() == sealed else {
            throw seal.difference(of: record, at: expected)
        }
        try checkBodies(of: record)
        previous = record.hash
        expected += 1
    }

    /// A launch looks by an index whether its principal is revoked: what is on record has to be found by it.
    private func checkIndex(of record: StoredRecord, in database: Database) throws {
        // Without the index the table is read, where it is found.
        guard record.kind == Self.revocation, record.agent == nil, hasRevocations else { return }
        let isFound = try Bool.fetchOne(
            try database.cachedStatement(
                sql: "SELECT 1 FROM records INDEXED BY \(Schema.revocationsName) "
                    + "WHERE \(Schema.isOfPrincipal) AND lineage = ? AND sequence = ?"
            ),
            arguments: [String(decoding: record.lineage, as: UTF8.self), record.sequence]
        )
        guard isFound == nil else { return }
        throw Stop(
            .schema,
            record: record.sequence,
            "record \(record.sequence), of a principal that was revoked, is not in the index by which launches look it up: "
                + "the index was changed"
        )
    }

    /// The bodies that a record of replies names, against what is kept of them.
    private func checkBodies(of record: StoredRecord) throws {
        guard record.kind == Self.replies, record.payload.range(of: Self.bodiesMember) != nil,
            let replies = try? JSONDecoder().decode(RepliesRecord.self, from: record.payload)
        else { return }
        let run = String(decoding: record.run, as: UTF8.self)
        for reply in replies.replies {
            for body in reply.bodies ?? [] {
                do {
                    try bodies.read(body, of: reply.exchange, run: run) { _ in }
                } catch {
                    throw Stop(
                        .recording,
                        record: expected,
                        "record \(expected) names the body of a \(body.side.rawValue), of exchange \(reply.exchange): \(error)"
                    )
                }
            }
        }
    }

    private static let replies = Data(EntryColumns.replies.utf8)
    private static let revocation = Data(EntryColumns.revocation.utf8)
    private static let bodiesMember = Data("\"bodies\":".utf8)

    private func checkHead() throws {
        guard expected - 1 == head.sequence, previous != head.hash else { return }
        throw Stop(
            .changed,
            record: head.sequence,
            "record \(head.sequence) is not the one that the signed head names"
        )
    }

    /// No genuine seal covers the expected record: whatever can still be said from the chain alone.
    private mutating func foundWithoutSeal(_ records: RowCursor) throws -> Stop {
        let first = expected
        var steps = 0
        while steps < AuditLimits.maximumBatch, let row = try records.next() {
            guard let record = StoredRecord(row: row), record.sequence == expected,
                record.previous == previous, record.computedHash() == record.hash
            else {
                return Stop(
                    .changed,
                    record: expected,
                    "record \(expected) does not continue the chain, and the seal over it is not genuine"
                )
            }
            previous = record.hash
            expected += 1
            steps += 1
        }
        expected = first
        return Stop(
            .seal,
            record: first,
            "the seal over record \(first) is not genuine: it was changed, or made with another key"
        )
    }
}
