package import Model

/// Which waiting job is next, so that no agent's jobs keep another's from running: each agent has a bounded number
/// running and waiting, and agents take turns.
///
/// Pure; who owns it runs the jobs.
package struct FairQueue<Job: Sendable>: Sendable {
    /// How much at a time.
    package struct Limits: Sendable {
        package let running: Int
        package let runningPerAgent: Int
        package let waitingPerAgent: Int

        package init(running: Int, runningPerAgent: Int, waitingPerAgent: Int) {
            self.running = running
            self.runningPerAgent = runningPerAgent
            self.waitingPerAgent = waitingPerAgent
        }
    }

    private struct Share {
        var running = 0
        var waiting: [Job] = []
    }

    private let limits: Limits
    private var running = 0
    private var shares: [AgentID: Share] = [:]
    /// Agents with waiting jobs, the one whose turn is next first.
    private var turns: [AgentID] = []

    package init(_ limits: Limits) {
        self.limits = limits
    }

    /// Puts a job at the end of its agent's line; false when that is full.
    package mutating func add(_ job: Job, for agent: AgentID) -> Bool {
        guard hasRoom(for: agent) else { return false }
        if shares[agent]?.waiting.isEmpty ?? true { turns.append(agent) }
        shares[agent, default: Share()].waiting.append(job)
        return true
    }

    /// Puts a job that has run in part in front of its agent's line, where it came from, however full that is: what it
    /// holds in memory is let go before its agent's next job begins.
    package mutating func putBack(_ job: Job, for agent: AgentID) {
        if shares[agent]?.waiting.isEmpty ?? true { turns.append(agent) }
        shares[agent, default: Share()].waiting.insert(job, at: 0)
    }

    /// Takes the next job that may run now; `finished` gives its place back.
    package mutating func next() -> (agent: AgentID, job: Job)? {
        guard running < limits.running,
            let index = turns.firstIndex(where: { shares[$0]?.running ?? 0 < limits.runningPerAgent })
        else { return nil }
        let agent = turns.remove(at: index)
        guard var share = shares[agent], !share.waiting.isEmpty else { return nil }
        let job = share.waiting.removeFirst()
        share.running += 1
        running += 1
        if !share.waiting.isEmpty { turns.append(agent) }
        shares[agent] = share
        return (agent, job)
    }

    /// A job of this agent's has run.
    package mutating func finished(_ agent: AgentID) {
        guard var share = shares[agent], share.running > 0 else { return }
        share.running -= 1
        running -= 1
        shares[agent] = share.running == 0 && share.waiting.isEmpty ? nil : share
    }

    /// Whether no job waits.
    package var isEmpty: Bool { turns.isEmpty }

    /// Whether one more of an agent's jobs may wait.
    package func hasRoom(for agent: AgentID) -> Bool {
        shares[agent]?.waiting.count ?? 0 < limits.waitingPerAgent
    }

    /// Takes out the jobs of an agent's that wait and are not wanted any more.
    package mutating func removeAll(of agent: AgentID, where isUnwanted: (Job) -> Bool) -> [Job] {
        guard var share = shares[agent] else { return [] }
        let removed = share.waiting.filter(isUnwanted)
        share.waiting.removeAll(where: isUnwanted)
        if share.waiting.isEmpty { turns.removeAll { $0 == agent } }
        shares[agent] = share.running == 0 && share.waiting.isEmpty ? nil : share
        return removed
    }

    /// Takes out every job that waits.
    package mutating func removeAll() -> [Job] {
        defer {
            turns = []
            for agent in shares.keys { shares[agent]?.waiting = [] }
        }
        return shares.values.flatMap(\.waiting)
    }
}
