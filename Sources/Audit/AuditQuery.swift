internal import GRDB
package import Model

/// Which records are asked for; everything that is nil does not narrow.
package struct AuditQuery: Sendable, Hashable {
    /// The agent and everything below it.
    package var agent: AgentID?
    package var run: String?
    /// What was done for this one, by its subject, and what it was told.
    package var principal: String?
    /// Only what was refused: `deny`, and `ask` for what was not approved.
    package var deniedOnly: Bool
    package var since: Timestamp?
    /// The newest so many; they come oldest first all the same.
    package var limit: Int?

    package init(
        agent: AgentID? = nil,
        run: String? = nil,
        deniedOnly: Bool = false,
        since: Timestamp? = nil,
        limit: Int? = nil
    ) {
        self.agent = agent
        self.run = run
        self.deniedOnly = deniedOnly
        self.since = since
        self.limit = limit
    }

    /// SQL and its arguments; nothing of the query is ever part of the text.
    var statement: (sql: String, arguments: StatementArguments) {
        var conditions: [String] = []
        var arguments: [(any DatabaseValueConvertible)?] = []
        if let agent {
            // The run narrows first: an agent's descendants are of its own run.
            conditions += [Schema.isOfRun, "instr(ancestry, ?) > 0"]
            arguments += [agent.run, agent.run, "/\(agent.text)/"]
        }
        if let run {
            conditions.append(Schema.isOfRun)
            arguments += [run, run]
        }
        if let principal {
            conditions.append(Schema.isOfSubject)
            arguments.append(principal)
        }
        if deniedOnly { conditions += [Schema.isRefused, Schema.isNotPostponed] }
        if let since {
            conditions.append("time >= ?")
            arguments.append(since.milliseconds)
        }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let newest = "SELECT \(AuditRecord.columns) FROM records\(filter) ORDER BY sequence DESC LIMIT ?"
        arguments.append(limit.map { max($0, 0) } ?? -1)
        return ("SELECT * FROM (\(newest)) ORDER BY sequence", StatementArguments(arguments))
    }
}
