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
        case asked(OpenQuestion)
        case ended(String)
    }

    private struct State {
        /// Not told yet, of which there are as many as wait.
        var waiting: [String: OpenQuestion] = [:]
        var told: Set<String> = []
        /// Over, which others have to hear: they were told that it waits.
        var ended: [String] = []
        /// Why some cannot be told.
        var troubles: [String: String] = [:]
        var pause = FleetLimits.pause
        var isPausing = false
    }

    /// Milliseconds that the end of a supervisor waits for its last words.
    private static let farewell = 2_000

    private let board: FleetBoard
    private let holder: FleetHolder
    private let mask: HeldMask
    private let clock: @Sendable () -> Timestamp
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "bailey.approvals.fleet.notices")

    init(
        _ board: FleetBoard,
        _ holder: FleetHolder,
        _ mask: HeldMask,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        (self.board, self.holder, self.mask, self.clock) = (board, holder, mask, clock)
    }

    /// A question waits from now on; never blocks.
    func tell(_ question: OpenQuestion) {
        state.withLock { $0.waiting[question.id] = question }
        queue.async { self.work() }
    }

    /// A question is over; never blocks.
    func tell(_ question: ClosedQuestion) {
        let mustEnd = state.withLock { state in
            state.troubles[question.id] = nil
            guard state.waiting.removeValue(forKey: question.id) == nil,
                state.told.remove(question.id) != nil
            else { return false }
            state.ended.append(question.id)
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
            state.ended += state.told
            state.told = []
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
                case .asked(let question): try ask(question)
                case .ended(let id):
                    try board.post(.ended, to: holder, about: id, text: Array("{}".utf8))
                    state.withLock { $0.ended.removeAll { $0.isSame(as: id) } }
                }
                state.withLock { $0.pause = FleetLimits.pause }
            } catch {
                return retry("\(error)")
            }
        }
    }

    /// In the order in which it was asked; ends first.
    private func next() -> Work? {
        state.withLock { state in
            state.ended.first.map { .ended($0) }
                ?? state.waiting.values.min { $0.number < $1.number }.map { .asked($0) }
        }
    }

    private func ask(_ question: OpenQuestion) throws {
        let (text, whole) = try written(question)
        guard text.count <= FleetLimits.text else {
            return state.withLock { state in
                guard state.waiting.removeValue(forKey: question.id) != nil else { return }
                state.troubles[question.id] = "it is longer than \(FleetLimits.text >> 10) KiB"
            }
        }
        try board.post(.asked, to: holder, about: question.id, text: text, whole: whole)
        state.withLock { state in
            state.troubles[question.id] = nil
            if state.waiting.removeValue(forKey: question.id) != nil {
                state.told.insert(question.id)
            } else {
                // It ended meanwhile.
                state.ended.append(question.id)
            }
        }
    }

    private func written(_ question: OpenQuestion) throws -> (text: [UInt8], whole: [UInt8]?) {
        let named = question.held.demands.flatMap(\.terms.by).map(\.text)
        var whole: [UInt8]?
        if question.held.launch != nil {
            let all = HeldSummary(whole: question, mask)
            let octets = HeldWhole(command: all.command, details: all.details).bytes
            whole = octets.count <= FleetLimits.whole ? octets : nil
        }
        let told = FleetQuestion(
            time: clock().milliseconds,
            named: Set(named.map { ByteText($0) }).map(\.text).sorted { $0.precedes($1) },
            held: HeldSummary(question, mask),
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
