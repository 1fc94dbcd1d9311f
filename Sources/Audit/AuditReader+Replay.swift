internal import GRDB
package import Model

/// What is replayed.
package enum ReplayScope: Sendable, Hashable {
    case run(String)
    /// The agent and everything below it.
    case agent(AgentID)
    /// A session with a database: that of this number of its run, from the record of its opening on.
    case session(run: String, number: UInt64, from: Int64)

    var run: String {
        switch self {
        case .run(let run), .session(let run, _, _): run
        case .agent(let agent): agent.run
        }
    }

    /// Of a launch, what it was of: the agent that was launched, or should have been.
    func holds(_ entry: AuditEntry) -> Bool {
        let lineage: Lineage?
        switch entry {
        case .spawn(let record): lineage = record.lineage
        case .spawnRefused(let record): lineage = record.parent
        case .request(let record): lineage = record.lineage
        case .exit, .replies, .revocation, .approval, .custody, .renewal: return false
        }
        switch self {
        case .run: return true
        case .agent(let agent): return lineage?.hops.contains { $0.agent == agent } ?? false
        case .session(_, let number, _):
            guard case .request(let request) = entry else { return false }
            return request.statement?.session == number || (request.isOpening && request.exchange == number)
        }
    }
}

extension AuditReader {
    /// Hands over requests, replies and revocations of a scope, oldest first; of a session's no revocation, which ended it
    /// with its cause.
    func requests(of scope: ReplayScope, _ body: (AuditRecord) throws -> Void) throws {
        var condition = "run = ? AND kind IN ('request', ?, ?)"
        var arguments: [(any DatabaseValueConvertible)?]
        switch scope {
        case .run(let run): arguments = [run, EntryColumns.replies, EntryColumns.revocation]
        case .agent(let agent):
            condition += " AND instr(ancestry, ?) > 0"
            arguments = [
                agent.run, EntryColumns.replies, EntryColumns.revocation, "/\(agent.text)/",
            ]
        case .session(let run, _, let first):
            condition += " AND sequence >= ?"
            arguments = [run, EntryColumns.replies, EntryColumns.replies, first]
        }
        try reading { database in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT \(AuditRecord.columns) FROM records WHERE \(condition) ORDER BY sequence",
                arguments: StatementArguments(arguments)
            )
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row) else { throw damaged() }
                try body(record)
            }
        }
    }

    /// Hands over what was decided in the run of a scope, and what began and ended agents, oldest first, with whether it is of
    /// the scope itself.
    package func decisions(
        of scope: ReplayScope,
        _ body: (AuditRecord, AuditEntry, _ isOfScope: Bool) throws -> Void
    ) throws {
        try reading { database in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT \(AuditRecord.columns) FROM records WHERE run = ? AND kind IN ("
                    + "'spawn', 'spawn-refused', 'exit', 'request') ORDER BY sequence",
                arguments: [scope.run]
            )
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row), let entry = record.entry else { throw damaged() }
                try body(record, entry, scope.holds(entry))
            }
        }
    }

    /// The session with a database that a record is of: its opening, a statement of it, or what befell one of them; nil for
    /// what is of none.
    package func session(of record: AuditRecord) throws -> ReplayScope? {
        guard case .request(let request) = try self.request(of: record).entry else { return nil }
        if let statement = request.statement {
            return .session(
                run: record.run,
                number: statement.session,
                from: try opening(statement.session, of: record)
            )
        }
        guard request.isOpening, let number = request.exchange else { return nil }
        return .session(run: record.run, number: number, from: record.sequence)
    }

    /// The record of the request of a number that stands nearest before another.
    private func opening(_ number: UInt64, of record: AuditRecord) throws -> Int64 {
        try reading { database in
            try Int64.fetchOne(
                database,
                sql: "SELECT sequence FROM records WHERE run = ? AND kind = 'request' AND sequence <= ? "
                    + "AND json_extract(payload, '$.exchange') = ? ORDER BY sequence LIMIT 1",
                arguments: [record.run, record.sequence, Int64(clamping: number)]
            ) ?? record.sequence
        }
    }
}

extension RequestRecord {
    /// It opens a session with a database, or a tunnel.
    var isConnection: Bool {
        statement == nil && [Action.connect.summary, SQLKind.replication.rawValue].holds(bytes: action)
    }

    /// It opens a session with a database.
    var isOpening: Bool { isConnection && resource.begins(with: "\(Scheme.postgres.rawValue):") }
}
