internal import Client
internal import Glibc
internal import Model

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

    /// Writes the sums whose time has come.
    func sumUpRefusals() {
        let now = Poller.now()
        for agent in agents.values where agent.refusals.deadline.map({ $0 <= now }) ?? false {
            sumUpRefusals(of: agent)
        }
    }

    /// Writes what is not on record yet.
    func sumUpRefusals(of agent: AgentNode) {
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
