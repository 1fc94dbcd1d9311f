internal import Approvals
internal import Audit
internal import Client
internal import Crypto
internal import Dispatch
internal import Model
internal import Synchronization

/// Tells other machines what waits here, and that it does no more; tried again until the database has it, or it is over.
final class FleetNotices: Sendable {
    private enum Work {
        case asked(OpenQuestion, since: UInt64)
        case ended(String, word: String)
    }

    private struct State {
        /// Not told yet, of which there are as many as wait, and since when each waits to be.
        var waiting: [String: (question: OpenQuestion, since: UInt64)] = [:]
        var told: Set<String> = []
        /// What says of those that others may have been told of that they are over.
        var words: [String: String] = [:]
        /// Over, which others have to hear.
        var ended: [(id: String, word: String)] = []
        /// Why some cannot be told.
        var troubles: [String: String] = [:]
        var pause = FleetLimits.pause
        var isPausing = false
    }

    /// Milliseconds that the end of a supervisor waits for its last words.
    private static let farewell = 2_000

    /// Milliseconds after which whatever waits to be told has its turn in the order in which it was asked, whichever run it is of.
    private static let turn: UInt64 = 2_000

    private let board: FleetBoard
    private let holder: FleetHolder
    private let mask: HeldMask
    private let clock: @Sendable () -> Timestamp
    private let now: @Sendable () -> UInt64
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "bailey.approvals.fleet.notices")

    init(
        _ board: FleetBoard,
        _ holder: FleetHolder,
        _ mask: HeldMask,
        clock: @escaping @Sendable () -> Timestamp,
        now: @escaping @Sendable () -> UInt64
    ) {
        (self.board, self.holder, self.mask) = (board, holder, mask)
        (self.clock, self.now) = (clock, now)
    }

    /// A question waits from now on; never blocks.
    func tell(_ question: OpenQuestion) {
        let now = now()
        state.withLock { $0.waiting[question.id] = (question, now) }
        queue.async { self.work() }
    }

    /// A question is over; never blocks.
    func tell(_ question: ClosedQuestion) {
        let mustEnd = state.withLock { state in
            state.troubles[question.id] = nil
            state.waiting[question.id] = nil
            state.told.remove(question.id)
            // Also where the database did not say whether it has it.
            guard let word = state.words.removeValue(forKey: question.id) else { return false }
            state.ended.append((question.id, word))
            return true
        }
        if mustEnd { queue.async { self.work() } }
    }

    /// What `bailey approvals` says of it; nil where it is not known yet.
    func outcome(of id: String) -> String? {
        state.withLock { state in
            state.told.contains(id) ? "fleet: told" : state.troubles[id].map { "fleet: " + $0 }
        }
    }

    /// Tells that nothing waits here any more, in a bounded time.
    func stop() {
        state.withLock { state in
            state.waiting = [:]
            state.ended += state.words.map { ($0.key, $0.value) }
            (state.words, state.told) = ([:], [])
        }
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.work()
            done.signal()
        }
        _ = done.wait(timeout: .now() + .milliseconds(Self.farewell))
    }

    private func work() {
        guard !state.withLock({ $0.isPausing }) else { return }
        while let next = next() {
            do {
                switch next {
                case .asked(let question, let since): try ask(question, since)
                case .ended(let id, let word):
                    try board.post(.ended, to: holder, about: id, text: Array(word.utf8))
                    state.withLock { $0.ended.removeAll { $0.id.isSame(as: id) } }
                }
                state.withLock { $0.pause = FleetLimits.pause }
            } catch {
                return retry("\(error)")
            }
        }
    }

    /// Of the run of which the fewest wait that others know, in the order in which it was asked; ends first.
    ///
    /// What waits for long to be told goes before that: a run that withdraws what it asks has nothing that others know.
    private func next() -> Work? {
        let now = now()
        return state.withLock { state in
            if let end = state.ended.first { return .ended(end.id, word: end.word) }
            let told = Dictionary(grouping: state.told, by: Self.run(of:)).mapValues(\.count)
            let places = state.waiting.values.map { waiting in
                let isLate = now - min(now, waiting.since) > Self.turn
                let place = isLate ? 0 : (told[Self.run(of: waiting.question.id)] ?? 0) + 1
                return (place: place, number: waiting.question.number, waiting: waiting)
            }
            let first = places.min { ($0.place, $0.number) < ($1.place, $1.number) }
            return first.map { .asked($0.waiting.question, since: $0.waiting.since) }
        }
    }

    /// Of `RUN-N`.
    private static func run(of id: String) -> String {
        id.cut(at: "-", maxSplits: 1).first.map(String.init) ?? id
    }

    private func ask(_ question: OpenQuestion, _ since: UInt64) throws {
        // The word is for whoever hears that it is over, and known to nobody before.
        let word = state.withLock { $0.words[question.id] } ?? Self.word()
        let (text, whole) = try written(question, since, SHA256.hash(data: Array(word.utf8)).hex)
        guard text.count <= FleetLimits.text else {
            return state.withLock { state in
                guard state.waiting.removeValue(forKey: question.id) != nil else { return }
                state.troubles[question.id] = "it is longer than \(FleetLimits.text >> 10) KiB"
            }
        }
        // It may be over meanwhile.
        guard
            state.withLock({ state in
                guard state.waiting[question.id] != nil else { return false }
                state.words[question.id] = word
                return true
            })
        else { return }
        try board.post(.asked, to: holder, about: question.id, text: text, whole: whole)
        state.withLock { state in
            state.troubles[question.id] = nil
            if state.waiting.removeValue(forKey: question.id) != nil { state.told.insert(question.id) }
        }
    }

    private static func word() -> String {
        (0..<FleetLimits.word / 2).map { _ in UInt8.random(in: .min ... .max) }.hex
    }

    private func written(
        _ question: OpenQuestion,
        _ since: UInt64,
        _ end: String
    ) throws -> (text: [UInt8], whole: [UInt8]?) {
        let named = question.held.demands.flatMap(\.terms.by).map(\.text)
        var held = HeldSummary(question, mask)
        // It was asked some time ago where the database was away.
        let late = now() - min(now(), since)
        held.left -= min(held.left, late)
        held.waited = held.waited.addingReportingOverflow(late).partialValue
        var whole: [UInt8]?
        if question.held.launch != nil {
            let all = HeldSummary(whole: question, mask)
            let octets = HeldWhole(command: all.command, details: all.details).bytes
            whole = octets.count <= FleetLimits.whole ? octets : nil
        }
        let told = FleetQuestion(
            end: end,
            time: clock().milliseconds,
            named: Set(named.map { ByteText($0) }).map(\.text).sorted { $0.precedes($1) },
            held: held,
            whole: whole.map { SHA256.hash(data: $0).hex }
        )
        return (try FleetText.octets(told), whole)
    }

    private func retry(_ reason: String) {
        let pause = state.withLock { state in
            for id in state.waiting.keys { state.troubles[id] = reason }
            state.isPausing = true
            defer { state.pause = min(2 * state.pause, FleetLimits.longestPause) }
            return state.pause
        }
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(pause))) {
            self.state.withLock { $0.isPausing = false }
            self.work()
        }
    }
}
