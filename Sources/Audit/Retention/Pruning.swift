internal import Crypto
internal import Foundation
internal import GRDB
internal import Model

/// A signed statement that a stretch of records was removed on purpose, and which they were: the digest of their hashes.
///
/// The seals over them stay, so that the chain behind them is verified through their hashes.
struct Pruning: Sendable {
    let first: Int64
    let last: Int64
    /// SHA-256 over the hashes of the records, in order.
    let digest: Data
    let time: Int64
    let signature: Data

    static let columns = "first, last, digest, time, signature"

    /// Of hashes that were found to be what was sealed.
    init(_ first: Int64, hashes: [Data], at time: Timestamp, key: SigningKey) throws {
        self.first = first
        last = first + Int64(hashes.count) - 1
        digest = Data(SHA256.hash(data: hashes.reduce(into: Data()) { $0.append($1) }))
        self.time = time.milliseconds
        signature = try key.sign(Self.message(first, last, digest, time.milliseconds))
    }

    /// Nil when a column has a type that the store never writes.
    init?(row: Row) {
        let values = Array(row.databaseValues)
        guard values.count == 5, let first = Int64.fromDatabaseValue(values[0]),
            let last = Int64.fromDatabaseValue(values[1]), case .blob(let digest) = values[2].storage,
            let time = Int64.fromDatabaseValue(values[3]), case .blob(let signature) = values[4].storage
        else { return nil }
        (self.first, self.last, self.digest) = (first, last, digest)
        (self.time, self.signature) = (time, signature)
    }

    func insert(into database: Database) throws {
        let statement = try database.cachedStatement(sql: "INSERT INTO prunings VALUES (?, ?, ?, ?, ?)")
        try statement.execute(arguments: [first, last, digest, time, signature])
    }

    func isGenuine(_ key: VerifyingKey) -> Bool {
        first >= 1 && last >= first && key.accepts(signature, of: Self.message(first, last, digest, time))
    }

    /// The genuine one that covers a record; nil where there is none.
    static func covering(_ sequence: Int64, _ key: VerifyingKey, _ database: Database) throws -> Pruning? {
        guard try database.tableExists("prunings") else { return nil }
        let statement = try database.cachedStatement(
            sql: "SELECT \(columns) FROM prunings WHERE first <= ? ORDER BY first DESC LIMIT 1"
        )
        guard let found = try Row.fetchOne(statement, arguments: [sequence]).flatMap({ Pruning(row: $0) }),
            found.last >= sequence, found.isGenuine(key)
        else { return nil }
        return found
    }

    private static func message(_ first: Int64, _ last: Int64, _ digest: Data, _ time: Int64) -> Data {
        Data("bailey audit pruning v1\0".utf8) + first.octets + last.octets + digest + time.octets
    }
}

/// Walks the statements beside the seals: each record is there, or under one.
struct PruningWalk {
    private let rows: RowCursor?
    private let key: VerifyingKey
    private var current: Pruning?
    private var hashes = SHA256()

    /// - Parameters:
    ///   - database: the log.
    ///   - key: that must have signed.
    ///   - stretch: the records that are walked; a statement belongs to where it begins.
    /// - Throws: a `Stop` when the first of the statements is not genuine.
    init(_ database: Database, _ key: VerifyingKey, of stretch: ChainStretch) throws {
        self.key = key
        rows =
            try database.tableExists("prunings")
            ? Row.fetchCursor(
                database,
                sql: "SELECT \(Pruning.columns) FROM prunings WHERE first BETWEEN ? AND ? ORDER BY first",
                arguments: stretch.arguments
            ) : nil
        try advance(behind: stretch.border.last)
    }

    /// Whether the record that comes now was removed; throws where the statement that covers it is not over its hash.
    mutating func covers(_ sequence: Int64, hash: RecordHash) throws -> Bool {
        guard let pruning = current, pruning.first <= sequence else { return false }
        hashes.update(data: hash.data)
        guard sequence == pruning.last else { return true }
        guard Data(hashes.finalize()) == pruning.digest else {
            throw Stop(
                .pruning,
                record: pruning.first,
                "the statement of what was pruned from record \(pruning.first) to \(pruning.last) is of other records"
            )
        }
        try advance(behind: sequence)
        return true
    }

    /// Throws where a statement is of records that never were.
    func requireEnd() throws {
        guard let current else { return }
        throw Stop(
            .pruning,
            record: current.first,
            "records \(current.first) to \(current.last) are said to be pruned, and the log does not reach that far"
        )
    }

    private mutating func advance(behind sequence: Int64) throws {
        hashes = SHA256()
        guard let row = try rows?.next() else {
            current = nil
            return
        }
        guard let pruning = Pruning(row: row), pruning.isGenuine(key), pruning.first > sequence else {
            throw Stop(
                .pruning,
                record: sequence + 1,
                "a statement of what was pruned, behind record \(sequence), is not genuine: it was changed, or made with "
                    + "another key"
            )
        }
        current = pruning
    }
}
