internal import Foundation
internal import GRDB
internal import Glibc
internal import Model
internal import PostgresLink

/// One machine's log as the database has it, copied into a private store that has no name any more: it is gone with this process.
///
/// In memory that does not grow with it.
struct FleetCopy {
    let database: DatabaseQueue

    init(_ chain: FleetChain, of access: PostgresAccess) throws {
        do {
            database = try Self.unnamed()
            let connection = PostgresConnection(access, statement: PostgresLimits.unbounded)
            try Self.copyRecords(chain, connection, to: database)
            try Self.copySeals(chain, connection, to: database)
        } catch let error as DatabaseError {
            throw AuditStoreError("copy a log to", NSTemporaryDirectory(), error)
        }
    }

    /// A store in a folder that is ours alone, and gone when it is opened.
    private static func unnamed() throws -> DatabaseQueue {
        var template = Array((NSTemporaryDirectory() + "/bailey-fleet-XXXXXX").utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw AuditStoreError(
                "make a folder in",
                NSTemporaryDirectory(),
                errno: errno,
                remedy: "name another with TMPDIR"
            )
        }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = folder + "/log"
        defer {
            _ = unsafe unlink(path)
            _ = unsafe rmdir(folder)
        }
        var configuration = Configuration()
        configuration.label = "bailey.fleet"
        configuration.prepareDatabase { database in
            // Nothing of it has to outlive this process, nor is anything taken back.
            try database.execute(sql: "PRAGMA journal_mode = OFF")
            try database.execute(sql: "PRAGMA synchronous = OFF")
        }
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.writeWithoutTransaction(Schema.create)
        return database
    }

    private static func copyRecords(
        _ chain: FleetChain,
        _ connection: PostgresConnection,
        to database: DatabaseQueue
    ) throws {
        let query =
            "SELECT \(FleetStatement.recordColumns) FROM \(FleetStatement.recordTable) "
            + "WHERE chain = $1 AND sequence <= $2::bigint ORDER BY sequence"
        try copy(query, of: chain, connection) { row in
            guard let record = StoredRecord(row) else {
                throw malformed(FleetStatement.recordTable, connection)
            }
            return record
        } write: { records in
            try database.write { database in
                let insert = try RecordInsert(database)
                var columns = HashedColumns(capacity: AuditLimits.usualRecord)
                for record in records {
                    columns.take(record)
                    try insert(record, columns)
                }
            }
        }
    }

    private static func copySeals(
        _ chain: FleetChain,
        _ connection: PostgresConnection,
        to database: DatabaseQueue
    ) throws {
        let query =
            "SELECT \(FleetStatement.sealColumns) FROM \(FleetStatement.sealTable) "
            + "WHERE chain = $1 AND last <= $2::bigint ORDER BY last"
        try copy(query, of: chain, connection) { row in
            guard let seal = Seal(row) else { throw malformed(FleetStatement.sealTable, connection) }
            return seal
        } write: { seals in
            try database.write { database in
                for seal in seals { try seal.insert(into: database) }
            }
        }
    }

    /// Writes what the rows of a query are, so many, or so many octets, at a time: whoever may add rows says how long they are.
    private static func copy<Item>(
        _ query: String,
        of chain: FleetChain,
        _ connection: PostgresConnection,
        item: (PostgresConnection.Row) throws -> Item,
        write: ([Item]) throws -> Void
    ) throws {
        var (waiting, octets): ([Item], Int) = ([], 0)
        try connection.run(query, [.text(chain.key), .number(chain.last)]) { row in
            waiting.append(try item(row))
            octets += row.reduce(0) { $0 + ($1.octets?.count ?? 0) }
            guard waiting.count >= FleetLimits.copiedAtOnce || octets >= FleetLimits.copiedOctets else {
                return
            }
            try write(waiting)
            waiting.removeAll(keepingCapacity: true)
            octets = 0
        }
        try write(waiting)
    }

    private static func malformed(_ table: String, _ connection: PostgresConnection) -> Stop {
        Stop(.schema, "a row of \(table) in \(connection.location) is none: make it as docs/audit.md says")
    }
}

extension StoredRecord {
    /// Of `FleetStatement.recordColumns`; nil where a column is NULL that may not be.
    init?(_ row: PostgresConnection.Row) {
        guard row.count == 11, let sequence = row[0].number, let run = row[1].octets,
            let time = row[2].number, let kind = row[3].octets, let lineage = row[5].octets,
            let ancestry = row[6].octets, let payload = row[8].octets, let previous = row[9].octets,
            let hash = row[10].octets
        else { return nil }
        self.init(
            sequence: sequence,
            run: Data(run),
            time: time,
            kind: Data(kind),
            agent: row[4].octets.map { Data($0) },
            lineage: Data(lineage),
            ancestry: Data(ancestry),
            verdict: row[7].octets.map { Data($0) },
            payload: Data(payload),
            previous: Data(previous),
            hash: Data(hash)
        )
    }
}

extension Seal {
    /// Of `FleetStatement.sealColumns`.
    init?(_ row: PostgresConnection.Row) {
        guard row.count == 4, let last = row[0].number, let first = row[1].number,
            let digests = row[2].octets, let signature = row[3].octets
        else { return nil }
        self.init(first: first, last: last, digests: Data(digests), signature: Data(signature))
    }
}
