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
    /// What comes behind a record, in whole seals; nil where nothing does.
    ///
    /// What is handed on is what was sealed: a record that was changed on this machine's disk goes nowhere.
    func piece(behind sequence: Int64) throws -> FleetPiece? {
        do {
            return try database.read { database in
                let seals = try seals(behind: sequence, in: database)
                guard let first = seals.first?.first, let last = seals.last?.last else { return nil }
                guard first == sequence + 1 else { throw lost(sequence + 1) }
                return FleetPiece(
                    records: try records(from: first, under: seals, in: database),
                    seals: seals,
                    last: last
                )
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

    /// One at least, and no more than a batch's records.
    private func seals(behind sequence: Int64, in database: Database) throws -> [Seal] {
        let rows = try Row.fetchCursor(
            database,
            sql: "SELECT \(Seal.columns) FROM seals WHERE last > ? ORDER BY last",
            arguments: [sequence]
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

    private func records(
        from first: Int64,
        under seals: [Seal],
        in database: Database
    ) throws -> [StoredRecord] {
        var records: [StoredRecord] = []
        var expected = first
        for seal in seals {
            let rows = try Row.fetchCursor(
                database,
                sql:
                    "SELECT \(StoredRecord.columns) FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence",
                arguments: [seal.first, seal.last]
            )
            while let row = try rows.next() {
                guard let record = StoredRecord(row: row), record.sequence == expected,
                    record.hash == seal.digest(of: expected), record.computedHash() == record.hash
                else { throw lost(expected) }
                records.append(record)
                expected += 1
            }
            guard expected == seal.last + 1 else { throw lost(expected) }
        }
        return records
    }

    private func lost(_ sequence: Int64) -> AuditFailure {
        AuditFailure(
            "record \(sequence) of \(path) is gone, pruned or changed, and is not in the database of audit.postgres yet: nothing "
                + "is allowed. Look with `bailey audit verify`; a log that was pruned before cannot go to a database: set the "
                + "state directory aside to begin a new one"
        )
    }
}
