internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import Model

/// Appends batches to the one global chain: in a single immediate transaction it reads the last record,
/// appends behind it, seals and commits; what is committed is brought to the disk by `settle`, and the head follows.
final class ChainWriter: Sendable {
    let database: DatabaseQueue
    private let key: SigningKey
    private let head: HeadFile
    private let trailing: TrailingHead
    /// Of the database.
    let path: String

    init(directory path: String) throws {
        let directory = try StateDirectory(path, create: true)
        let keys = try directory.directory("keys", create: true)
        let isNew = try StoreFiles.isNew(directory)
        key = try SigningKey(in: keys, mayCreate: isNew)
        try StoreFiles.create(in: directory, key: key)
        guard let head = try HeadFile(in: directory, .readWrite) else {
            throw AuditStoreError(
                .cut,
                "the audit store in \(path) has lost its head file \(HeadFile.name), so a cut tail could not "
                    + "be noticed; restore it, or set the whole state directory aside to begin a new store"
            )
        }
        self.head = head
        trailing = TrailingHead(head, key: key)
        self.path = path + "/" + StoreFiles.databaseName
        // One after the other: of two that turn a new file into a WAL database at once, SQLite tells one that it is busy,
        // and does not wait (sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
        let databasePath = self.path
        database = try head.locked { () throws(AuditStoreError) in
            try StoreFiles.openDatabase(at: databasePath, readOnly: false)
        }
        try requireWhole()
    }

    /// Writes a batch; it outlives this process from now on, and the machine when it is settled.
    ///
    /// - Returns: the head that it makes.
    func append(_ rows: [EntryColumns], times: [Timestamp], run: String) throws -> Head {
        var newHead = Head.empty
        do {
            try database.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    newHead = try extend(database, with: zip(rows, times), run: run)
                    return .commit
                }
            }
        } catch let error as DatabaseError {
            throw AuditStoreError("write audit records to", path, error)
        }
        return newHead
    }

    /// Brings everything that was written to the disk; the head follows.
    func settle(_ newHead: Head) throws {
        try synchronize()
        try trailing.reached(newHead)
    }

    /// The last record, whoever wrote it, when the disk has it.
    func settledEnd() throws -> Int64 {
        let last: Int64
        do {
            last = try database.read { try Int64.fetchOne($0, sql: "SELECT max(last) FROM seals") } ?? 0
        } catch let error as DatabaseError {
            throw AuditStoreError("read audit records in", path, error)
        }
        try synchronize()
        return last
    }

    private func synchronize() throws {
        let status = database.writeWithoutTransaction { $0.synchronizeLog() }
        guard status == SQLITE_OK else {
            throw AuditStoreError(
                "bring audit records to the disk in",
                path,
                DatabaseError(resultCode: ResultCode(rawValue: status))
            )
        }
    }

    /// What its seals are verified by.
    var verifying: VerifyingKey { key.verifying }

    /// Signs that the log has reached a head.
    func checkpoint(_ head: Head, at time: Timestamp) throws -> Checkpoint {
        try Checkpoint(head, at: time, key: key)
    }

    /// Signs what is said to other machines of a fleet: octets that no seal, head or checkpoint begins with.
    func signature(of octets: [UInt8]) throws -> [UInt8] { Array(try key.sign(Data(octets))) }

    /// Whether the head is behind what is on the disk.
    var isHeadBehind: Bool { trailing.isBehind }

    /// Moves the head to what is on the disk.
    func moveHead() throws { try trailing.catchUp() }

    private func extend(
        _ database: Database,
        with rows: Zip2Sequence<[EntryColumns], [Timestamp]>,
        run: String
    ) throws -> Head {
        var (sequence, previous) = try end(of: database)
        let run = Data(run.utf8)
        var (first, octets) = (sequence + 1, 0)
        let insert = try RecordInsert(database)
        var message = HashedColumns(capacity: AuditLimits.usualRecord)
        var records: [StoredRecord] = []
        for (row, time) in rows {
            sequence += 1
            var record = StoredRecord(
                row,
                sequence: sequence,
                run: row.run ?? run,
                time: time,
                previous: previous
            )
            record.hash = record.computedHash(&message)
            try insert(record, message)
            previous = record.hash
            records.append(record)
            octets += record.payload.count
            if octets >= AuditLimits.sealedOctets {
                try Seal(records, first: first, key: key).insert(into: database)
                (first, octets) = (sequence + 1, 0)
                records.removeAll(keepingCapacity: true)
            }
        }
        if !records.isEmpty { try Seal(records, first: first, key: key).insert(into: database) }
        return Head(sequence: sequence, hash: previous)
    }

    /// The last record's sequence and hash.
    ///
    /// Refuses to continue a chain that ends before its head: the new records would hide the cut.
    private func end(of database: Database) throws -> (Int64, Data) {
        // Before the records: what another supervisor appends meanwhile moves the head beyond those that are read here.
        let known = try head.read().head
        let row = try Row.fetchOne(
            try database.cachedStatement(
                sql: "SELECT sequence, hash FROM records ORDER BY sequence DESC LIMIT 1"
            )
        )
        let end = row.map { (row: Row) -> (Int64, Data) in (row[0], row[1]) } ?? (0, StoredRecord.genesis)
        guard end.0 > known.sequence || end == (known.sequence, known.hash) else {
            throw AuditStoreError(
                .cut,
                "the audit store \(path) ends at record \(end.0), but its signed head is at record "
                    + "\(known.sequence): records were removed or changed; nothing is added to it. Look with "
                    + "`bailey audit verify`, then set the state directory aside to begin a new store"
            )
        }
        return end
    }

    private func requireWhole() throws {
        let read = try head.read()
        guard read.isGenuine, read.key.octets == key.publicKey else {
            throw AuditStoreError(
                .key,
                "the audit head \(head.path) was not signed by the key of this store; put the key that did "
                    + "back, or set the whole state directory aside to begin a new store"
            )
        }
        do {
            _ = try database.read(end)
        } catch let error as DatabaseError {
            throw AuditStoreError("read", path, error)
        }
    }
}

extension Database {
    /// fdatasync(2) of the write-ahead log, by whichever descriptor SQLite has of it; a result code.
    ///
    /// The pager's own, which `PRAGMA synchronous = FULL` calls in each commit (sqlite.org/c3ref/c_fcntl_begin_atomic_write.html,
    /// SQLITE_FCNTL_JOURNAL_POINTER: "the write-ahead log").
    fileprivate func synchronizeLog() -> Int32 {
        var log: UnsafeMutablePointer<sqlite3_file>?
        let status = unsafe sqlite3_file_control(sqliteConnection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log)
        guard status == SQLITE_OK else { return status }
        guard let log = unsafe log, let synchronize = unsafe log.pointee.pMethods?.pointee.xSync else {
            return ResultCode.SQLITE_IOERR_FSYNC.rawValue
        }
        return unsafe synchronize(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY)
    }
}

extension StoredRecord {
    /// A record behind `previous`, not hashed yet.
    fileprivate init(_ row: EntryColumns, sequence: Int64, run: Data, time: Timestamp, previous: Data) {
        self.init(
            sequence: sequence,
            run: run,
            time: time.milliseconds,
            kind: row.kind,
            agent: row.agent,
            lineage: row.lineage,
            ancestry: row.ancestry,
            verdict: row.verdict,
            payload: row.payload,
            previous: previous,
            hash: Data()
        )
    }
}
