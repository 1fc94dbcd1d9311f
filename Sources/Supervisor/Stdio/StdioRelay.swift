internal import CSandbox
internal import Glibc
internal import Linux
internal import Model
internal import Reflection
internal import Synchronization

/// Stands between an agent's standard streams and the front-end in its parent, and masks secrets in both directions, on a
/// thread of its own.
///
/// Neither side has a descriptor of the other's: a slow one holds up its own streams alone.
final class StdioRelay: Sendable {
    /// What the supervisor hears.
    enum Report: Sendable {
        /// The search does not run on this machine; nothing goes through any more.
        case unsearchable
        /// Nothing more goes through; what was masked.
        case ended([String: UInt64])
    }

    /// What the supervisor says.
    enum Order {
        case goOn
        /// The agent's last process is gone: what its streams hold is the rest.
        case finish
        /// Nobody is left to read.
        case abandon
    }

    let secrets: StdioSecrets
    /// The agent's, and its parent's.
    private let epochs: (own: RevocationEpoch, parent: RevocationEpoch)
    private let isStrict: Bool
    private let order = Mutex(Order.goOn)
    private let event: Int32
    private let report: @Sendable (Report) -> Void

    /// - Parameters:
    ///   - secrets: what is looked for.
    ///   - isStrict: whether only what surely is a token is masked.
    ///   - epochs: the agent's, and its parent's.
    ///   - report: called on the relay's thread.
    /// - Throws: when the kernel has no descriptor left.
    init(
        _ secrets: StdioSecrets,
        strictly isStrict: Bool,
        epochs: (own: RevocationEpoch, parent: RevocationEpoch),
        report: @escaping @Sendable (Report) -> Void
    ) throws(SystemCallError) {
        (self.secrets, self.isStrict, self.epochs, self.report) = (secrets, isStrict, epochs, report)
        event = csb_event_open()
        guard event >= 0 else {
            throw SystemCallError(stage: "eventfd", object: Self.object, errno: -event)
        }
    }

    deinit { close(event) }

    private static let object = "relay of standard streams"

    /// The agent's last process is gone.
    func finish() { say(.finish) }

    /// Nobody is left to read.
    func abandon() { say(.abandon) }

    private func say(_ word: Order) {
        order.withLock { order in
            if case .abandon = order { return }
            order = word
        }
        csb_event_raise(event)
    }

    /// Begins; the agent's streams are the relay's from here on.
    ///
    /// - Parameters:
    ///   - agent: the outer ends of three streams, or one terminal.
    ///   - isRecorded: whether the terminal is behind a relay that records it.
    /// - Returns: what the front-end gets in their place.
    /// - Throws: when the kernel has no descriptor, or thread, left; then the streams are closed.
    func begin(_ agent: [Int32], isRecorded: Bool) throws(SystemCallError) -> [Int32] {
        var opened = agent
        do throws(SystemCallError) {
            let isTerminal = agent.count == 1
            let ends = try isTerminal ? Self.pipes(ofTerminal: agent[0], &opened) : Self.pipes(agent, &opened)
            for pair in ends.pairs {
                for descriptor in [pair.source, pair.sink] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
            }
            let pairs = ends.pairs
            try KernelThread.detach(for: Self.object) { [self] in
                let mask = StreamMask(strictly: isStrict, sparing: secrets.spared)
                let streams = zip(Self.names(isTerminal), pairs).map { name, pair in
                    StdioStream(name, from: pair.source, to: pair.sink, mask)
                }
                var loop = StdioLoop(self, streams, isTerminal: isTerminal, hasOwnEnd: isRecorded)
                loop.run()
            }
            return ends.theirs
        } catch {
            for descriptor in opened { close(descriptor) }
            throw error
        }
    }

    /// As records call what was masked there.
    private static func names(_ isTerminal: Bool) -> [String] {
        isTerminal ? ["stdin", "terminal"] : ["stdin", "stdout", "stderr"]
    }

    private struct Pair: Sendable {
        let source: Int32
        let sink: Int32
    }

    private struct Ends {
        var pairs: [Pair] = []
        var theirs: [Int32] = []
    }

    /// As many pipes more, the first towards the agent: of each one side is the front-end's.
    private static func pipes(_ agent: [Int32], _ opened: inout [Int32]) throws(SystemCallError) -> Ends {
        var made = Ends()
        for (number, descriptor) in agent.enumerated() {
            var ends: [Int32] = [-1, -1]
            let status = unsafe csb_pipe(&ends)
            guard status == 0 else { throw SystemCallError(stage: "pipe2", object: object, errno: -status) }
            opened += ends
            let (source, sink) = number == 0 ? (ends[0], descriptor) : (descriptor, ends[1])
            made.pairs.append(Pair(source: source, sink: sink))
            made.theirs.append(number == 0 ? ends[1] : ends[0])
        }
        return made
    }

    /// Two pipes in a terminal's place: over a socket its peer could send descriptors, and closing those may take as long as it
    /// wants (SO_LINGER, socket(7)).
    private static func pipes(
        ofTerminal terminal: Int32,
        _ opened: inout [Int32]
    ) throws(SystemCallError) -> Ends {
        let screen = fcntl(terminal, F_DUPFD_CLOEXEC, 0)
        guard screen >= 0 else { throw SystemCallError(stage: "fcntl", object: object, errno: errno) }
        opened.append(screen)
        return try pipes([terminal, screen], &opened)
    }
}

// What the relay's thread asks of it.
extension StdioRelay {
    var descriptor: Int32 { event }

    /// The agent is cut off and its parent is not: what one says goes no further, and no stream is closed, since that would end
    /// who is left running.
    var isCut: Bool { epochs.own.isOver && !epochs.parent.isOver }

    /// Takes what the supervisor said last.
    func takeOrder() -> Order {
        csb_event_take(event)
        return order.withLock { $0 }
    }

    func isUnsearchable() { report(.unsearchable) }

    func hasEnded(_ counts: [String: UInt64]) { report(.ended(counts)) }
}
