internal import Client
internal import Linux
internal import Model
internal import Policy

/// Standard streams between agents and their parents.
extension Supervisor {
    /// What the front-end gets of an agent's streams: of a root agent these, which are its user's; of any other those of a
    /// relay that masks.
    ///
    /// - Throws: where they cannot be relayed, or its terminal has to be recorded and cannot be.
    func frontStreams(of agent: AgentNode) throws(LaunchRefusal) -> [Int32] {
        guard let parent = agent.parent else { return try streams(of: agent) }
        // Before its terminal's recording begins.
        let relay = try stdioRelay(of: agent, under: parent)
        let streams = try streams(of: agent)
        do throws(SystemCallError) {
            let ends = try relay.begin(streams, isRecorded: agent.relay != nil)
            agent.stdio = relay
            return ends
        } catch {
            throw Self.unrelayed(error)
        }
    }

    private func stdioRelay(
        of agent: AgentNode,
        under parent: AgentNode
    ) throws(LaunchRefusal) -> StdioRelay {
        let (id, mailbox) = (agent.id, mailbox)
        do throws(SystemCallError) {
            return try StdioRelay(
                secrets(around: agent),
                strictly: !Self.masksTokens(agent.policy),
                epochs: (agent.epoch, parent.epoch)
            ) { mailbox.post(.stdio(id, $0)) }
        } catch {
            throw Self.unrelayed(error)
        }
    }

    private static func unrelayed(_ error: SystemCallError) -> LaunchRefusal {
        LaunchRefusal(
            "the streams between it and its parent cannot be relayed (\(error)): the machine may be out of descriptors,"
                + " threads or memory; try again when other agents have ended"
        )
    }

    private func secrets(around agent: AgentNode) -> StdioSecrets {
        let names = agent.policy.levels.flatMap { $0.profile.egress.compactMap(\.credential) }
        return StdioSecrets(
            credentials: credentials,
            tables: stdioTables,
            names: Set(names).sorted(),
            lineages: agent.chain.map(\.lineage)
        )
    }

    /// Whether a rule of any level has tokens masked, whatever they are.
    private static func masksTokens(_ policy: LineagePolicy) -> Bool {
        policy.levels.contains { level in
            level.profile.egress.contains { $0.masks.holdsAny(MaskKind.Group.secrets.kinds) }
        }
    }

    /// Whether one more agent, and as a child the relay of its streams, has the descriptors that it takes.
    func hasDescriptors(forChild isChild: Bool) -> Bool {
        let children =
            agents.values.count { $0.parent != nil } + pending.values.count { $0.parent != nil }
            // Whose output nobody has taken yet.
            + leaving.values.count { $0.stdio != nil }
        return DescriptorLimit.suffices(
            agents: agents.count + pending.count + 1,
            relays: children + (isChild ? 1 : 0)
        )
    }

    func heard(_ report: StdioRelay.Report, of id: AgentID) {
        guard let agent = agents[id] ?? leaving[id] else { return }
        switch report {
        case .unsearchable:
            guard agent.phase != .ended else { return }
            kill(agent, cause: "its standard streams cannot be searched for secrets on this machine")
        case .ended(let masked):
            agent.masked = masked
            agent.isStdioOpen = false
            recordDue(agent)
        }
    }

    /// The exit record waits until what the agent wrote last has been taken, or nobody is there to take it.
    func endStdio(of agent: AgentNode) {
        guard let relay = agent.stdio, agent.masked == nil else { return }
        agent.isStdioOpen = true
        if connections[agent.frontEnd] == nil { relay.abandon() } else { relay.finish() }
    }
}
