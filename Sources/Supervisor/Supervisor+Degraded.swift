internal import Client
internal import Policy
internal import Sandbox

/// What agents go without.
extension Supervisor {
    /// What was given up for an agent, by name: by the command line, or by its profile's `enforced: best-effort`.
    func degraded(_ agent: AgentNode) -> [String] {
        var names = configuration.degraded
        let unnamed = agent.sandbox.unheldLimits.filter { !names.contains($0) }
        if !unnamed.isEmpty { names.insert(HeldLimits.groups) }
        return names.sorted()
    }

    /// Says, once for each limit, that `--allow-degraded` made a launch go on without it.
    func warnOfUnheldLimits(of agent: AgentNode) {
        guard !(agent.profile?.limits.isBestEffort ?? false) else { return }
        for limit in agent.sandbox.unheldLimits where warnedOf.insert(limit).inserted {
            Complaint.print(
                "warning: no control group holds limits.\(limit) for an agent and all below it (--allow-degraded): "
                    + (agent.sandbox.heldLimits[limit] ?? "")
            )
        }
    }
}
