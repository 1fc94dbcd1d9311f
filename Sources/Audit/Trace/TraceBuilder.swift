internal import Model

/// Puts the records of one run together, in the order in which they were written.
struct TraceBuilder {
    private let focus: TraceFocus
    private var principal: Principal?
    private var proven: Principal?
    private var agents: [TracedAgent] = []
    private var places: [AgentID: Int] = [:]
    /// Subjects and what is below them, as far as it is listed.
    private var below: Set<AgentID>
    private var unlistedAgents = 0
    /// Where each agent's requests stand, by what they have in common.
    private var lists: [AgentID: [RequestKey: Int]] = [:]
    private var listed = 0
    private var refusals: [LaunchRefusal] = []
    /// Those that found no place, by the subjects for whom they were asked for.
    private var unlistedRefusals: [ByteText: Int] = [:]
    /// Requests of the session that is traced whose reply is not there yet.
    private var asked: Set<UInt64>
    private var cutOffs: CutOffs

    private struct RequestKey: Hashable {
        let action: String
        let resource: String
        let verdict: String
        let message: String?
    }

    init(_ focus: TraceFocus, _ cutOffs: CutOffs) {
        self.focus = focus
        self.cutOffs = cutOffs
        below = focus.subjects ?? []
        asked = focus.session.map { [$0.exchange] } ?? []
    }

    /// What it was, for each principal; none where nobody was launched, or refused.
    mutating func finished() -> [Trace] {
        cutOff(before: nil)
        var unlisted = unlistedRefusals
        let listed = refusals.ofEachPrincipal(before: principal?.subject).map { subject, refusals in
            trace(of: subject, refusals, unlisted.removeValue(forKey: ByteText(subject)) ?? 0)
        }
        let others = unlisted.sorted { $0.key.text.precedes($1.key.text) }
        return listed + others.map { trace(of: $0.key.text, [], $0.value) }
    }

    private func trace(of subject: String, _ refusals: [LaunchRefusal], _ unlisted: Int) -> Trace {
        let isTheirs = principal.map { $0.subject.isSame(as: subject) } ?? false
        var trace = Trace(run: focus.run, principal: subject, proven: isTheirs ? proven : nil)
        if isTheirs { (trace.agents, trace.unlistedAgents) = (agents, unlistedAgents) }
        (trace.refusals, trace.unlistedRefusals) = (refusals, unlisted)
        return trace
    }

    mutating func add(_ record: AuditRecord) {
        cutOff(before: record.sequence)
        switch record.entry {
        case .spawn(let spawn): add(spawn, record.time)
        case .spawnRefused(let refusal): add(refusal, record.time)
        case .exit(let exit):
            guard let place = places[exit.lineage.agent.agent] else { return }
            agents[place].ended = AgentEnd(status: exit.status, cause: exit.cause, time: record.time)
            // It is of no session.
            guard focus.session == nil, let masked = exit.masked else { return }
            change(exit.lineage) { $0.add(masked: masked) }
        case .request(let request): add(request, record)
        case .replies(let replies): add(replies)
        case .revocation(let revocation): add(revocation, record.time)
        case .approval(let approval): add(approval, record.time)
        case .renewal(let renewal): proven = renewal.principal
        case .custody, nil: return
        }
    }

    /// Of those that stand above nothing is shown but their lives.
    private mutating func change(_ lineage: Lineage, _ body: (inout TracedAgent) -> Void) {
        guard let place = places[lineage.agent.agent], !agents[place].isAbove else { return }
        body(&agents[place])
    }

    private mutating func add(_ spawn: SpawnRecord, _ time: Timestamp) {
        let hop = spawn.lineage.agent
        principal = principal ?? spawn.lineage.principal
        proven = proven ?? spawn.principal
        let isSubject = focus.subjects?.contains(hop.agent) ?? false
        let isAbove = focus.above.contains(hop.agent)
        guard isSubject || isAbove || isBelow(spawn.lineage) else { return }
        guard agents.count < Trace.mostAgents || focus.isNamed(hop.agent) else {
            unlistedAgents += 1
            return
        }
        // What stands above one subject and below another is shown whole.
        let isWhole = isSubject || isBelow(spawn.lineage)
        if isWhole, focus.subjects != nil { below.insert(hop.agent) }
        places[hop.agent] = agents.count
        agents.append(TracedAgent(spawn, time, isAbove: !isWhole))
    }

    /// Whether it stands below what is traced.
    private func isBelow(_ lineage: Lineage) -> Bool {
        guard focus.subjects != nil else { return true }
        return focus.session == nil && lineage.ancestors.last.map { below.contains($0.agent) } ?? false
    }

    private mutating func add(_ refusal: SpawnRefusal, _ time: Timestamp) {
        let subject = refusal.principal.subject
        if let principal = focus.principal, !subject.isSame(as: principal) { return }
        if focus.subjects != nil {
            guard focus.session == nil, let parent = refusal.parent, below.contains(parent.agent.agent) else {
                return
            }
        }
        guard refusals.count < Trace.mostRefusals else {
            unlistedRefusals[ByteText(subject), default: 0] += 1
            return
        }
        refusals.append(LaunchRefusal(refusal, time, argv: refusal.argv.shortened))
    }

    private mutating func add(_ request: RequestRecord, _ record: AuditRecord) {
        guard isAskedFor(request) else { return }
        if let masked = request.masked { change(request.lineage) { $0.add(masked: masked) } }
        switch request.matter {
        case .note: return
        case .decision: count(request, request.verdict.rawValue, record)
        case .failure: count(request, RequestCount.failure, record)
        }
    }

    /// Whether it is of the only session or request that is asked for; what befalls it is told by its number alone.
    private mutating func isAskedFor(_ request: RequestRecord) -> Bool {
        guard let session = focus.session else { return true }
        if let number = request.exchange, asked.contains(number) { return true }
        guard request.statement?.session == session.exchange else { return false }
        if let number = request.exchange { asked.insert(number) }
        return true
    }

    private mutating func count(_ request: RequestRecord, _ verdict: String, _ record: AuditRecord) {
        let agent = request.lineage.agent.agent
        let key = RequestKey(
            action: request.action,
            resource: request.resource,
            verdict: verdict,
            message: request.message
        )
        guard let index = places[agent], !agents[index].isAbove else { return }
        if let place = lists[agent]?[key] {
            agents[index].requests[place].count += 1
            agents[index].requests[place].last = record.time
        } else if agents[index].requests.count < TracedAgent.most, listed < Trace.mostRequests {
            listed += 1
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
        for reply in replies.replies where isLastOf(reply.exchange) {
            change(replies.lineage) { $0.add(reply) }
        }
        for evidence in replies.evidence ?? [] {
            guard let process = evidence.processes.first else { continue }
            let connections = connections(of: evidence)
            if connections > 0 { change(replies.lineage) { $0.add(process, connections: connections) } }
        }
    }

    /// Whether a request that a reply has is asked for; nothing comes behind its reply.
    private mutating func isLastOf(_ exchange: UInt64) -> Bool {
        guard let session = focus.session else { return true }
        return exchange == session.exchange || asked.remove(exchange) != nil
    }

    /// How many of them are asked for.
    private func connections(of evidence: ConnectionEvidence) -> Int {
        guard let session = focus.session else { return evidence.connections.count }
        return evidence.connections.count { session.connections.contains($0) }
    }

    private mutating func add(_ revocation: RevocationRecord, _ time: Timestamp) {
        guard let lineage = revocation.lineage else { return }
        guard let place = places[lineage.agent.agent], agents[place].revoked == nil else { return }
        agents[place].revoked = AgentRevocation(revocation, time)
    }

    /// Marks those that lived when their principal was cut off.
    private mutating func cutOff(before record: Int64?) {
        for revocation in cutOffs.take(before: record) {
            guard let principal, revocation.principal.isSame(as: principal.subject) else { continue }
            for index in agents.indices where agents[index].ended == nil && agents[index].revoked == nil {
                agents[index].revoked = AgentRevocation(revocation)
            }
        }
    }

    private mutating func add(_ approval: ApprovalRecord, _ time: Timestamp) {
        if let session = focus.session, !session.questions.contains(ByteText(approval.question)) { return }
        change(approval.lineage) { $0.add(approval, time) }
    }
}
