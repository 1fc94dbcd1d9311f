internal import Glibc

/// How many descriptors this process may have open.
enum FileLimit {
    /// Raises the soft limit to the hard one (getrlimit(2), RLIMIT_NOFILE).
    ///
    /// An agent takes a dozen descriptors here and each of its connections two. Where that fails, fewer agents and connections fit.
    static func raise() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
