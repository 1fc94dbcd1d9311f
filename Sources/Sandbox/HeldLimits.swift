internal import Glibc
internal import Linux
internal import Policy

/// The limits of one agent and what holds each: a control group where one may be written, else what comes closest.
package struct HeldLimits {
    /// Limits that a launch may go without, by `--allow-degraded NAME`.
    package static let degradable = ["cpus"]

    let group: Cgroup?
    /// `memory: cgroup v1`, `time: supervisor`.
    let held: [String: String]

    /// Makes what holds the limits.
    ///
    /// A limit that nothing holds is refused, unless its name is in `degraded`.
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
        var held = fallbacks(limits).merging(group?.held ?? [:]) { $1 }
        if limits.milliCPUs != nil, held["cpus"] == nil {
            guard degraded.contains("cpus") else {
                group?.remove()
                throw LaunchFailure(step: "hold a limit", object: "cpus", errno: 0, remedy: remedy)
            }
            held["cpus"] = "not held (--allow-degraded)"
        }
        return HeldLimits(group: group, held: held)
    }

    /// What holds a limit without a control group.
    private static func fallbacks(_ limits: Limits) -> [String: String] {
        var held: [String: String] = [:]
        if limits.openFiles != nil { held["open-files"] = "rlimit of each process" }
        if limits.processes != nil { held["processes"] = "rlimit of the agent and all below (RLIMIT_NPROC)" }
        if limits.memory != nil { held["memory"] = "rlimit of each process (RLIMIT_DATA)" }
        if limits.disk != nil { held["disk"] = "size of the private file system" }
        if limits.time != nil { held["time"] = "supervisor" }
        return held
    }

    private static let remedy =
        "Have a control group delegated to you (systemd: Delegate=yes), take the limit out of the profile, or accept"
        + " that it is not held with --allow-degraded cpus."
}
