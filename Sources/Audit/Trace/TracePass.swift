internal import Foundation
internal import GRDB
package import Model

/// What a trace shows of one run.
struct TraceFocus: Sendable {
    let run: String
    /// Agents that it is about, with all below them; nil for all.
    var subjects: Set<AgentID>?
    /// Those above them.
    var above: Set<AgentID> = []
    /// For whom it is about, where launches were refused for several.
    var principal: String?
    /// The only session or request of them that it is about.
    var session: TracedSession?

    init(_ run: String, of subjects: Set<AgentID>? = nil, by principal: String? = nil) {
        (self.run, self.subjects, self.principal) = (run, subjects, principal)
    }

    /// Whether an agent is listed before all others: there are few of those that it is about, and above them.
    func isNamed(_ agent: AgentID) -> Bool {
        guard let subjects, subjects.count + above.count <= Trace.mostAgents else { return false }
        return subjects.contains(agent) || above.contains(agent)
    }
}

/// One session with a database, or one request, with what its records name.
struct TracedSession: Sendable {
    let exchange: UInt64
    var connections: Set<UInt64> = []
    /// Ids of questions, approved or not.
    var questions: Set<ByteText> = []
}

extension AuditReader {
    /// What each run of a scope was, in the order in which they ended; nothing where there is none.
    ///
    /// Of a principal first that it was cut off, and is no more. The log is read once, however many runs there are, and before that, where there are several, for where each ends: in
    /// memory are those that were there at the same time. `body` must not read the log.
    package func traces(of scope: TraceScope, _ body: (Trace) throws -> Void) throws {
        if case .principal(let subject) = scope { try tellRevocations(of: subject, body) }
        var focuses: [String: TraceFocus] = [:]
        for focus in try runs(of: scope) { focuses[focus.run] = try completed(focus, scope) }
        guard let names = try Self.list(focuses.keys), let first = try firstLife(of: names) else { return }
        let ends = focuses.count > 1 ? try self.ends(of: names, from: first) : [:]
        let cutOffs = try cutOffs()
        var builders: [String: TraceBuilder] = [:]
        let sql =
            "SELECT \(AuditRecord.columns) FROM records WHERE sequence BETWEEN ? AND ? AND \(Self.isListed) "
            + "ORDER BY sequence"
        try each(sql, [first, ends.values.max() ?? Int64.max, names]) { record in
            guard let focus = focuses[record.run] else { return }
            builders[record.run, default: TraceBuilder(focus, cutOffs)].add(record)
            guard ends[record.run] == record.sequence else { return }
            guard var builder = builders.removeValue(forKey: record.run) else { return }
            for trace in builder.finished() { try body(trace) }
        }
        for (_, builder) in builders {
            var builder = builder
            for trace in builder.finished() { try body(trace) }
        }
    }

    private func tellRevocations(of subject: String, _ body: (Trace) throws -> Void) throws {
        let said = try revocations(of: subject)
        guard !said.isEmpty else { return }
        var trace = Trace(run: "", principal: subject, proven: nil)
        trace.revocations = said
        try body(trace)
    }

    private static let isListed = "run IN (SELECT value FROM json_each(?))"

    /// An argument of `isListed`; nil for none.
    private static func list(_ runs: some Collection<String>) throws -> String? {
        guard !runs.isEmpty else { return nil }
        return String(decoding: try JSONEncoder().encode(Array(runs)), as: UTF8.self)
    }

    /// The first record of a launch; nil where none is on record.
    private func firstLife(of runs: String) throws -> Int64? {
        try reading { database in
            try Int64.fetchOne(
                database,
                sql: "SELECT min(sequence) FROM records WHERE \(Self.isListed) AND \(Schema.isOfLife)",
                arguments: [runs]
            )
        }
    }

    /// The last record of each run.
    private func ends(of runs: String, from first: Int64) throws -> [String: Int64] {
        try reading { database in
            var ends: [String: Int64] = [:]
            let rows = try Row.fetchCursor(
                database,
                sql:
                    "SELECT run, sequence FROM records WHERE sequence >= ? AND \(Self.isListed) ORDER BY sequence",
                arguments: [first, runs]
            )
            while let row = try rows.next() {
                let values = Array(row.databaseValues)
                guard values.count == 2, let run = String.fromDatabaseValue(values[0]),
                    let sequence = Int64.fromDatabaseValue(values[1])
                else { throw damaged() }
                ends[run] = sequence
            }
            return ends
        }
    }

    /// With who stands above, and what a session's records name.
    private func completed(_ focus: TraceFocus, _ scope: TraceScope) throws -> TraceFocus {
        var focus = focus
        if let subjects = focus.subjects { focus.above = try ancestors(of: subjects, in: focus.run) }
        if case .session(let run, let agent, let exchange) = scope {
            focus.session = try session(exchange, of: agent, in: run)
        }
        return focus
    }

    private func ancestors(of subjects: Set<AgentID>, in run: String) throws -> Set<AgentID> {
        var found: Set<AgentID> = []
        let sql =
            "SELECT \(AuditRecord.columns) FROM records WHERE run = ? AND \(Schema.isOfLife) AND kind = ? ORDER BY sequence"
        try each(sql, [run, EntryColumns.spawn]) { record in
            guard case .spawn(let spawn) = record.entry, subjects.contains(spawn.lineage.agent.agent) else {
                return
            }
            found.formUnion(spawn.lineage.ancestors.map(\.agent))
        }
        return found.subtracting(subjects)
    }

    private func session(_ exchange: UInt64, of agent: AgentID, in run: String) throws -> TracedSession {
        var session = TracedSession(exchange: exchange)
        let number = Int64(clamping: exchange)
        let sql = """
            SELECT \(AuditRecord.columns) FROM records WHERE \(Schema.isOfRun) AND kind = ? AND agent = ?
            AND ? IN (json_extract(payload, '$.exchange'), json_extract(payload, '$.statement.session'))
            """
        try each(sql, [run, run, EntryColumns.request, agent.text, number]) { record in
            guard case .request(let request) = record.entry else { return }
            if let connection = request.connection { session.connections.insert(connection) }
            if let question = request.approval { session.questions.insert(ByteText(question)) }
        }
        return session
    }

    /// How many runs were removed from the log, of which it says nothing any more.
    package func prunedRuns() throws -> Int {
        try reading { database in
            try Int.fetchOne(
                database,
                sql: """
                    SELECT count(DISTINCT part.value) FROM records AS told, json_each(told.payload, '$.runs') AS part
                    WHERE told.run = '' AND told.\(Schema.isOfLife) AND told.kind = ?
                    AND json_extract(told.payload, '$.event') = ?
                    AND NOT EXISTS (SELECT 1 FROM records WHERE run = part.value AND \(Schema.isOfLife))
                    """,
                arguments: [EntryColumns.custody, CustodyRecord.Event.pruned.rawValue]
            ) ?? 0
        }
    }

    /// Whether any life of a run, or of one agent of it, is on record: by the index, not through the log.
    package func hasLife(of run: String, agent: AgentID? = nil) throws -> Bool {
        try reading { database in
            try Bool.fetchOne(
                database,
                sql:
                    "SELECT EXISTS (SELECT 1 FROM records WHERE run = ? AND \(Schema.isOfLife) AND (? IS NULL OR agent = ?))",
                arguments: [run, agent?.text, agent?.text]
            ) ?? false
        }
    }
}
