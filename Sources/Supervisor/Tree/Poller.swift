internal import Glibc
internal import Model

/// The descriptors of one turn of the supervisor's loop, each with what it means.
struct Poller {
    /// What became readable.
    enum Source {
        case mailbox
        case connection(ConnectionID)
        /// A launch under way has something to say.
        case pending(AgentID)
        /// An agent's init has something to say.
        case status(AgentID)
        /// The last process of an agent is gone.
        case death(AgentID)
        /// Somebody inside an agent wants to launch.
        case listener(AgentID)
        /// The user wants something.
        case server
        case signals
    }

    private var descriptors: [pollfd] = []
    private var sources: [Source] = []

    mutating func watch(_ descriptor: Int32, _ source: Source) {
        descriptors.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        sources.append(source)
    }

    /// Waits until something is readable, hung up or in error, or a moment of the monotonic clock has come.
    mutating func wait(until deadline: UInt64?) -> [Source] {
        let timeout =
            deadline.map { Int32(clamping: Int64(clamping: $0) - Int64(clamping: Self.now())) } ?? -1
        guard unsafe poll(&descriptors, nfds_t(descriptors.count), deadline == nil ? -1 : max(0, timeout)) > 0
        else {
            return []
        }
        return zip(descriptors, sources).filter { $0.0.revents != 0 }.map(\.1)
    }

    /// Milliseconds of CLOCK_MONOTONIC.
    static func now() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(clamping: time.tv_sec) * 1000 + UInt64(clamping: time.tv_nsec) / 1_000_000
    }
}
