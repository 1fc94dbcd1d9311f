internal import Client
internal import Glibc

/// The launcher's own limit on processes and threads (`ulimit -u`).
enum ProcessLimit {
    /// Processes and threads.
    ///
    /// A supervisor has about a dozen threads, and its libraries trap or wait for ever where one cannot be made; a launch
    /// adds a handful of processes. More of the user's may be counted, of which nothing is known here.
    private static let needed: rlim_t = 32

    static func check() throws(LaunchRefusal) {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit) == 0,
            limit.rlim_cur < needed
        else { return }
        throw LaunchRefusal(
            "the limit on processes (ulimit -u) is \(limit.rlim_cur) and \(needed) are needed; raise it, or limit the "
                + "agent instead, by limits.processes of its profile"
        )
    }
}
