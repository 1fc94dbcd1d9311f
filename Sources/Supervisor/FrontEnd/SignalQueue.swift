internal import Glibc
internal import Linux

/// Signals as a readable descriptor (signalfd(2)), so that a loop handles them in order with everything else.
struct SignalQueue: ~Copyable {
    /// What a launcher is expected to hand on, and window changes.
    static let forwarded = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT]

    private let queue: OwnedDescriptor

    /// Blocks the forwarded signals for this thread and those it will start; call before any thread exists.
    /// SIGPIPE is ignored: a reader that went away is an error of one write, not the end of the process.
    static func block() {
        var set = Self.set
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        _ = signal(SIGPIPE, SIG_IGN)
        // A caller that ignores SIGCHLD would make wait(2) forget what ended.
        _ = signal(SIGCHLD, SIG_DFL)
    }

    init() throws(SystemCallError) {
        var set = Self.set
        let raw = unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard raw >= 0 else { throw SystemCallError(stage: "signalfd", object: "front-end", errno: errno) }
        queue = OwnedDescriptor(raw)
    }

    var descriptor: Int32 { queue.rawValue }

    /// The next signal; nil when there is none.
    func next() -> Int32? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(queue.rawValue, &information, size) == size else { return nil }
        return Int32(bitPattern: information.ssi_signo)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in forwarded { unsafe sigaddset(&set, number) }
        return set
    }
}
