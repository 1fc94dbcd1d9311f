internal import Client
internal import Glibc

/// How many descriptors the supervisor may have open (RLIMIT_NOFILE, setrlimit(2)).
///
/// Every connection of every agent takes one or two; the usual soft limit, 1024, is what two agents use up.
enum DescriptorLimit {
    /// What a supervisor with one agent has open, and as much again: with fewer an event loop fails where NIO traps.
    private static let needed: rlim_t = 128

    /// Raises the soft limit to the hard one; refuses one that is too low.
    ///
    /// Where raising fails the old one stays: agents have limits of their own, set by their plans.
    static func raise() throws(LaunchRefusal) {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return }
        guard limit.rlim_max >= needed else {
            throw LaunchRefusal(
                "the limit on open files (ulimit -H -n) is \(limit.rlim_max) and \(needed) are needed; raise it, or limit "
                    + "the agent instead, by limits.open-files of its profile"
            )
        }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(resource, &limit)
    }

    /// Client connections that all agents may have together, and as many upstream ones.
    ///
    /// A quarter each of what may be open; the other half is for the agents themselves, a dozen descriptors each, the
    /// store and the streams.
    static var connections: Int { current / 4 }

    /// Control connections that all agents may have together: more than there can be agents, which take a dozen
    /// descriptors each, and little of what may be open.
    static var agentConnections: Int { current / 16 }

    /// Launches of the user's that one supervisor may have: what they take is under the half that is left for agents.
    static var userLaunches: Int { current / 32 }

    private static var current: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return usual
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The soft limit of most machines.
    private static let usual = 1024
}
