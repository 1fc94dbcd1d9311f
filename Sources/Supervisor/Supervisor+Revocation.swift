internal import Approvals
internal import Audit
internal import Client
internal import Credentials
internal import Gateway
internal import Model
internal import Policy

/// Agents and principals that are cut off: first nothing of theirs is allowed any more, then it is recorded, then what they
/// have is taken away.
extension Supervisor {
    /// Cuts off what the user names.
    func revoke(_ order: RevocationOrder, for connection: ControlConnection) {
        guard connection.caller == nil else { return refuseAgent(connection) }
        switch order.subject {
        case .agent(let id):
            guard let agent = agents[id] else {
                return reply(.revoked(count: 0, failure: nil), to: connection)
            }
            revoke(agent, order, for: connection)
        case .principal(let subject):
            let revocation = Revocation(
                agent: nil,
                principal: subject,
                by: configuration.principal.subject,
                time: order.time,
                reason: order.reason
            )
            // Its record is written by who asks, who asks every supervisor, and is one.
            let count = revoke(revocation, keepsRunning: order.keepsRunning)
            reply(.revoked(count: Int32(clamping: count), failure: nil), to: connection)
        }
    }

    private func revoke(_ agent: AgentNode, _ order: RevocationOrder, for connection: ControlConnection) {
        let principal = configuration.principal
        let revocation = Revocation(
            agent: agent.lineage.agent,
            principal: agent.lineage.principal.subject,
            by: principal.subject,
            time: order.time,
            reason: order.reason
        )
        let count = agent.descendants.count + 1
        agent.epoch.end(by: revocation)
        let record = RevocationRecord(
            lineage: agent.lineage,
            principal: agent.lineage.principal.subject,
            by: principal,
            reason: order.reason,
            agents: count,
            keptRunning: order.keepsRunning
        )
        let id = connection.id
        // On its way to the disk while connections are reset: neither waits for the other.
        self.record(.revocation(record), at: order.time, until: .durable) { [self] result in
            guard let connection = connections[id] else { return }
            let failure = if case .failure(let failure) = result { "\(failure)" } else { String?.none }
            reply(.revoked(count: Int32(clamping: count), failure: failure), to: connection)
        }
        cutOff([agent], revocation, keepsRunning: order.keepsRunning)
    }

    /// Cuts off every agent of a principal; how many there were.
    private func revoke(_ revocation: Revocation, keepsRunning: Bool) -> Int {
        principals.end(revocation.principal, by: revocation)
        let all = agents.values.filter { $0.lineage.principal.subject.isSame(as: revocation.principal) }
        let known = Set(all.map(\.id))
        let tops = all.filter { agent in agent.parent.map { !known.contains($0.id) } ?? true }
        // One that is launched below another's would hang below that one's epoch.
        for agent in tops where !agent.epoch.isOver { agent.epoch.end(by: revocation) }
        cutOff(tops, revocation, keepsRunning: keepsRunning)
        return all.count
    }

    /// Takes from agents that are revoked what they have: connections, launches under way, credentials, and their processes.
    private func cutOff(_ tops: [AgentNode], _ revocation: Revocation, keepsRunning: Bool) {
        gateway.cutOffRevoked()
        approvals.voidRevoked(because: revocation.cause)
        for launch in Array(pending.values) where launch.epoch.isOver {
            abandon(launch, refusal(revocation, toAgent: launch.parent != nil))
        }
        dropCredentials()
        guard !keepsRunning else { return }
        for agent in tops { kill(agent, cause: revocation.cause, below: revocation.cause) }
    }

    /// What is kept of credentials that nobody may use any more, and what was minted for who is revoked, however deep below.
    private func dropCredentials() {
        var (revoked, others): (Set<String>, Set<String>) = ([], [])
        var over: [AgentID] = []
        for agent in agents.values {
            let names = agent.profile?.egress.compactMap(\.credential) ?? []
            guard agent.epoch.isOver else {
                others.formUnion(names)
                continue
            }
            revoked.formUnion(names)
            over.append(agent.id)
        }
        credentials.forget(revoked, unlessOf: others, mintedFor: over)
    }

    /// The epoch of an agent that is about to be; refuses where it is over already.
    func epoch(of lineage: Lineage, under parent: AgentNode?) throws(Client.LaunchRefusal) -> RevocationEpoch
    {
        let epoch = RevocationEpoch(below: parent?.epoch ?? principals.epoch(of: lineage.principal.subject))
        try checkRevoked(epoch, lineage)
        return epoch
    }

    /// Refuses a launch whose agent, one above it, or its principal is revoked.
    ///
    /// Asked when it is admitted, and again before its command runs. The log is asked as well: whoever revoked the principal
    /// may not have found this supervisor, which then sees to it by itself.
    func checkRevoked(_ epoch: RevocationEpoch, _ lineage: Lineage) throws(Client.LaunchRefusal) {
        let isNested = lineage.depth > 1
        if let revocation = epoch.revocation { throw refusal(revocation, toAgent: isNested) }
        let own: RevokedPrincipals.Entry?
        let elsewhere: RevokedPrincipals.Entry?
        do {
            own = try revokedPrincipals().entry(of: lineage.principal.subject)
            elsewhere = try audit.revokedElsewhere(lineage.principal.subject)
        } catch {
            // Where the log is, is no agent's to know.
            let why = isNested ? "the log cannot be read" : "\(error)"
            throw Client.LaunchRefusal(
                "nothing is launched: whether \(lineage.principal.subject) is revoked cannot be known: \(why)"
            )
        }
        guard let entry = own ?? elsewhere else { return }
        revokedElsewhere(entry)
        throw refusal(entry.revocation, toAgent: isNested, isElsewhere: own == nil)
    }

    /// Cuts off the agents of a principal of whose revocation somebody else has a record.
    func revokedElsewhere(_ entry: RevokedPrincipals.Entry) {
        guard principals.isKnown(entry.revocation.principal) else { return }
        _ = revoke(entry.revocation, keepsRunning: entry.keptRunning)
    }

    private func revokedPrincipals() throws(AuditStoreError) -> RevokedPrincipals {
        if let opened = openedPrincipals { return opened }
        let opened = try audit.revokedPrincipals()
        openedPrincipals = opened
        return opened
    }

    private func refusal(
        _ revocation: Revocation,
        toAgent: Bool,
        isElsewhere: Bool = false
    ) -> Client.LaunchRefusal {
        let opening = "nothing is launched: " + (toAgent ? revocation.told : revocation.words)
        guard revocation.agent == nil, !toAgent else { return Client.LaunchRefusal(opening) }
        return Client.LaunchRefusal(
            opening + "\nTo lift it" + (isElsewhere ? ", on the machine where it was said" : "")
                + ": bailey revoke --lift "
                + "\(TerminalText.quoted(revocation.principal)) --reason WHY"
        )
    }
}
