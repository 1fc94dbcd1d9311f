internal import Foundation
internal import GRDB
internal import GRDBSQLite

/// Inserts records, bound to the statement by their octets: a value of GRDB's for each column is half of what a row costs.
struct RecordInsert {
    private let made: Statement
    private var statement: SQLiteStatement { unsafe made.sqliteStatement }

    init(_ database: Database) throws {
        made = try database.cachedStatement(
            sql: "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
    }

    func callAsFunction(_ record: StoredRecord) throws(DatabaseError) {
        defer {
            unsafe sqlite3_reset(statement)
            unsafe sqlite3_clear_bindings(statement)
        }
        try bind(1, record.sequence)
        try bind(2, text: record.run)
        try bind(3, record.time)
        try bind(4, text: record.kind)
        try bind(5, text: record.agent)
        try bind(6, text: record.lineage)
        try bind(7, text: record.ancestry)
        try bind(8, text: record.verdict)
        try bind(9, text: record.payload)
        try bind(10, blob: record.previous)
        try bind(11, blob: record.hash)
        try require(unsafe sqlite3_step(statement), SQLITE_DONE)
    }

    private func bind(_ place: Int32, _ number: Int64) throws(DatabaseError) {
        try require(unsafe sqlite3_bind_int64(statement, place, number))
    }

    /// Octets of UTF-8; NULL for none.
    private func bind(_ place: Int32, text: Data?) throws(DatabaseError) {
        guard let text else { return }
        let status = unsafe text.withUnsafeBytes { octets in
            // A pointer to nothing is NULL, which an empty text is not.
            guard let start = unsafe octets.bindMemory(to: CChar.self).baseAddress else {
                return unsafe sqlite3_bind_text(statement, place, "", 0, Self.copied)
            }
            return unsafe sqlite3_bind_text(
                statement,
                place,
                start,
                Int32(clamping: octets.count),
                Self.copied
            )
        }
        try require(status)
    }

    private func bind(_ place: Int32, blob: Data) throws(DatabaseError) {
        let status = unsafe blob.withUnsafeBytes { octets in
            unsafe sqlite3_bind_blob(
                statement,
                place,
                octets.baseAddress,
                Int32(clamping: octets.count),
                Self.copied
            )
        }
        try require(status)
    }

    /// `SQLITE_TRANSIENT`, which the importer does not know: SQLite copies what it is given (sqlite.org/c3ref/c_static.html).
    private static var copied: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    private func require(_ status: Int32, _ wanted: Int32 = SQLITE_OK) throws(DatabaseError) {
        guard status != wanted else { return }
        let connection = unsafe sqlite3_db_handle(statement)
        throw DatabaseError(
            resultCode: ResultCode(rawValue: unsafe sqlite3_extended_errcode(connection)),
            message: unsafe sqlite3_errmsg(connection).map { unsafe String(cString: $0) }
        )
    }
}
