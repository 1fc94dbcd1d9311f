internal import Model

/// Puts the records of one run together, in the order in which they were written.
struct TraceBuilder {
    private let run: String
    /// Those that the trace is about; nil for all.
    private let subjects: Set<AgentID>?
    /// Of the only session or request that it is about.
    private let exchange: UInt64?
    private var principal: Principal?
    private var proven: Principal?
    private var agents: [TracedAgent] = []
    private var places: [AgentID: Int] = [:]
    /// Where each agent's requests stand, by what they have in common.
    private var lists: [AgentID: [RequestKey: Int]] = [:]
    private var refusals: [LaunchRefusal] = []

    private struct RequestKey: Hashable {
        let action: String
        let resource: String
        let verdict: String
        let message: String?
    }

    init(_ run: String, of subjects: Set<AgentID>?, exchange: UInt64?) {
        (self.run, self.subjects, self.exchange) = (run, subjects, exchange)
    }

    /// Nil where nobody was launched, or refused.
    var trace: Trace? {
        guard let principal else { return nil }
        var trace = Trace(run: run, principal: principal.subject, proven: proven)
        trace.agents = shown
        trace.refusals = refusals.filter { refusal in
            guard let parent = refusal.parent else { return subjects == nil }
            return trace.agents.contains { $0.agent == parent && !$0.isAbove }
        }
        return trace
    }

    /// The subjects with all below them, and their ancestors marked as that.
    private var shown: [TracedAgent] {
        guard let subjects else { return agents }
        var below = subjects
        var above: Set<AgentID> = []
        for agent in agents {
            if let parent = agent.parent, below.contains(parent), exchange == nil {
                below.insert(agent.agent)
            }
            if subjects.contains(agent.agent) { above.formUnion(ancestors(of: agent)) }
        }
        return agents.compactMap { agent in
            if below.contains(agent.agent) { return agent }
            return above.contains(agent.agent) ? agent.standingAbove : nil
        }
    }

    private func ancestors(of agent: TracedAgent) -> [AgentID] {
        var found: [AgentID] = []
        var next = agent.parent
        // A child's record comes after its parent's: no circle is longer than the list.
        while let id = next, found.count < agents.count, let place = places[id] {
            found.append(id)
            next = agents[place].parent
        }
        return found
    }

    mutating func add(_ record: AuditRecord) {
        switch record.entry {
        case .spawn(let spawn): add(spawn, record.time)
        case .spawnRefused(let refusal): add(refusal, record.time)
        case .exit(let exit):
            change(exit.lineage) {
                $0.ended = AgentEnd(status: exit.status, cause: exit.cause, time: record.time)
            }
        case .request(let request): add(request, record)
        case .replies(let replies): add(replies)
        case .revocation(let revocation): add(revocation, record.time)
        case .approval(let approval): add(approval, record.time)
        case .custody, nil: return
        }
    }

    private mutating func change(_ lineage: Lineage, _ body: (inout TracedAgent) -> Void) {
        guard let place = places[lineage.agent.agent] else { return }
        body(&agents[place])
    }

    private mutating func add(_ spawn: SpawnRecord, _ time: Timestamp) {
        let hop = spawn.lineage.agent
        principal = principal ?? spawn.lineage.principal
        proven = proven ?? spawn.principal
        places[hop.agent] = agents.count
        agents.append(
            TracedAgent(
                agent: hop.agent,
                parent: spawn.lineage.ancestors.last?.agent,
                name: hop.name,
                profile: hop.profile,
                profileDigest: hop.profileDigest,
                spiffe: spawn.spiffe,
                argv: spawn.argv,
                program: spawn.program,
                programDigest: spawn.programDigest,
                started: time
            )
        )
    }

    private mutating func add(_ refusal: SpawnRefusal, _ time: Timestamp) {
        principal = principal ?? refusal.principal
        guard refusals.count < TracedAgent.most else { return }
        refusals.append(
            LaunchRefusal(
                parent: refusal.parent?.agent.agent,
                profile: refusal.profile,
                argv: refusal.argv,
                reason: refusal.reason,
                time: time
            )
        )
    }

    private mutating func add(_ request: RequestRecord, _ record: AuditRecord) {
        guard isAskedFor(request.exchange, request.statement) else { return }
        if let masked = request.masked {
            change(request.lineage) { $0.masked.merge(masked) { $0 &+ $1 } }
        }
        switch request.matter {
        case .note: return
        case .decision: count(request, request.verdict.rawValue, record)
        case .failure: count(request, RequestCount.failure, record)
        }
    }

    /// Whether it is of the only session or request that is asked for.
    private func isAskedFor(_ number: UInt64?, _ statement: RecordedStatement?) -> Bool {
        exchange == nil || number == exchange || statement?.session == exchange
    }

    private mutating func count(_ request: RequestRecord, _ verdict: String, _ record: AuditRecord) {
        let agent = request.lineage.agent.agent
        let key = RequestKey(
            action: request.action,
            resource: request.resource,
            verdict: verdict,
            message: request.message
        )
        guard let index = places[agent] else { return }
        if let place = lists[agent]?[key] {
            agents[index].requests[place].count += 1
            agents[index].requests[place].last = record.time
        } else if agents[index].requests.count < TracedAgent.most {
            lists[agent, default: [:]][key] = agents[index].requests.count
            agents[index].requests.append(
                TracedRequest(
                    action: request.action,
                    resource: request.resource,
                    verdict: verdict,
                    message: request.message,
                    count: 1,
                    first: record.time,
                    last: record.time,
                    record: record.sequence
                )
            )
        } else {
            agents[index].unlisted += 1
        }
    }

    private mutating func add(_ replies: RepliesRecord) {
        for reply in replies.replies where isAskedFor(reply.exchange, nil) {
            change(replies.lineage) { agent in
                let place = agent.requests.firstIndex {
                    $0.verdict.isSame(as: Effect.allow.rawValue) && $0.action.isSame(as: reply.action)
                        && $0.resource.isSame(as: reply.resource)
                }
                guard let place else { return }
                agent.requests[place].sent &+= reply.sent
                agent.requests[place].received &+= reply.received
            }
        }
        for evidence in replies.evidence ?? [] {
            guard let process = evidence.processes.first else { continue }
            change(replies.lineage) { $0.add(process, connections: evidence.connections.count) }
        }
    }

    private mutating func add(_ revocation: RevocationRecord, _ time: Timestamp) {
        guard let lineage = revocation.lineage else { return }
        change(lineage) { agent in
            guard agent.revoked == nil else { return }
            agent.revoked = AgentRevocation(
                by: revocation.by.subject,
                reason: revocation.reason,
                time: time,
                keptRunning: revocation.keptRunning
            )
        }
    }

    private mutating func add(_ approval: ApprovalRecord, _ time: Timestamp) {
        change(approval.lineage) { agent in
            guard agent.approvals.count < TracedAgent.most else { return }
            agent.approvals.append(
                TracedAnswer(
                    question: approval.question,
                    event: approval.event,
                    action: approval.action,
                    resource: approval.resource,
                    by: approval.by?.subject,
                    reason: approval.reason,
                    time: time
                )
            )
        }
    }
}

extension TracedAgent {
    fileprivate mutating func add(_ process: ProcessEvidence, connections: Int) {
        let place = processes.firstIndex {
            $0.program == process.program && $0.programDigest == process.programDigest
                && $0.argv == process.argv
        }
        if let place {
            processes[place].connections += connections
        } else if processes.count < Self.most {
            processes.append(
                TracedProcess(
                    program: process.program,
                    programDigest: process.programDigest,
                    argv: process.argv,
                    connections: connections
                )
            )
        }
    }

    /// With its launch and its end alone.
    fileprivate var standingAbove: TracedAgent {
        var agent = self
        agent.isAbove = true
        (agent.processes, agent.requests, agent.approvals) = ([], [], [])
        (agent.masked, agent.unlisted) = ([:], 0)
        return agent
    }
}

extension AuditReader {
    /// What each run of a scope was; empty where there is none.
    package func traces(of scope: TraceScope, _ body: (Trace) throws -> Void) throws {
        var exchange: UInt64?
        if case .session(_, _, let number) = scope { exchange = number }
        for (run, agents) in try runs(of: scope) {
            var builder = TraceBuilder(run, of: agents, exchange: exchange)
            try records(matching: AuditQuery(run: run)) { record in
                builder.add(record)
                return true
            }
            if let trace = builder.trace { try body(trace) }
        }
    }
}
