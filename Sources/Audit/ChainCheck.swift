internal import Foundation
internal import GRDB
internal import Model

/// Walks the records beside their seals, both in order, and stops at the first that does not fit.
struct ChainCheck {
    private let key: VerifyingKey
    private let head: Head
    /// Nil where they are not at hand.
    private let bodies: BodyReader?
    private let stretch: ChainStretch
    /// Sequence of the record that comes next.
    private(set) var expected: Int64
    private var previous: RecordHash
    private var hasRevocations = false
    private var pruned: Int64 = 0
    /// The first body that could not be looked at for want of its key.
    private var keyless: Stop?

    init(_ trust: StoreTrust, bodies: BodyReader?, of stretch: ChainStretch = ChainStretch()) {
        key = trust.key
        head = trust.head
        self.bodies = bodies
        self.stretch = stretch
        (expected, previous) = (stretch.border.last + 1, stretch.border.hash)
    }

    /// Where a walk that found nothing ended.
    var end: ChainEnd {
        ChainEnd(border: ChainStretch.Border(last: expected - 1, hash: previous), pruned: pruned)
    }

    mutating func run(_ database: Database) throws {
        try Schema.requireUnchanged(in: database)
        hasRevocations = try database.indexes(on: "records").contains { $0.name == Schema.revocationsName }
        var records = try RecordScan(database, stretch.sequences)
        let seals = try Row.fetchCursor(
            database,
            sql: "SELECT \(Seal.columns) FROM seals WHERE last BETWEEN ? AND ? ORDER BY last",
            arguments: stretch.arguments
        )
        var prunings = try PruningWalk(database, key, of: stretch)
        while let row = try seals.next() {
            try check(Seal(row: row), against: &records, &prunings, of: database)
        }
        if try records.next() {
            let sequence = records.sequence ?? expected
            throw Stop(
                .inserted,
                record: sequence,
                "record \(sequence) has no seal: no supervisor wrote it"
            )
        }
        try requireHeadReached()
        try prunings.requireEnd()
        // Behind all else: whoever takes a key away hides nothing with it.
        if let keyless { throw keyless }
    }

    private func requireHeadReached() throws {
        guard expected - 1 < min(head.sequence, stretch.sequences.upperBound) else { return }
        throw Stop(
            .cut,
            record: expected,
            "the tail was cut: record \(expected) and what follows are gone; the signed head is at record "
                + "\(head.sequence)"
        )
    }

    private mutating func check(
        _ seal: Seal?,
        against records: inout RecordScan,
        _ prunings: inout PruningWalk,
        of database: Database
    ) throws {
        guard let seal, seal.isGenuine(key) else { throw try foundWithoutSeal(&records) }
        guard seal.first == expected else {
            throw Stop(
                .seal,
                record: expected,
                "the seal over record \(expected) is gone; the next one begins at record \(seal.first)"
            )
        }
        while expected <= seal.last {
            guard let sealed = seal.hash(of: expected) else { throw try foundWithoutSeal(&records) }
            if try prunings.covers(expected, hash: sealed) {
                pruned += 1
            } else {
                try advance(&records)
                try check(&records, sealed, under: seal, of: database)
            }
            (previous, expected) = (sealed, expected + 1)
            try checkHead()
        }
    }

    /// To the record that must come now; throws when another comes.
    private func advance(_ records: inout RecordScan) throws {
        guard try records.next() else {
            throw Stop(.removed, record: expected, "record \(expected) was removed; its seal is still there")
        }
        guard let sequence = records.sequence else { throw ofAnotherType }
        if sequence < expected {
            throw Stop(.inserted, record: sequence, "record \(sequence) was inserted: no seal covers it")
        }
        guard sequence == expected else {
            throw Stop(
                .removed,
                record: expected,
                "record \(expected) was removed; record \(sequence) follows instead"
            )
        }
    }

    private var ofAnotherType: Stop {
        Stop(.changed, record: expected, "record \(expected) has a column of another type")
    }

    private mutating func check(
        _ records: inout RecordScan,
        _ sealed: RecordHash,
        under seal: Seal,
        of database: Database
    ) throws {
        guard records.isSealed(sealed, behind: previous) else {
            guard let record = records.record else { throw ofAnotherType }
            throw seal.difference(of: record, at: expected)
        }
        guard records.isOf(kind: Self.replies) || records.isOf(kind: Self.revocation) else { return }
        guard let record = records.record else { throw ofAnotherType }
        try checkBodies(of: record)
        try checkIndex(of: record, in: database)
    }

    /// A launch looks by an index whether its principal is revoked: what is on record has to be found by it.
    private func checkIndex(of record: StoredRecord, in database: Database) throws {
        // Without the index the table is read, where it is found.
        guard record.kind.elementsEqual(Self.revocation), record.agent == nil, hasRevocations else { return }
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
    private mutating func checkBodies(of record: StoredRecord) throws {
        guard let bodies, record.kind.elementsEqual(Self.replies),
            record.payload.range(of: Self.bodiesMember) != nil,
            let replies = try? JSONDecoder().decode(RepliesRecord.self, from: record.payload)
        else { return }
        let run = String(decoding: record.run, as: UTF8.self)
        for reply in replies.replies {
            for body in reply.bodies ?? [] {
                do {
                    try bodies.read(body, of: reply.exchange, run: run) { _ in }
                } catch {
                    let isOfKey = (error as? BodyReader.Fault)?.isOfKey ?? false
                    let stop = Stop(
                        isOfKey ? .recordingKey : .recording,
                        record: expected,
                        "record \(expected) names the body of a \(body.side.rawValue), of exchange \(reply.exchange)"
                            + "\(isOfKey ? ", which cannot be looked at" : ""): \(error)"
                    )
                    guard isOfKey else { throw stop }
                    keyless = keyless ?? stop
                }
            }
        }
    }

    private static let replies = Array(EntryColumns.replies.utf8)
    private static let revocation = Array(EntryColumns.revocation.utf8)
    private static let bodiesMember = Data("\"bodies\":".utf8)

    private func checkHead() throws {
        guard expected - 1 == head.sequence, previous != RecordHash(head.hash) else { return }
        throw Stop(
            .changed,
            record: head.sequence,
            "record \(head.sequence) is not the one that the signed head names"
        )
    }

    /// No genuine seal covers the expected record: whatever can still be said from the chain alone.
    private mutating func foundWithoutSeal(_ records: inout RecordScan) throws -> Stop {
        let first = expected
        var steps = 0
        while steps < AuditLimits.maximumBatch, try records.next() {
            guard let record = records.record, record.sequence == expected,
                RecordHash(record.previous) == previous, record.computedHash() == record.hash
            else {
                return Stop(
                    .changed,
                    record: expected,
                    "record \(expected) does not continue the chain, and the seal over it is not genuine"
                )
            }
            previous = RecordHash(record.hash) ?? previous
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
