internal import GRDB
internal import Model

/// Which requests a record of replies is about, by the numbers of their records.
package struct ReplyOrigins: Sendable, Hashable {
    /// By the exchange of a reply.
    package internal(set) var exchanges: [UInt64: Int64] = [:]
    /// By the connection of evidence: the request that came over it last before.
    package internal(set) var connections: [UInt64: Int64] = [:]

    /// All, each once, in order.
    package var numbers: [Int64] {
        Set(exchanges.values).union(connections.values).sorted()
    }
}

extension AuditReader {
    /// The records of a query with the requests that each is about, oldest first, until `body` returns false.
    package func listing(
        matching query: AuditQuery,
        _ body: (AuditRecord, ReplyOrigins) throws -> Bool
    ) throws {
        let (sql, arguments) = query.statement
        try reading { database in
            let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row) else { throw damaged() }
                let origins = try origins(of: record, database, within: AuditLimits.originsInList)
                if try !body(record, origins) { return }
            }
        }
    }

    /// The requests that a record of replies is about; none for every other.
    package func origins(of record: AuditRecord) throws -> ReplyOrigins {
        try reading { database in try origins(of: record, database, within: .max) }
    }

    /// Those among so many records before it.
    private func origins(
        of record: AuditRecord,
        _ database: Database,
        within reach: Int64
    ) throws -> ReplyOrigins {
        var origins = ReplyOrigins()
        guard case .replies(let replies) = record.entry else { return origins }
        var exchanges = Set(replies.replies.map(\.exchange))
        var connections = Set((replies.evidence ?? []).flatMap(\.connections))
        // Backwards: they stand shortly before, and of equal numbers the nearest is the one.
        let rows = try Row.fetchCursor(
            database,
            sql:
                "SELECT sequence, json_extract(payload, '$.exchange'), json_extract(payload, '$.connection') "
                + "FROM records WHERE run = ? AND kind = 'request' AND sequence BETWEEN ? AND ? "
                + "AND \(Self.isDecision) ORDER BY sequence DESC",
            arguments: [record.run, record.sequence - min(reach, record.sequence), record.sequence - 1]
        )
        while !(exchanges.isEmpty && connections.isEmpty), let row = try rows.next() {
            guard let sequence = Int64.fromDatabaseValue(row[0]) else { throw damaged() }
            if let exchange = UInt64.fromDatabaseValue(row[1]), exchanges.remove(exchange) != nil {
                origins.exchanges[exchange] = sequence
            }
            if let connection = UInt64.fromDatabaseValue(row[2]), connections.remove(connection) != nil {
                origins.connections[connection] = sequence
            }
        }
        return origins
    }

    /// `RequestRecord.matter` in SQL.
    private static let isDecision = """
        CASE WHEN verdict = 'allow' THEN json_array_length(payload, '$.levels') > 0 \
        ELSE json_extract(payload, '$.exchange') IS NULL END
        """
}
