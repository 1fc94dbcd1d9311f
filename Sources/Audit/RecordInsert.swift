internal import Foundation
internal import GRDB
internal import GRDBSQLite

/// Inserts records, bound to the statement where they were hashed: a value of GRDB's for each column is half of what a row
/// costs, and SQLite copies none.
struct RecordInsert {
    private let made: Statement
    private var statement: SQLiteStatement { unsafe made.sqliteStatement }

    init(_ database: Database) throws {
        made = try database.cachedStatement(
            sql: "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
    }

    /// - Parameters:
    ///   - record: with its hash.
    ///   - columns: all others, as they were hashed.
    /// - Throws: when it is not in the database.
    func callAsFunction(_ record: StoredRecord, _ columns: HashedColumns) throws(DatabaseError) {
        let failure = unsafe record.hash.withUnsafeBytes { hash in
            unsafe columns.withOctets { octets in
                // Before the octets may be gone.
                defer {
                    unsafe sqlite3_reset(statement)
                    unsafe sqlite3_clear_bindings(statement)
                }
                let isBound = unsafe bind(record, octets, columns.places, hash) == SQLITE_OK
                return unsafe isBound && sqlite3_step(statement) == SQLITE_DONE ? nil : lastError
            }
        }
        if let failure { throw failure }
    }

    private var lastError: DatabaseError {
        let connection = unsafe sqlite3_db_handle(statement)
        return DatabaseError(
            resultCode: ResultCode(rawValue: unsafe sqlite3_extended_errcode(connection)),
            message: unsafe sqlite3_errmsg(connection).map { unsafe String(cString: $0) }
        )
    }

    private func bind(
        _ record: StoredRecord,
        _ octets: UnsafeRawBufferPointer,
        _ places: [Range<Int>?],
        _ hash: UnsafeRawBufferPointer
    ) -> Int32 {
        var status = SQLITE_OK
        for (column, place) in zip(Int32(1)..., places) where status == SQLITE_OK {
            status =
                switch column {
                case 1: unsafe sqlite3_bind_int64(statement, column, record.sequence)
                case 3: unsafe sqlite3_bind_int64(statement, column, record.time)
                case 10: unsafe bind(column, blob: octets, place)
                default: unsafe bind(column, text: octets, place)
                }
        }
        return unsafe status == SQLITE_OK ? bind(11, blob: hash, 0..<hash.count) : status
    }

    /// Octets of UTF-8; NULL for none.
    private func bind(_ column: Int32, text octets: UnsafeRawBufferPointer, _ place: Range<Int>?) -> Int32 {
        guard let place, let start = octets.baseAddress else { return SQLITE_OK }
        let text = unsafe (start + place.lowerBound).assumingMemoryBound(to: CChar.self)
        return unsafe sqlite3_bind_text(statement, column, text, Int32(clamping: place.count), nil)
    }

    private func bind(_ column: Int32, blob octets: UnsafeRawBufferPointer, _ place: Range<Int>?) -> Int32 {
        guard let place, let start = octets.baseAddress else { return SQLITE_OK }
        return unsafe sqlite3_bind_blob(
            statement,
            column,
            start + place.lowerBound,
            Int32(clamping: place.count),
            nil
        )
    }
}
