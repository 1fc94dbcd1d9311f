internal import Foundation
internal import GRDB

/// Making and opening the store's files, in the order that leaves no state a later opening would misread.
enum StoreFiles {
    static let databaseName = "audit.sqlite"

    /// Neither head nor database is there.
    static func isNew(_ directory: borrowing StateDirectory) throws(AuditStoreError) -> Bool {
        let head = try HeadFile(in: directory, .read)
        let isThere = try PrivateFile.isThere(databaseName, in: directory)
        return head == nil && !isThere
    }

    /// Key, then head, then database: a crash in between leaves a head at 0 and no database, which is an empty
    /// store, never a database without a head.
    static func create(in directory: borrowing StateDirectory, key: SigningKey) throws {
        guard try !PrivateFile.isThere(databaseName, in: directory) else { return }
        try HeadFile.create(in: directory, key: key)
        guard let head = try HeadFile(in: directory, .readWrite) else { return }
        // Under the head's lock: another supervisor may be making the same store, and would have moved the head of a
        // database that was not there a moment ago.
        try head.locked { () throws(AuditStoreError) in
            guard try !PrivateFile.isThere(databaseName, in: directory) else { return }
            try requireNothingLost(head, directory.path)
            // SQLite gives `-wal` and `-shm` the mode of this file.
            _ = try PrivateFile.open(databaseName, in: directory, .createNew)
        }
    }

    private static func requireNothingLost(_ head: HeadFile, _ path: String) throws(AuditStoreError) {
        let known = try head.read().head
        guard known.sequence > 0 else { return }
        throw AuditStoreError(
            .cut,
            "the audit database \(path)/\(databaseName) is gone, but its signed head says that it held "
                + "\(known.sequence) records; restore it, or set the whole state directory aside to begin a new store"
        )
    }

    /// Opens the database, WAL and synchronous NORMAL when it may be written, and makes its tables.
    ///
    /// NORMAL: a commit is written, and `ChainWriter.settle` synchronises the log, as FULL would within the commit
    /// (sqlite.org/pragma.html#pragma_synchronous).
    static func openDatabase(at path: String, readOnly: Bool) throws(AuditStoreError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.label = "bailey.audit"
        configuration.busyMode = .timeout(AuditLimits.busyTimeout)
        configuration.prepareDatabase { database in
            guard !readOnly else { return }
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            if !readOnly { try database.writeWithoutTransaction(Schema.create) }
            return database
        } catch {
            throw AuditStoreError("open the audit store", path, error)
        }
    }
}
