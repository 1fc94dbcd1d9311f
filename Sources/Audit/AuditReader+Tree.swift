internal import GRDB
internal import Model

extension AuditReader {
    /// The agents of a run; of the last one when `run` is nil.
    ///
    /// Its principal is that of the agents; where there are none, that of the first launch that was refused. Nil when there is no such run.
    package func tree(run: String? = nil) throws -> AgentTree? {
        guard let run = try run ?? runs().last else { return nil }
        var builder = TreeBuilder(run: run, try cutOffs())
        try reading { database in
            let rows = try Row.fetchCursor(
                database,
                sql:
                    "SELECT \(AuditRecord.columns) FROM records WHERE run = ? AND \(Schema.isOfLife) "
                    + "ORDER BY sequence",
                arguments: [run]
            )
            while let row = try rows.next() {
                guard let record = AuditRecord(row: row) else { throw damaged() }
                builder.add(record)
            }
            builder.cutOff(before: nil)
            try count(database, into: &builder)
        }
        return builder.tree
    }

    /// That a principal was cut off, and is no more; nil where nobody said so.
    package func revocationTree(of principal: String) throws -> AgentTree? {
        let said = try revocations(of: principal)
        guard !said.isEmpty else { return nil }
        var tree = AgentTree(run: "", principal: principal, proven: nil, agents: [], refusals: [])
        tree.revocations = said
        return tree
    }

    /// Counts in the database, so that memory holds distinct requests and not all of them.
    private func count(_ database: Database, into builder: inout TreeBuilder) throws {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT agent, \(Self.outcome) AS outcome, json_extract(payload, '$.action') AS action,
                    json_extract(payload, '$.resource') AS resource,
                    json_extract(payload, '$.message') AS message, COUNT(*)
                FROM records WHERE \(Schema.isOfRun) AND kind = 'request'
                GROUP BY agent, outcome, action, resource, message ORDER BY MIN(sequence)
                """,
            arguments: [builder.run, builder.run]
        )
        while let row = try rows.next() {
            let values = Array(row.databaseValues)
            guard values.count == 6, let agent = String.fromDatabaseValue(values[0]),
                let outcome = String.fromDatabaseValue(values[1]),
                let action = String.fromDatabaseValue(values[2]),
                let resource = String.fromDatabaseValue(values[3]),
                let count = Int.fromDatabaseValue(values[5])
            else { throw damaged() }
            builder.add(
                RequestCount(
                    action: action,
                    resource: resource,
                    verdict: outcome,
                    message: String.fromDatabaseValue(values[4]),
                    count: count
                ),
                of: agent
            )
        }
    }
}

extension AuditReader {
    /// `RequestRecord.matter` in SQL: the verdict of a decision.
    private static let outcome = """
        CASE WHEN verdict = 'allow' AND json_array_length(payload, '$.levels') = 0 THEN '\(RequestCount.note)'
            WHEN verdict <> 'allow' AND json_extract(payload, '$.exchange') IS NOT NULL THEN '\(RequestCount.failure)'
            ELSE verdict END
        """
}

/// Puts a run's records together.
private struct TreeBuilder {
    let run: String
    private var principal = ""
    private var proven: Principal?
    private var agents: [AgentNode] = []
    private var places: [String: Int] = [:]
    private var refusals: [LaunchRefusal] = []
    private var cutOffs: CutOffs

    init(run: String, _ cutOffs: CutOffs) { (self.run, self.cutOffs) = (run, cutOffs) }

    var tree: AgentTree? {
        if agents.isEmpty && refusals.isEmpty { return nil }
        return AgentTree(run: run, principal: principal, proven: proven, agents: agents, refusals: refusals)
    }

    mutating func add(_ record: AuditRecord) {
        cutOff(before: record.sequence)
        switch record.entry {
        case .spawn(let spawn): add(spawn, record.time)
        case .spawnRefused(let refusal): add(refusal, record.time)
        case .exit(let exit):
            guard let place = places[exit.lineage.agent.agent.text] else { return }
            agents[place].ended = AgentEnd(status: exit.status, cause: exit.cause, time: record.time)
        case .revocation(let revocation): add(revocation, record.time)
        case .renewal(let renewal): proven = renewal.principal
        case .request, .replies, .approval, .custody, nil: return
        }
    }

    /// Marks those that lived when their principal was cut off.
    mutating func cutOff(before record: Int64?) {
        for revocation in cutOffs.take(before: record) where revocation.principal.isSame(as: principal) {
            for index in agents.indices where agents[index].ended == nil && agents[index].revoked == nil {
                agents[index].revoked = AgentRevocation(revocation)
            }
        }
    }

    mutating func add(_ request: RequestCount, of agent: String) {
        guard let place = places[agent] else { return }
        if request.isDecision { agents[place].counts[request.verdict, default: 0] += request.count }
        if agents[place].requests.count < AgentNode.maximumRequests {
            agents[place].requests.append(request)
        }
    }

    private mutating func add(_ spawn: SpawnRecord, _ time: Timestamp) {
        let hop = spawn.lineage.agent
        principal = spawn.lineage.principal.subject
        if proven == nil { proven = spawn.principal }
        places[hop.agent.text] = agents.count
        agents.append(
            AgentNode(
                agent: hop.agent,
                parent: spawn.lineage.ancestors.last?.agent,
                name: hop.name,
                profile: hop.profile,
                spiffe: spawn.spiffe,
                argv: spawn.argv,
                replayed: spawn.replayed,
                started: time
            )
        )
    }

    private mutating func add(_ revocation: RevocationRecord, _ time: Timestamp) {
        guard let agent = revocation.lineage?.agent.agent, let place = places[agent.text],
            agents[place].revoked == nil
        else { return }
        agents[place].revoked = AgentRevocation(revocation, time)
    }

    private mutating func add(_ refusal: SpawnRefusal, _ time: Timestamp) {
        if principal.isEmpty { principal = refusal.principal.subject }
        refusals.append(LaunchRefusal(refusal, time, argv: refusal.argv))
    }
}
