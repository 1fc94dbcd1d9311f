internal import Crypto
internal import Foundation
internal import GRDB
internal import GRDBSQLite

/// The records in their order, of which a verification looks at the octets where SQLite has them: nothing is copied of a
/// record that is as it was sealed.
struct RecordScan {
    private let rows: RowCursor
    private let made: Statement
    private var statement: SQLiteStatement { unsafe made.sqliteStatement }
    private var row: Row?
    private var message = HashedColumns(capacity: AuditLimits.usualRecord)

    init(_ database: Database) throws {
        made = try database.makeStatement(
            sql: "SELECT \(StoredRecord.columns) FROM records ORDER BY sequence"
        )
        rows = try Row.fetchCursor(made)
    }

    /// Goes on to the next record; false where there is none.
    mutating func next() throws -> Bool {
        row = try rows.next()
        return row != nil
    }

    /// Nil where it is no number.
    var sequence: Int64? {
        unsafe sqlite3_column_type(statement, 0) == SQLITE_INTEGER ? sqlite3_column_int64(statement, 0) : nil
    }

    /// A copy; nil when a column has a type that the store never writes.
    var record: StoredRecord? { row.flatMap { StoredRecord(row: $0) } }

    /// Whether it is of a kind, of an agent or of none.
    func isOf(kind: Data) -> Bool {
        guard let octets = unsafe octets(3), octets.count == kind.count else { return false }
        return unsafe octets.elementsEqual(kind)
    }

    /// Whether its columns have this hash, it says so itself, and names the one before.
    mutating func isSealed(_ hash: RecordHash, behind previous: RecordHash) -> Bool {
        guard let before = unsafe octets(9), unsafe RecordHash(before) == previous,
            let said = unsafe octets(10), unsafe RecordHash(said) == hash, sequence != nil,
            unsafe sqlite3_column_type(statement, 2) == SQLITE_INTEGER
        else { return false }
        message.begin()
        unsafe message.append(sqlite3_column_int64(statement, 0))
        unsafe message.append(octets(1))
        unsafe message.append(sqlite3_column_int64(statement, 2))
        for column in Int32(3)...9 { unsafe message.append(octets(column)) }
        let digest = SHA256.hash(data: message.octets)
        return unsafe digest.withUnsafeBytes { unsafe RecordHash($0) } == hash
    }

    /// The octets of a BLOB; nil for NULL, and every other type.
    private func octets(_ column: Int32) -> UnsafeRawBufferPointer? {
        guard unsafe sqlite3_column_type(statement, column) == SQLITE_BLOB else { return nil }
        let start = unsafe sqlite3_column_blob(statement, column)
        return unsafe UnsafeRawBufferPointer(
            start: start,
            count: Int(sqlite3_column_bytes(statement, column))
        )
    }
}

/// A hash of SHA-256, compared in a few instructions.
struct RecordHash: Sendable, Equatable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// What stands before the first record.
    static let genesis = RecordHash(StoredRecord.genesis) ?? RecordHash()

    private init() { words = (0, 0, 0, 0) }

    /// Nil for another number of octets.
    init?(_ octets: UnsafeRawBufferPointer) {
        guard octets.count == 32 else { return nil }
        unsafe words = (
            octets.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            octets.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            octets.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        )
    }

    init?(_ data: Data) {
        guard let hash = unsafe data.withUnsafeBytes({ unsafe RecordHash($0) }) else { return nil }
        self = hash
    }

    var data: Data { unsafe withUnsafeBytes(of: words) { unsafe Data($0) } }

    static func == (left: RecordHash, right: RecordHash) -> Bool { left.words == right.words }
}
