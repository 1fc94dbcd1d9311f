internal import Glibc
internal import Reflection

/// One direction of an agent's standard streams: what is read is masked, and written as it is taken.
///
/// Nothing is read while something waits to be written: what is kept is one read's, and what may be a secret's beginning.
struct StdioStream {
    /// Octets that are read at once: what a pipe holds (pipe(7)).
    private static let piece = 64 << 10
    /// Octets that are read when the agent has ended: more than an agent can make a pipe hold (/proc/sys/fs/pipe-max-size).
    private static let rest = 1 << 20
    /// Milliseconds that what may be a secret's beginning is kept back where nothing follows: programs that write octet by
    /// octet take less, and who types does not see it.
    private static let patience: UInt64 = 50
    /// The same of what surely begins as a secret does, which is masked then.
    private static let suspense: UInt64 = 1_000

    /// What one read gave.
    enum Reading {
        case octets([UInt8])
        case nothing
        case end
    }

    let name: String
    private var source: Int32
    private var sink: Int32
    private var mask: StreamMask
    /// Masked; written up to `written`.
    private var waiting: [UInt8] = []
    private var written = 0
    private var lastRead: UInt64 = 0
    private var left = StdioStream.rest
    /// When what is kept back is handed on; nil while nothing is.
    private(set) var due: UInt64?

    /// Both descriptors are its own from here on, and do not block.
    init(_ name: String, from source: Int32, to sink: Int32, _ mask: StreamMask) {
        (self.name, self.source, self.sink, self.mask) = (name, source, sink, mask)
    }

    /// Nothing more will be written.
    var isFinished: Bool { sink < 0 }
    var wantsRead: Bool { source >= 0 && waiting.isEmpty }
    var counts: [String: UInt64] { mask.counts }

    /// The source while something is to be read; the sink always, whose reader's end is its own.
    var watched: [pollfd] {
        [
            pollfd(fd: wantsRead ? source : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: sink, events: waiting.isEmpty ? 0 : Int16(POLLOUT), revents: 0),
        ]
    }

    mutating func look(for secrets: [SecretSpellings]) { mask.look(for: secrets) }

    /// Reads once; `isOver` says that all who should have written are gone, so that nothing there is the end.
    mutating func read(isOver: Bool) -> Reading {
        guard !isOver || left > 0 else { return .end }
        var buffer = [UInt8](repeating: 0, count: Self.piece)
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe Glibc.read(source, $0.baseAddress, $0.count)
        }
        if count > 0 {
            if isOver { left -= count }
            lastRead = Poller.now()
            return .octets(Array(buffer[..<count]))
        }
        guard count < 0 else { return .end }
        if errno == EINTR { return .nothing }
        // EIO is how a pty master says that the last slave was closed (pty(7)).
        return errno == EAGAIN && !isOver ? .nothing : .end
    }

    /// Masks and writes what was read; false where it cannot be searched.
    mutating func take(_ octets: [UInt8]) -> Bool {
        guard let masked = mask.take(octets) else { return false }
        waiting = masked
        write()
        return settle(at: lastRead)
    }

    /// Nothing more comes: what was kept back follows, and then the end.
    mutating func finish() -> Bool {
        Glibc.close(source)
        source = -1
        due = nil
        guard let rest = mask.finish() else { return false }
        waiting += rest
        write()
        return true
    }

    /// Hands on what was kept back for long enough, where the reader has taken everything else; false where it cannot be
    /// searched.
    mutating func settle(at now: UInt64) -> Bool {
        due = nil
        guard wantsRead, mask.isHolding else { return true }
        let bound =
            switch mask.suspense {
            case .none: UInt64(0)
            case .doubt: Self.patience
            case .beginning: Self.suspense
            }
        let moment = lastRead.addingReportingOverflow(bound).partialValue
        guard now >= moment else {
            due = moment
            return true
        }
        guard let kept = mask.handOn() else { return false }
        waiting = kept
        write()
        return true
    }

    /// Writes as much as is taken.
    mutating func write() {
        while written < waiting.count, sink >= 0 {
            let count = unsafe waiting.withUnsafeBytes {
                unsafe Glibc.write(sink, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count > 0 {
                written += count
            } else if count < 0, errno == EAGAIN {
                return
            } else if count == 0 || errno != EINTR {
                // Who reads is gone: who writes hears of it as it would without a relay.
                return end()
            }
        }
        waiting.removeAll(keepingCapacity: true)
        written = 0
        if source < 0 { end() }
    }

    /// Closes both sides; what waits is lost.
    mutating func end() {
        for descriptor in [source, sink] where descriptor >= 0 { Glibc.close(descriptor) }
        (source, sink, due) = (-1, -1, nil)
        waiting = []
        written = 0
    }
}
