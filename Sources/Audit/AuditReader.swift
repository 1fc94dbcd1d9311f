internal import Foundation
internal import GRDB

/// Reads a store that supervisors may be writing at the same time.
///
/// Never changes it.
package struct AuditReader: Sendable {
    let database: DatabaseQueue
    let path: String

    /// Opens the store of a state directory for reading.
    package init(directory: String) throws {
        let state = try StateDirectory(directory, create: false)
        path = directory + "/" + StoreFiles.databaseName
        guard try PrivateFile.isThere(StoreFiles.databaseName, in: state) else {
            throw AuditStoreError(
                .database,
                "there is no audit store in \(directory) (no \(StoreFiles.databaseName)); run an agent first, or "
                    + "name the state directory with --state"
            )
        }
        database = try StoreFiles.openDatabase(at: path, readOnly: true)
    }

    /// Of a store that has been opened, and how messages name it.
    init(database: DatabaseQueue, path: String) {
        (self.database, self.path) = (database, path)
    }

    /// Hands over the records one by one, oldest first, until `body` returns false.
    package func records(matching query: AuditQuery, _ body: (AuditRecord) throws -> Bool) throws {
        let (sql, arguments) = query.statement
        try reading { database in
            let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row) else { throw damaged() }
                if try !body(record) { return }
            }
        }
    }

    /// Whether there is any such record.
    package func has(_ query: AuditQuery) throws -> Bool {
        var narrowed = query
        narrowed.limit = 1
        var isFound = false
        try records(matching: narrowed) { _ in
            isFound = true
            return false
        }
        return isFound
    }

    /// Runs, oldest first; what a principal is told is of none.
    package func runs() throws -> [String] {
        try reading { database in
            try String.fetchAll(
                database,
                sql:
                    "SELECT run FROM records WHERE \(Schema.isOfLife) AND run <> '' GROUP BY run ORDER BY MIN(sequence)"
            )
        }
    }

    func reading<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try database.read(body)
        } catch let error as DatabaseError {
            throw AuditStoreError("read the audit store", path, error)
        }
    }

    func damaged() -> AuditStoreError {
        AuditStoreError(.database, "the audit store \(path) is damaged: see `bailey audit verify`")
    }
}
