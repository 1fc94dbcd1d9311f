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
    /// Runs that a scope is about, each with the agents that it is about.
    func runs(of scope: TraceScope) throws -> [TraceFocus] {
        switch scope {
        case .run(let run): [TraceFocus(run)]
        case .agent(let agent): [TraceFocus(agent.run, of: [agent])]
        case .session(let run, let agent, _): [TraceFocus(run, of: [agent])]
        case .principal(let subject): try runs(of: subject).map { TraceFocus($0, by: subject) }
        case .digest(let digest): try holders(of: digest).map { TraceFocus($0.key, of: $0.value) }
        }
    }

    /// Agents of whom some record has a digest.
    private func holders(of digest: String) throws -> [String: Set<AgentID>] {
        var found: [String: Set<AgentID>] = [:]
        let sql = "SELECT \(AuditRecord.columns) FROM records WHERE instr(payload, ?) > 0"
        try each(sql, [digest]) { record in
            guard let agent = record.agent.flatMap(AgentID.init) else { return }
            found[record.run, default: []].insert(agent)
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
