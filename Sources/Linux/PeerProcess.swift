internal import CSandbox
internal import Glibc

/// The process that connected a UNIX socket, held by a pidfd (pidfd_open(2)): who it was is known also when it has ended.
package struct PeerProcess: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// - Throws: ENOPROTOOPT where the kernel has no such option (SO_PEERPIDFD, Linux 6.5); another error where it does not say.
    package init(of socket: Int32) throws(SystemCallError) {
        let found = csb_peer_process(socket)
        guard found >= 0 else {
            throw SystemCallError(stage: "getsockopt(SO_PEERPIDFD)", object: "a connection", errno: -found)
        }
        descriptor = OwnedDescriptor(found)
    }

    /// Its number; nil where it has none here any more.
    private var number: Int32? {
        let number = csb_pid_of(descriptor.rawValue)
        return number > 0 ? number : nil
    }

    /// What is read of it by its number; nil where that may have been another's meanwhile, or nothing was.
    package func read<Value>(_ body: (Int32) -> Value?) -> Value? {
        guard let number, let value = body(number), self.number == number else { return nil }
        return value
    }

    /// Whether it has not ended.
    package var isAlive: Bool {
        var watched = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, 0) == 0
    }
}
