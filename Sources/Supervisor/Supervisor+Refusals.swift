internal import Client
internal import Glibc
internal import Linux
internal import Model
internal import Sandbox

/// Launches that are refused: each is on record, by itself or in a sum.
extension Supervisor {
    /// Tells a front-end why nothing runs, when that is on record.
    func refuse(
        _ refusal: LaunchRefusal,
        order: LaunchOrder,
        parent: AgentNode?,
        for connection: ControlConnection?
    ) {
        let id = connection?.id
        let answer = { [self] in
            guard let connection = id.flatMap({ connections[$0] }) else { return }
            reply(.refused(code: refusal.code, message: refusal.message), to: connection)
            drop(connection)
        }
        if let parent, case .counted = parent.refusals.add(at: Poller.now()) {
            parent.lastRefused = order.profile.label
            heed(parent.refusals.deadline)
            return answer()
        }
        let record = refused(
            order.profile.label,
            argv: order.argv,
            parent: parent,
            by: try? connection?.identity?.get().principal,
            reason: refusal.message
        )
        self.record(record) { _ in answer() }
    }

    /// Refuses an agent's launches without a look at them while too many of its launches were refused.
    func checkRefusals(of parent: AgentNode?) throws(LaunchRefusal) {
        guard let parent, parent.refusals.isFull(at: Poller.now()) else { return }
        throw LaunchRefusal(
            "\(RefusalWindow.maximumRecorded) launches of \(parent.lineage.agent.name) were refused within"
                + " \(RefusalWindow.length / 1_000) s; it may launch again when they are over"
        )
    }

    /// Turns away whoever connected to an agent's control socket and is none of that agent's, when that is on record.
    func turnAway(_ socket: consuming OwnedDescriptor, _ stranger: ControlStranger, from agent: AgentNode) {
        let channel = ControlChannel(socket, acceptedDescriptors: 0, sender: agent.number)
        let answer = { (why: String) in
            let message = "nothing is launched: \(why); launch from the agent itself, by bailey run"
            try? channel.send(ControlReply.refused(code: FrontEnd.launchFailed, message: message).bytes)
        }
        switch stranger {
        case .unknown(let code):
            noteStarvation(code)
            answer("who connected to its control socket cannot be known: \(SystemCallError.text(code))")
        case .foreign(let how):
            let reason = "a connection to the agent's control socket is not the agent's: \(how)"
            if case .counted = agent.strangers.add(at: Poller.now()) {
                heed(agent.strangers.deadline)
                return answer(reason)
            }
            record(refused(Self.unread, argv: [], parent: agent, reason: reason)) { _ in answer(reason) }
        }
    }

    /// In the place of a profile, where nobody read which one was ordered.
    private static let unread = "(not read)"

    /// Writes the sums whose time has come.
    func sumUpRefusals() {
        let now = Poller.now()
        for agent in agents.values {
            if let due = agent.strangers.deadline, due <= now { sumUpStrangers(of: agent) }
            if let due = agent.refusals.deadline, due <= now { sumUpLaunches(of: agent) }
        }
    }

    /// Writes what is not on record yet.
    func sumUpRefusals(of agent: AgentNode) {
        sumUpStrangers(of: agent)
        sumUpLaunches(of: agent)
    }

    private func sumUpStrangers(of agent: AgentNode) {
        guard let count = agent.strangers.takeSum() else { return }
        let reason =
            "\(count) more connections to the agent's control socket were not the agent's within"
            + " \(RefusalWindow.length / 1_000) s, which are not on record one by one"
        record(refused(Self.unread, argv: [], parent: agent, reason: reason)) { _ in }
    }

    private func sumUpLaunches(of agent: AgentNode) {
        guard let count = agent.refusals.takeSum() else { return }
        let reason =
            "\(count) more launches were refused within \(RefusalWindow.length / 1_000) s, which are not on record"
            + " one by one; this names the profile of the last"
        record(refused(agent.lastRefused, argv: [], parent: agent, reason: reason)) { _ in }
    }

    private func refused(
        _ profile: String,
        argv: [String],
        parent: AgentNode?,
        by principal: Principal? = nil,
        reason: String
    ) -> AuditEntry {
        .spawnRefused(
            SpawnRefusal(
                parent: parent?.lineage,
                principal: parent?.lineage.principal ?? principal ?? configuration.principal,
                profile: profile,
                argv: argv,
                reason: reason
            )
        )
    }
}
