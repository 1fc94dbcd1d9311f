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

    /// What one agent takes, without the connections of its own: counted by `make bench-crowd`.
    private static let perAgent = 14

    /// What a child takes beside: the relay of its streams has three of the agent's, an end of three pipes, and what wakes its
    /// thread (`StdioRelay`); a terminal's has fewer.
    private static let perRelay = 7

    /// Two thirds of what may be open are for agents.
    private static var ofAgents: Int { shared * 2 / 3 }

    /// Launches of the user's that one supervisor may have.
    static var userLaunches: Int { ofAgents / perAgent }

    /// Whether so many agents may be there, with so many relays of children's streams.
    static func suffices(agents: Int, relays: Int) -> Bool {
        agents * perAgent + relays * perRelay <= ofAgents
    }

    /// Client connections that all agents may have together, and as many upstream ones: a quarter in all.
    static var connections: Int { shared / 8 }

    /// Control connections that all agents may have together; what is left is for launches under way.
    static var agentConnections: Int { shared / 32 }

    /// What may be open beside what a supervisor needs for itself; never so little that an agent could connect to nothing.
    private static var shared: Int { max(Int(clamping: needed), current - Int(clamping: needed)) }

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
