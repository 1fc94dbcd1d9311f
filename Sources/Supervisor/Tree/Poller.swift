internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

/// The descriptors that the supervisor's loop waits for, each with what it means (epoll(7)).
///
/// The kernel keeps them between turns: a turn costs what has happened, however many agents there are.
final class Poller {
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
        /// One or more agents' listeners: what `listeners` waits for.
        case listeners
        /// Somebody inside an agent wants to launch.
        case listener(AgentID)
        /// The user wants something.
        case server
        /// Somebody comes to answer what rules ask.
        case approvers
        case signals
    }

    /// A descriptor that is waited for as long as somebody holds this; let go of it before the descriptor is closed.
    final class Watch {
        private let poller: Poller
        private let descriptor: Int32
        private let key: UInt64

        fileprivate init(_ poller: Poller, _ descriptor: Int32, _ key: UInt64) {
            self.poller = poller
            self.descriptor = descriptor
            self.key = key
        }

        deinit { poller.forget(descriptor, key) }
    }

    private let epoll: OwnedDescriptor
    private var sources: [UInt64: Source] = [:]
    private var lastKey: UInt64 = 0
    private var keys = [UInt64](repeating: 0, count: Int(CSB_EPOLL_BATCH))

    init() throws(SystemCallError) {
        epoll = OwnedDescriptor(csb_epoll_open())
        guard epoll.rawValue >= 0 else {
            let code = -epoll.rawValue
            throw SystemCallError(stage: "epoll_create1", object: "the supervisor's loop", errno: code)
        }
    }

    /// Readable when one of its own is: one poller may wait for another.
    var descriptor: Int32 { epoll.rawValue }

    /// Waits for a descriptor from now on.
    ///
    /// - Throws: what epoll_ctl(2) says: ENOSPC when the user waits for more than /proc/sys/fs/epoll/max_user_watches
    ///   allows, ENOMEM.
    func watch(_ descriptor: Int32, _ source: Source) throws(SystemCallError) -> Watch {
        lastKey += 1
        let result = csb_epoll_add(epoll.rawValue, descriptor, lastKey)
        guard result == 0 else {
            throw SystemCallError(stage: "epoll_ctl", object: "\(source)", errno: -result)
        }
        sources[lastKey] = source
        return Watch(self, descriptor, lastKey)
    }

    private func forget(_ descriptor: Int32, _ key: UInt64) {
        csb_epoll_remove(epoll.rawValue, descriptor)
        sources[key] = nil
    }

    /// Waits until something is readable, hung up or in error, or a moment of the monotonic clock has come.
    ///
    /// Gives `CSB_EPOLL_BATCH` sources at a time; the kernel begins the next turn with those it left out.
    func wait(until deadline: UInt64?) -> [Source] {
        let left = deadline.map { Int64(clamping: $0) - Int64(clamping: Self.now()) }
        let timeout = left.map { Int32(clamping: max(0, $0)) } ?? -1
        let count = unsafe csb_epoll_wait(epoll.rawValue, &keys, timeout)
        return keys.prefix(max(0, Int(count))).compactMap { sources[$0] }
    }

    /// Milliseconds of CLOCK_MONOTONIC.
    static func now() -> UInt64 { Uptime.milliseconds() }
}
