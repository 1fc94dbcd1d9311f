internal import CSandbox
internal import Glibc

/// A file descriptor with one owner: closed when its owner is gone.
package struct OwnedDescriptor: ~Copyable, Sendable {
    package let rawValue: Int32

    /// Takes over a descriptor.
    ///
    /// A negative one owns nothing.
    package init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Gives the descriptor away; nobody closes it but the caller.
    package consuming func release() -> Int32 {
        let raw = rawValue
        discard self
        return raw
    }

    /// Closes a socket whose peer is a stranger: on another thread where it may bring descriptors, since
    /// closing those takes as long as the stranger wants (SO_LINGER, socket(7)).
    ///
    /// Also one that brought none: before Linux 6.9 whoever closes a UNIX socket closes what cycles of others
    /// hold that nobody has open any more (`unix_gc` of net/unix/garbage.c).
    ///
    /// - Parameter sender: whose the descriptors are that it brought, a number of the caller's for
    ///   `waitingAside(of:)`; 0 for nobody's.
    package consuming func closeToStranger(_ sender: UInt64 = 0) {
        guard rawValue >= 0, csb_takes_descriptors(rawValue) != 0 else { return }
        let isBare = csb_end(rawValue) != 0
        var raw = release()
        let status = unsafe csb_close_aside(isBare ? 0 : sender, &raw, 1)
        // Nobody's descriptors are left open where there is no thread for them: nobody waits for a stranger.
        if status < 0, isBare { close(raw) }
    }

    /// Closes what may take milliseconds, as the last descriptor of a mount namespace does: on another thread, or
    /// here where there is none.
    package consuming func closeAside() {
        guard rawValue >= 0 else { return }
        var raw = release()
        if unsafe csb_close_aside(0, &raw, 1) < 0 { close(raw) }
    }

    /// How many sockets of one sender's, or of all for 0, wait to be closed by other threads.
    package static func waitingAside(of sender: UInt64) -> Int { Int(csb_waiting_aside(sender)) }

    /// Moves the descriptor out; what stays owns nothing.
    package mutating func take() -> OwnedDescriptor {
        let taken = self
        self = OwnedDescriptor(-1)
        return taken
    }

    deinit {
        if rawValue >= 0 { close(rawValue) }
    }
}
