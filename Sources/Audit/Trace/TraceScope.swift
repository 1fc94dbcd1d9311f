internal import GRDB
package import Model

/// What is traced.
package enum TraceScope: Sendable, Hashable {
    case run(String)
    /// The agent, those above it, and all below.
    case agent(AgentID)
    /// Every run that a principal started.
    case principal(String)
    /// Whatever has these 64 hex digits on record: a program, a profile, a body, a request that was asked about.
    case digest(String)
    /// One session with a database, or one request, of an agent.
    case session(run: String, agent: AgentID, exchange: UInt64)

    /// Hex digits of a SHA-256.
    private static let digestLength = 64

    /// Whether a text is shaped as a digest.
    package static func isDigest(_ text: String) -> Bool {
        text.utf8.count == digestLength
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

extension AuditReader {
    /// Runs that a scope is about, oldest first, each with the agents that it is about; nil for all of them.
    func runs(of scope: TraceScope) throws -> [(run: String, agents: Set<AgentID>?)] {
        switch scope {
        case .run(let run): [(run, nil)]
        case .agent(let agent): [(agent.run, [agent])]
        case .session(let run, let agent, _): [(run, [agent])]
        case .principal(let subject): try runs(startedBy: subject).map { ($0, nil) }
        case .digest(let digest): try holders(of: digest)
        }
    }

    private func runs(startedBy subject: String) throws -> [String] {
        var runs: [String] = []
        let sql =
            "SELECT \(AuditRecord.columns) FROM records WHERE \(Schema.isOfLife) AND instr(lineage, ?) = 1 ORDER BY sequence"
        // What a lineage begins with; another's may begin alike, and what the entry says decides.
        try each(sql, [TerminalText.escaped(subject)]) { record in
            guard record.principal?.isSame(as: subject) == true, runs.last != record.run,
                !runs.contains(record.run)
            else { return }
            runs.append(record.run)
        }
        return runs
    }

    /// Agents of whom some record has a digest.
    private func holders(of digest: String) throws -> [(run: String, agents: Set<AgentID>?)] {
        var found: [(run: String, agents: Set<AgentID>?)] = []
        let sql = "SELECT \(AuditRecord.columns) FROM records WHERE instr(payload, ?) > 0 ORDER BY sequence"
        try each(sql, [digest]) { record in
            guard let agent = record.agent.flatMap(AgentID.init) else { return }
            if let place = found.firstIndex(where: { $0.run.isSame(as: record.run) }) {
                found[place].agents?.insert(agent)
            } else {
                found.append((record.run, [agent]))
            }
        }
        return found
    }

    /// Hands over records of a statement one by one.
    func each(_ sql: String, _ arguments: StatementArguments, _ body: (AuditRecord) throws -> Void) throws {
        try reading { database in
            let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row) else { throw damaged() }
                try body(record)
            }
        }
    }
}

extension AuditRecord {
    /// The subject that heads a launch's lineage; nil for records of anything else.
    fileprivate var principal: String? {
        switch entry {
        case .spawn(let spawn): spawn.lineage.principal.subject
        case .spawnRefused(let refusal): refusal.principal.subject
        case .exit, .request, .replies, .revocation, .approval, .custody, nil: nil
        }
    }
}

extension AuditReader {
    /// The session with a database, or the request, that a record is of; nil for what is of neither.
    package func traced(_ record: AuditRecord) throws -> TraceScope? {
        let request = try request(of: record)
        guard case .request(let decided) = request.entry else { return nil }
        let agent = decided.lineage.agent.agent
        if case .session(let run, let number, _) = try session(of: record) {
            return .session(run: run, agent: agent, exchange: number)
        }
        guard let exchange = decided.exchange else { return .agent(agent) }
        return .session(run: record.run, agent: agent, exchange: exchange)
    }
}
