internal import Client
internal import Glibc

/// The launcher's own limit on address space (`ulimit -v`).
enum AddressSpaceLimit {
    /// Bytes.
    ///
    /// Glibc reserves 64 MiB for the heap of a thread and 8 MiB for its stack, and the supervisor has a dozen.
    /// With less an allocation fails somewhere later, which ends the process or a thread of it, without a word.
    private static let needed: rlim_t = 1 << 30

    static func check() throws(LaunchRefusal) {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < needed
        else {
            return
        }
        throw LaunchRefusal(
            "the limit on address space (ulimit -v) is \(limit.rlim_cur >> 10) KiB and \(needed >> 10) are needed; "
                + "raise it, or limit the agent instead, by limits.memory of its profile"
        )
    }
}
