internal import Audit
internal import Glibc
internal import Model

/// The relay's thread: one poll(2) loop over the pty's master, the front-end's end and the supervisor's word.
struct TerminalLoop: ~Copyable {
    /// Octets that are read at once, and held for a side that does not take them: half of what a pty holds.
    private static let piece = 32 << 10
    /// Octets that are read when the agent has ended: more than a pty holds (drivers/tty/tty_buffer.c, TTYB_DEFAULT_MEM_LIMIT,
    /// 640 KiB, is the kernel's own bound).
    private static let rest = 1 << 20

    private let relay: TerminalRelay
    /// -1 once the terminal is gone.
    private var master: Int32
    private let peer: Int32
    private var isPeerGone = false
    private var toUser: [UInt8] = []
    private var toAgent: [UInt8] = []
    private var isEnded = false
    /// What could not be recorded had to be: nothing is shown any more.
    ///
    /// The agent is killed; until then its terminal stays, whose end would be a signal of its own.
    private var isSilenced = false
    private var failure: AuditFailure?
    /// When what waits to be written is.
    private var due: UInt64?
    private var unwritten = 0
    /// When the front-end is waited for no longer; nil before the terminal's end.
    private var lastCall: UInt64?

    /// Both descriptors are its own from here on.
    init(master: Int32, peer: Int32, _ relay: TerminalRelay) {
        (self.master, self.peer, self.relay) = (master, peer, relay)
    }

    deinit {
        if master >= 0 { close(master) }
        close(peer)
        if lastCall != nil { relay.leave() }
    }

    mutating func run() {
        while hasTerminal || (!isPeerGone && !toUser.isEmpty) {
            if let lastCall, Poller.now() >= lastCall { return }
            turn()
        }
    }

    private var hasTerminal: Bool { master >= 0 }

    private mutating func turn() {
        var masterEvents: Int32 = 0
        if !isSilenced, toUser.isEmpty || isPeerGone { masterEvents |= POLLIN }
        if !toAgent.isEmpty { masterEvents |= POLLOUT }
        var peerEvents: Int32 = toAgent.isEmpty && hasTerminal ? POLLIN : 0
        if !toUser.isEmpty { peerEvents |= POLLOUT }
        var watched = [
            pollfd(fd: hasTerminal ? relay.descriptor : -1, events: Int16(POLLIN), revents: 0),
            // Who is not asked for anything would only say again and again that it is gone.
            pollfd(fd: masterEvents == 0 ? -1 : master, events: Int16(masterEvents), revents: 0),
            pollfd(fd: isPeerGone || peerEvents == 0 ? -1 : peer, events: Int16(peerEvents), revents: 0),
        ]
        let ready = unsafe poll(&watched, nfds_t(watched.count), timeout)
        if let due, Poller.now() >= due { write() }
        guard ready > 0 else { return }
        if watched[0].revents != 0 { heed() }
        let (fromMaster, fromPeer) = (Int32(watched[1].revents), Int32(watched[2].revents))
        if fromMaster & POLLOUT != 0 || (fromMaster & (POLLERR | POLLHUP) != 0 && !toAgent.isEmpty) { feed() }
        if fromMaster & (POLLIN | POLLERR | POLLHUP) != 0, masterEvents & POLLIN != 0 { show() }
        if fromPeer & POLLOUT != 0 { handOn() }
        if fromPeer & (POLLIN | POLLERR | POLLHUP) != 0 { hear() }
    }

    private var timeout: Int32 {
        guard let next = [due, lastCall].compactMap(\.self).min() else { return -1 }
        let now = Poller.now()
        return Int32(clamping: next - min(now, next))
    }

    /// What the supervisor says.
    private mutating func heed() {
        isEnded = relay.takeOrders()
        wait()
        if isEnded { drain() }
    }

    /// Reads what all the processes of the agent, which are gone, have left: a read waits for what is on its way within the
    /// kernel, so that EAGAIN is the end, whoever else was handed the terminal and writes on.
    private mutating func drain() {
        var left = Self.rest
        while hasTerminal, !isSilenced, left > 0 { left -= max(1, show()) }
        if hasTerminal { end() }
    }

    /// Reads what the agent shows, and records it before it is handed on; how many octets.
    @discardableResult
    private mutating func show() -> Int {
        guard hasTerminal else { return 0 }
        var buffer = [UInt8](repeating: 0, count: Self.piece)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(master, $0.baseAddress, $0.count) }
        guard count > 0 else {
            // EIO is how a pty master says that the last slave was closed (pty(7)).
            if count == 0 || (errno != EINTR && errno != EAGAIN) || (isEnded && errno == EAGAIN) { end() }
            return 0
        }
        let shown = Array(buffer[..<count])
        if failure == nil {
            relay.record(shown)
            unwritten += count
            wait()
            if unwritten >= Self.piece { write() }
        }
        if !isSilenced, !isPeerGone { toUser += shown }
        return count
    }

    private mutating func wait() {
        guard failure == nil, due == nil, relay.isWaiting else { return }
        due = Poller.now() + UInt64(TerminalLimits.delay)
    }

    private mutating func write() {
        (due, unwritten) = (nil, 0)
        guard failure == nil, case .failure(let reason) = relay.flush() else { return }
        failure = reason
        relay.failed(reason)
        isSilenced = relay.endsWithFailure
    }

    private mutating func end() {
        due = nil
        close(master)
        master = -1
        toAgent = []
        lastCall = Poller.now() + relay.farewell()
        relay.finish(after: failure)
    }

    private mutating func feed() {
        let count = unsafe toAgent.withUnsafeBytes { unsafe Glibc.write(master, $0.baseAddress, $0.count) }
        if count > 0 {
            toAgent.removeFirst(count)
        } else if errno != EINTR, errno != EAGAIN {
            toAgent = []
        }
    }

    private mutating func handOn() {
        let count = unsafe toUser.withUnsafeBytes {
            unsafe send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count > 0 { toUser.removeFirst(count) } else if errno != EINTR, errno != EAGAIN { hangUp() }
    }

    private mutating func hear() {
        guard toAgent.isEmpty else { return }
        var buffer = [UInt8](repeating: 0, count: Self.piece)
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(peer, $0.baseAddress, $0.count) }
        if count > 0 {
            if hasTerminal { toAgent = Array(buffer[..<count]) }
        } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
            hangUp()
        }
    }

    /// The front-end is gone: what is shown is recorded all the same, as long as the agent lives.
    private mutating func hangUp() {
        isPeerGone = true
        toUser = []
    }
}
