internal import Glibc
internal import Reflection

/// The relay's thread: one poll(2) loop over the streams of one agent and the supervisor's word.
struct StdioLoop {
    private let relay: StdioRelay
    /// What goes to the agent first, what comes from it behind.
    private var streams: [StdioStream]
    /// There is one terminal, whose screen's end is the keyboard's as well.
    private let isTerminal: Bool
    /// Whoever is at the agent's side says itself when nothing more comes.
    private let hasOwnEnd: Bool
    /// All processes of the agent are gone.
    private var isOver = false
    /// What is looked for.
    private var secrets: [String] = []

    init(_ relay: StdioRelay, _ streams: [StdioStream], isTerminal: Bool, hasOwnEnd: Bool) {
        (self.relay, self.streams) = (relay, streams)
        (self.isTerminal, self.hasOwnEnd) = (isTerminal, hasOwnEnd)
    }

    /// Returns when nothing more can come; every descriptor is closed then.
    mutating func run() {
        while isOpen { turn() }
        endAll()
        var counts: [String: UInt64] = [:]
        for stream in streams {
            for (what, count) in stream.counts { counts["\(what) on \(stream.name)"] = count }
        }
        relay.hasEnded(counts)
    }

    private var isOpen: Bool {
        isTerminal ? streams.last?.isFinished == false : streams.contains { !$0.isFinished }
    }

    /// Nothing there is the end.
    private var isDraining: Bool { isOver && !hasOwnEnd }

    private mutating func turn() {
        var watched = [pollfd(fd: relay.descriptor, events: Int16(POLLIN), revents: 0)]
        let wasCut = relay.isCut
        if !wasCut { for stream in streams { watched += stream.watched } }
        _ = unsafe poll(&watched, nfds_t(watched.count), wasCut ? -1 : timeout)
        if watched[0].revents != 0 { heed() }
        guard !wasCut, !relay.isCut else {
            if isOver { endAll() }
            return
        }
        for index in streams.indices {
            serve(
                index,
                isReadable: watched[1 + 2 * index].revents != 0 || isDraining,
                sink: Int32(watched[2 + 2 * index].revents)
            )
        }
    }

    private var timeout: Int32 {
        if isDraining, streams.contains(where: \.wantsRead) { return 0 }
        guard let next = streams.compactMap(\.due).min() else { return -1 }
        let now = Poller.now()
        return Int32(clamping: next - min(now, next))
    }

    /// What the supervisor says.
    private mutating func heed() {
        switch relay.takeOrder() {
        case .goOn: return
        case .finish:
            isOver = true
            streams[0].end()
        case .abandon: endAll()
        }
    }

    private mutating func serve(_ index: Int, isReadable: Bool, sink: Int32) {
        if sink & (POLLERR | POLLHUP | POLLNVAL) != 0 { return streams[index].end() }
        if sink & POLLOUT != 0 { streams[index].write() }
        guard streams[index].wantsRead, !goOn(index, isReadable: isReadable) else { return }
        relay.isUnsearchable()
        endAll()
    }

    /// Reads once where there may be something; false where it cannot be searched.
    private mutating func goOn(_ index: Int, isReadable: Bool) -> Bool {
        switch isReadable ? streams[index].read(isOver: isDraining) : .nothing {
        case .nothing: return streams[index].settle(at: Poller.now())
        case .end: return streams[index].finish()
        case .octets(let octets):
            // What an agent knows of by now was fetched before.
            learn()
            return streams[index].take(octets)
        }
    }

    private mutating func learn() {
        guard let known = relay.secrets.known(beside: secrets) else { return }
        secrets = known
        let spellings = relay.secrets.tables.spellings(of: known)
        for index in streams.indices { streams[index].look(for: spellings) }
    }

    private mutating func endAll() {
        for index in streams.indices { streams[index].end() }
    }
}
