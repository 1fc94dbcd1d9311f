internal import CSandbox
internal import Glibc
package import Linux

/// Signals as a readable descriptor (signalfd(2)), so that a loop handles them in order with everything else.
package struct SignalQueue: ~Copyable {
    /// What a launcher is expected to hand on, and window changes.
    static let forwarded = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT]

    private let queue: OwnedDescriptor

    private init(queue: consuming OwnedDescriptor) {
        self.queue = queue
    }

    /// Blocks the forwarded signals for this thread and those it will start; call before any thread exists.
    ///
    /// SIGPIPE and SIGXFSZ are ignored: a reader that went away, or a limit on the size of files, is an error of one
    /// write, not the end of the process.
    package static func block() {
        unsafe csb_signals_block(forwarded, Int32(forwarded.count))
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGXFSZ, SIG_IGN)
        // A caller that ignores SIGCHLD would make wait(2) forget what ended.
        _ = signal(SIGCHLD, SIG_DFL)
    }

    /// The descriptor of the blocked ones.
    package static func opened() throws(SystemCallError) -> SignalQueue {
        let raw = unsafe csb_signals_open(forwarded, Int32(forwarded.count))
        guard raw >= 0 else { throw SystemCallError(stage: "signalfd", object: "front-end", errno: -raw) }
        return SignalQueue(queue: OwnedDescriptor(raw))
    }

    package var descriptor: Int32 { queue.rawValue }

    /// The next signal; nil when there is none.
    package func next() -> Int32? {
        let number = csb_signals_next(queue.rawValue)
        return number > 0 ? number : nil
    }
}
