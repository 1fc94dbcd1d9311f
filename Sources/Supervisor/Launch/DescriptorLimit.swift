internal import Glibc

/// How many descriptors the supervisor may have open (RLIMIT_NOFILE, setrlimit(2)).
///
/// Every connection of every agent takes one or two; the usual soft limit, 1024, is what two agents use up.
enum DescriptorLimit {
    /// Raises the soft limit to the hard one.
    ///
    /// Where that fails the old one stays: agents have limits of their own, set by their plans.
    static func raise() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(resource, &limit)
    }
}
