internal import GRDB
package import Model

extension AuditReader {
    /// One record; nil where there is none of this sequence.
    package func record(_ sequence: Int64) throws -> AuditRecord? {
        try reading { database in
            let sql = "SELECT \(AuditRecord.columns) FROM records WHERE sequence = ?"
            guard let row = try Row.fetchOne(database, sql: sql, arguments: [sequence]) else { return nil }
            guard let record = AuditRecord(row: row) else { throw damaged() }
            return record
        }
    }

    /// What came of the request of a record, and when it was written; nil where that is not on record, or not yet.
    package func reply(to record: AuditRecord) throws -> (reply: Reply, time: Timestamp)? {
        guard case .request(let request) = record.entry, let exchange = request.exchange else { return nil }
        return try reading { database in
            // A reply comes behind its request, and mostly soon.
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT \(AuditRecord.columns) FROM records WHERE run = ? AND kind = ? AND sequence > ? "
                    + "ORDER BY sequence",
                arguments: [record.run, EntryColumns.replies, record.sequence]
            )
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row) else { throw damaged() }
                guard case .replies(let replies) = record.entry else { continue }
                if let reply = replies.replies.first(where: { $0.exchange == exchange }) {
                    return (reply, record.time)
                }
            }
            return nil
        }
    }
}
