internal import Foundation
internal import GRDB
internal import Model

/// Records with the seals over them, which go to the database together.
struct FleetPiece: Sendable {
    let records: [StoredRecord]
    let seals: [Seal]
    /// The last record.
    let last: Int64
}

extension ChainWriter {
    /// What comes behind a record up to another, in whole seals; nil where nothing does.
    ///
    /// The last has to be on the disk: what the database has, and a machine lost with its power, would stop that for good.
    /// What is handed on is what was sealed: a record that was changed on this machine's disk goes nowhere.
    func piece(behind sequence: Int64, upTo end: Int64) throws -> FleetPiece? {
        do {
            return try database.read { database in
                let seals = try seals(behind: sequence, upTo: end, in: database)
                guard let first = seals.first?.first else { return nil }
                guard first == sequence + 1 else { throw lost(sequence + 1) }
                return try piece(of: seals, in: database)
            }
        } catch let error as DatabaseError {
            throw AuditStoreError("read audit records in", path, error)
        }
    }

    /// The hash of a record, by the seal over it; nil where there is no such record.
    func hash(of sequence: Int64) throws -> Data? {
        do {
            return try database.read { database in
                let row = try Row.fetchOne(
                    database,
                    sql: "SELECT \(Seal.columns) FROM seals WHERE last >= ? ORDER BY last LIMIT 1",
                    arguments: [sequence]
                )
                return row.flatMap { Seal(row: $0) }?.digest(of: sequence)
            }
        } catch let error as DatabaseError {
            throw AuditStoreError("read audit records in", path, error)
        }
    }

    /// One at least where there is one, and no more than a batch's records.
    private func seals(
        behind sequence: Int64,
        upTo end: Int64,
        in database: Database
    ) throws -> [Seal] {
        let rows = try Row.fetchCursor(
            database,
            sql: "SELECT \(Seal.columns) FROM seals WHERE last > ? AND last <= ? ORDER BY last",
            arguments: [sequence, end]
        )
        var seals: [Seal] = []
        while let row = try rows.next() {
            guard let seal = Seal(row: row), seal.isGenuine(verifying) else {
                throw lost((seals.last?.last ?? sequence) + 1)
            }
            let first = seals.first?.first ?? seal.first
            guard seals.isEmpty || seal.last - first < Int64(AuditLimits.maximumBatch) else { break }
            guard seals.last.map({ $0.last + 1 == seal.first }) ?? true else { throw lost(seal.first) }
            seals.append(seal)
        }
        return seals
    }

    /// The first of these seals with their records: as many as may go in one statement, one at least.
    private func piece(of seals: [Seal], in database: Database) throws -> FleetPiece? {
        var (records, count, octets): ([StoredRecord], Int, Int) = ([], 0, 0)
        for seal in seals where octets < FleetLimits.piece {
            octets += try append(under: seal, to: &records, in: database)
            count += 1
        }
        return seals.prefix(count).last.map { last in
            FleetPiece(records: records, seals: Array(seals.prefix(count)), last: last.last)
        }
    }

    /// Appends what is under a seal, and gives how many octets that are.
    private func append(
        under seal: Seal,
        to records: inout [StoredRecord],
        in database: Database
    ) throws -> Int {
        let rows = try Row.fetchCursor(
            database,
            sql:
                "SELECT \(StoredRecord.columns) FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
            arguments: [seal.first, seal.last]
        )
        var (expected, octets) = (seal.first, 0)
        while let row = try rows.next() {
            guard let record = StoredRecord(row: row), record.sequence == expected,
                record.hash == seal.digest(of: expected), record.computedHash() == record.hash
            else { throw lost(expected) }
            octets += record.payload.count + record.lineage.count + record.ancestry.count
            guard octets <= FleetLimits.sealed else { throw tooLarge(seal) }
            records.append(record)
            expected += 1
        }
        guard expected == seal.last + 1 else { throw lost(expected) }
        return octets
    }

    /// One of a version before, which had no bound.
    private func tooLarge(_ seal: Seal) -> AuditFailure {
        AuditFailure(
            "records \(seal.first) to \(seal.last) of \(path) are under one seal, and are more than "
                + "\(FleetLimits.sealed >> 20) MiB: they cannot go to a database; set the state directory aside to begin a new log"
        )
    }

    private func lost(_ sequence: Int64) -> AuditFailure {
        AuditFailure(
            "record \(sequence) of \(path) is gone, pruned or changed, and is not in the database of audit.postgres yet: nothing "
                + "is allowed. Look with `bailey audit verify`; a log that was pruned before cannot go to a database: set the "
                + "state directory aside to begin a new one"
        )
    }
}
