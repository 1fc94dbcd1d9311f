internal import Glibc
internal import Linux
internal import Policy

/// The limits of one agent and what holds each: a control group where one may be written, else what comes closest.
package struct HeldLimits {
    /// What a launch may go without, by `--allow-degraded NAME`: control groups for all limits that need one, or for one.
    package static let degradable = [groups, processor]
    package static let groups = "cgroups"
    private static let processor = "cpus"
    private static let memory = "memory"

    let group: Cgroup?
    /// `memory: cgroup v1`, `time: supervisor`.
    let held: [String: String]
    /// Limits that no control group holds although only one would for an agent and all below it: each process has them
    /// for itself, or nothing holds them.
    let unheld: [String]

    /// Makes what holds the limits.
    ///
    /// A limit that nothing holds for the agent and all below it together is refused, unless the profile says
    /// `enforced: best-effort` or its name is in `degraded`.
    static func make(
        _ limits: Limits,
        name: String,
        parent: Cgroup?,
        degraded: Set<String>
    ) throws(LaunchFailure) -> HeldLimits {
        let group: Cgroup?
        do throws(CgroupFailure) {
            // Joining a group costs some 10 ms (cgroup_threadgroup_rwsem waits for a grace period). Without a limit
            // on memory or CPU it buys nothing: RLIMIT_NPROC counts within the agent's own user namespace.
            let isNeeded = limits.memory != nil || limits.milliCPUs != nil || parent != nil
            group = isNeeded ? try Cgroup.make(name: name, parent: parent, limits: limits) : nil
        } catch {
            throw LaunchFailure(step: error.step, object: error.path, errno: error.code, remedy: remedy)
        }
        let held = group?.held ?? [:]
        let unheld = needingGroup(limits).filter { held[$0] == nil }
        if let limit = unheld.first(where: { !mayMiss($0, limits, degraded) }) {
            group?.remove()
            let failure = group?.failures.first
            throw LaunchFailure(
                step: "hold a limit",
                object: limit + (failure.map { ", \($0.step) at \($0.path)" } ?? ""),
                errno: failure?.code ?? 0,
                remedy: remedy
            )
        }
        return HeldLimits(group: group, held: fallbacks(limits).merging(held) { $1 }, unheld: unheld)
    }

    /// The limits that only a control group holds for an agent and all below it.
    ///
    /// `processes` is none of them: the kernel counts an agent's with those of the user namespaces above (RLIMIT_NPROC,
    /// since Linux 5.14). Nor is `time`, which the supervisor holds, nor what is meant for each process or agent.
    private static func needingGroup(_ limits: Limits) -> [String] {
        (limits.memory == nil ? [] : [memory]) + (limits.milliCPUs == nil ? [] : [processor])
    }

    private static func mayMiss(_ limit: String, _ limits: Limits, _ degraded: Set<String>) -> Bool {
        limits.isBestEffort ?? false || degraded.contains(groups) || degraded.contains(limit)
    }

    /// What holds a limit without a control group.
    private static func fallbacks(_ limits: Limits) -> [String: String] {
        var held: [String: String] = [:]
        if limits.openFiles != nil { held["open-files"] = "rlimit of each process" }
        if limits.processes != nil { held["processes"] = "rlimit of the agent and all below (RLIMIT_NPROC)" }
        if limits.milliCPUs != nil { held[processor] = "not held" }
        if limits.memory != nil { held[memory] = "rlimit of each process (RLIMIT_DATA)" }
        if limits.disk != nil { held["disk"] = "size of the private file system" }
        if limits.time != nil { held["time"] = "supervisor" }
        return held
    }

    /// What `bailey doctor` says of a limit that no control group can hold.
    static func state(without limit: String) -> Check.State {
        let all = Limits(memory: 1, processes: 1, milliCPUs: 1)
        let instead = fallbacks(all)[limit] ?? "not held"
        guard needingGroup(all).contains(limit) else { return .available(instead) }
        return .degraded("\(instead); refused but for 'enforced: best-effort' and --allow-degraded \(groups)")
    }

    private static let remedy =
        "Have a control group delegated to you (systemd-run --user --scope -p Delegate=yes bailey …, or 'bailey serve'"
        + " as a unit of the user's manager), take the limit out of the profile, say there that what comes closest is enough"
        + " (limits: {enforced: best-effort}), or accept it for this launch with --allow-degraded cgroups."
}
