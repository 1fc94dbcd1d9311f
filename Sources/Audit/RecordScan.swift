internal import Foundation
internal import GRDB
internal import GRDBSQLite

/// The records in their order, of which a verification looks at the octets where SQLite has them: nothing is copied of a
/// record that is as it was sealed.
struct RecordScan {
    private let rows: RowCursor
    private let made: Statement
    private var statement: SQLiteStatement { unsafe made.sqliteStatement }
    private var message = HashedColumns(capacity: AuditLimits.usualRecord)

    /// - Parameters:
    ///   - database: the log.
    ///   - sequences: of the records that are looked at.
    /// - Throws: a `DatabaseError` when it cannot be read.
    init(_ database: Database, _ sequences: ClosedRange<Int64>) throws {
        // As they are stored: a cast is an instruction of SQLite's for each column of each record.
        made = try database.makeStatement(
            sql: """
                SELECT sequence, run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash
                FROM records WHERE sequence BETWEEN ? AND ? ORDER BY sequence
                """
        )
        rows = try Row.fetchCursor(made, arguments: [sequences.lowerBound, sequences.upperBound])
    }

    /// Goes on to the next record; false where there is none.
    mutating func next() throws -> Bool { try rows.next() != nil }

    /// Nil where it is no number.
    var sequence: Int64? {
        unsafe sqlite3_column_type(statement, 0) == SQLITE_INTEGER ? sqlite3_column_int64(statement, 0) : nil
    }

    /// A copy; nil when a column has a type that the store never writes.
    var record: StoredRecord? {
        guard let sequence, let time, let run = text(1), let kind = text(3), let lineage = text(5),
            let ancestry = text(6), let payload = text(8), let previous = blob(9), let hash = blob(10),
            isTextOrNull(4), isTextOrNull(7)
        else { return nil }
        return StoredRecord(
            sequence: sequence,
            run: run,
            time: time,
            kind: kind,
            agent: text(4),
            lineage: lineage,
            ancestry: ancestry,
            verdict: text(7),
            payload: payload,
            previous: previous,
            hash: hash
        )
    }

    /// Whether it is of a kind, of an agent or of none.
    func isOf(kind: [UInt8]) -> Bool {
        guard let octets = unsafe octets(3, SQLITE_TEXT), octets.count == kind.count else { return false }
        return unsafe kind.withUnsafeBytes { unsafe octets.elementsEqual($0) }
    }

    /// Whether its columns have this hash, it says so itself, and names the one before.
    mutating func isSealed(_ hash: RecordHash, behind previous: RecordHash) -> Bool {
        guard let before = unsafe octets(9, SQLITE_BLOB), unsafe RecordHash(before) == previous,
            let said = unsafe octets(10, SQLITE_BLOB), unsafe RecordHash(said) == hash, let sequence,
            let time,
            isTextOrNull(4), isTextOrNull(7)
        else { return false }
        message.begin()
        message.append(sequence)
        unsafe message.append(octets(1, SQLITE_TEXT))
        message.append(time)
        for column in Int32(3)...8 { unsafe message.append(octets(column, SQLITE_TEXT)) }
        unsafe message.append(before)
        return message.digest == hash
    }

    /// Nil where it is no number.
    private var time: Int64? {
        unsafe sqlite3_column_type(statement, 2) == SQLITE_INTEGER ? sqlite3_column_int64(statement, 2) : nil
    }

    /// What is neither would be hashed as if it were NULL.
    private func isTextOrNull(_ column: Int32) -> Bool {
        let type = unsafe sqlite3_column_type(statement, column)
        return type == SQLITE_TEXT || type == SQLITE_NULL
    }

    private func text(_ column: Int32) -> Data? {
        unsafe octets(column, SQLITE_TEXT).map { unsafe Data($0) }
    }

    private func blob(_ column: Int32) -> Data? {
        unsafe octets(column, SQLITE_BLOB).map { unsafe Data($0) }
    }

    /// The octets of a value of this type, as they are stored; nil for NULL, and every other type.
    ///
    /// They are asked for before their number, so that SQLite converts neither (sqlite.org/c3ref/column_blob.html).
    private func octets(_ column: Int32, _ type: Int32) -> UnsafeRawBufferPointer? {
        guard unsafe sqlite3_column_type(statement, column) == type else { return nil }
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
