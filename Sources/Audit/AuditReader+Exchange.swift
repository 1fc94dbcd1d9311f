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

    /// The record of the request that a note or a failure is about; the record itself for every other.
    package func request(of record: AuditRecord) throws -> AuditRecord {
        guard case .request(let request) = record.entry, request.matter != .decision,
            let exchange = request.exchange
        else { return record }
        return try reading { database in
            // The one of the same number that stands nearest before it is that of the decision.
            let rows = try Row.fetchCursor(
                database,
                sql:
                    "SELECT \(AuditRecord.columns) FROM records WHERE run = ? AND kind = 'request' AND sequence < ? "
                    + "ORDER BY sequence DESC",
                arguments: [record.run, record.sequence]
            )
            while let row = try rows.next() {
                guard let found = AuditRecord(row: row) else { throw damaged() }
                guard case .request(let other) = found.entry, other.exchange == exchange else { continue }
                if other.matter == .decision { return found }
            }
            return record
        }
    }

    /// Which process held the connection that the request of a record came over, as far as that is on record.
    package func evidence(of record: AuditRecord) throws -> ConnectionEvidence? {
        guard case .request(let request) = record.entry, let connection = request.connection else {
            return nil
        }
        return try reading { database in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT \(AuditRecord.columns) FROM records WHERE \(Schema.isOfRun) AND kind = ? "
                    + "AND EXISTS (SELECT 1 FROM json_each(payload, '$.evidence') AS part, "
                    + "json_each(part.value, '$.connections') AS number WHERE number.value = ?) ORDER BY sequence",
                arguments: [record.run, record.run, EntryColumns.replies, Int64(clamping: connection)]
            )
            while let row = try rows.next() {
                guard let found = AuditRecord(row: row) else { throw damaged() }
                guard case .replies(let replies) = found.entry else { continue }
                if let evidence = replies.evidence?.first(where: { $0.connections.contains(connection) }) {
                    return evidence
                }
            }
            return nil
        }
    }

    /// The session that answered the agent of a record in place of every server; nil where servers did.
    package func replayedSession(of record: AuditRecord) throws -> String? {
        guard let agent = record.agent else { return nil }
        return try reading { database in
            try String.fetchOne(
                database,
                sql: "SELECT json_extract(payload, '$.replayed') FROM records WHERE run = ? "
                    + "AND \(Schema.isOfLife) AND kind = ? AND agent = ? ORDER BY sequence LIMIT 1",
                arguments: [record.run, EntryColumns.spawn, agent]
            )
        }
    }

    /// What came of the request of a record, as far as that is on record by now.
    package func sequel(of record: AuditRecord) throws -> Sequel {
        guard case .request(let request) = record.entry, let exchange = request.exchange else {
            return Sequel()
        }
        return try reading { database in
            var sequel = Sequel()
            // It comes behind its request, and mostly soon; the reply is the last of it.
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT \(AuditRecord.columns) FROM records WHERE run = ? AND kind IN ('request', ?) "
                    + "AND sequence > ? ORDER BY sequence",
                arguments: [record.run, EntryColumns.replies, record.sequence]
            )
            while let row = try rows.next() {
                guard let found = AuditRecord(row: row) else { throw damaged() }
                switch found.entry {
                case .request(let other) where other.exchange == exchange:
                    if let message = other.message { sequel.notes.append(message) }
                case .replies(let replies):
                    guard let reply = replies.replies.first(where: { $0.exchange == exchange }) else {
                        continue
                    }
                    (sequel.reply, sequel.time, sequel.record) = (reply, found.time, found.sequence)
                    return sequel
                case .spawn, .spawnRefused, .exit, .request, .revocation, .approval, .custody,
                    .renewal, nil:
                    continue
                }
            }
            return sequel
        }
    }
}

/// What came of a request that was allowed.
package struct Sequel: Sendable {
    /// What was masked in the reply, and why the request ended early, in words.
    package internal(set) var notes: [String] = []
    /// Nil where it is not on record, or not yet.
    package internal(set) var reply: Reply?
    /// When the reply's record was written, and its number.
    package internal(set) var time: Timestamp?
    package internal(set) var record: Int64?
}
