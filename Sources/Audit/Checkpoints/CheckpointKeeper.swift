internal import Dispatch
internal import Model
internal import Synchronization

/// Writes checkpoints elsewhere behind the log, on a thread of its own, so that a place that is slow or gone holds up nobody.
///
/// Whatever is missed is made good by the next: a checkpoint covers all before it. So one head is remembered, and no line of
/// them.
final class CheckpointKeeper: Sendable {
    /// Where they go.
    struct Place: Sendable {
        let name: String
        let put: @Sendable (Checkpoint) throws -> Void
    }

    private struct State {
        /// What the log has reached.
        var head: Head?
        /// What each place has, in their order.
        var written: [Int64]
        var isAwaited = false
        var isHurried = false
        /// Seconds until another attempt, while one place fails.
        var pause: Int?
        /// The places that failed last time.
        var failing: Set<String> = []
        /// The first that nobody has been told of.
        var untold: String?

        init(places: Int) { written = Array(repeating: 0, count: places) }

        /// What every place has.
        var writtenEverywhere: Int64 { written.min() ?? .max }
    }

    private let plan: CheckpointPlan
    private let places: [Place]
    private let sign: @Sendable (Head) throws -> Checkpoint
    /// Puts what happened on record.
    private let note: @Sendable (CustodyRecord) -> Void
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "bailey.audit.checkpoints")

    init(
        _ plan: CheckpointPlan,
        places: [Place],
        sign: @escaping @Sendable (Head) throws -> Checkpoint,
        note: @escaping @Sendable (CustodyRecord) -> Void
    ) {
        (self.plan, self.places, self.sign, self.note) = (plan, places, sign, note)
        state = Mutex(State(places: places.count))
    }

    /// The disk has everything up to this head: on the writer's thread, and never waits.
    func reached(_ head: Head) {
        let delay: Int? = state.withLock { state in
            state.head = head
            // While a place fails its pauses count.
            if head.sequence - state.writtenEverywhere >= plan.records, !state.isHurried, state.pause == nil {
                (state.isAwaited, state.isHurried) = (true, true)
                return 0
            }
            guard !state.isAwaited else { return nil }
            state.isAwaited = true
            return state.pause ?? plan.seconds
        }
        if let delay { write(in: delay) }
    }

    /// Why checkpoints could not be written since this was asked last, once; nil when all were.
    func takeFailure() -> String? {
        state.withLock { state in
            defer { state.untold = nil }
            return state.untold
        }
    }

    /// Writes one of what there is, and waits for it, though not for long: a place that hangs must hold up no end.
    func finish() {
        let isDone = DispatchSemaphore(value: 0)
        queue.async {
            self.write()
            isDone.signal()
        }
        _ = isDone.wait(timeout: .now() + .milliseconds(AuditLimits.checkpointFarewell))
    }

    private func write(in seconds: Int) {
        queue.asyncAfter(deadline: .now() + .seconds(seconds)) { self.write() }
    }

    private func write() {
        let due: (head: Head, places: [Int])? = state.withLock { state in
            (state.isAwaited, state.isHurried) = (false, false)
            guard let head = state.head else { return nil }
            let places = state.written.indices.filter { state.written[$0] < head.sequence }
            return places.isEmpty ? nil : (head: head, places: places)
        }
        guard let due else { return }
        let failures = failures(at: due.head, due.places)
        let (begun, over, pause) = state.withLock { state in
            for place in due.places where failures[places[place].name] == nil {
                state.written[place] = due.head.sequence
            }
            return settle(&state, failures)
        }
        for (name, reason) in begun {
            note(CustodyRecord(.checkpointFailed, name, reason: reason))
        }
        for name in over { note(CustodyRecord(.checkpointResumed, name)) }
        if let pause { write(in: pause) }
    }

    /// Why which of these places does not have it.
    private func failures(at head: Head, _ due: [Int]) -> [String: String] {
        let places = due.map { self.places[$0] }
        let checkpoint: Checkpoint
        do {
            checkpoint = try sign(head)
        } catch {
            return Dictionary(places.map { ($0.name, "\(error)") }) { first, _ in first }
        }
        var failures: [String: String] = [:]
        for place in places {
            do {
                try place.put(checkpoint)
            } catch {
                failures[place.name] = "\(error)"
            }
        }
        return failures
    }

    /// Which places begin to fail, which are over it, and in how many seconds to try again.
    private func settle(
        _ state: inout State,
        _ failures: [String: String]
    ) -> (begun: [(String, String)], over: [String], pause: Int?) {
        let begun = failures.filter { !state.failing.contains($0.key) }.sorted { $0.key.precedes($1.key) }
        let over = state.failing.filter { failures[$0] == nil }.sorted { $0.precedes($1) }
        state.failing = Set(failures.keys)
        if let (name, reason) = begun.first {
            state.untold = state.untold ?? "checkpoints could not be written to \(name): \(reason)"
        }
        guard !failures.isEmpty else {
            state.pause = nil
            return (begun.map { ($0.key, $0.value) }, over, nil)
        }
        let pause = state.pause ?? 1
        state.pause = min(2 * pause, AuditLimits.checkpointLongestPause)
        guard !state.isAwaited else { return (begun.map { ($0.key, $0.value) }, over, nil) }
        state.isAwaited = true
        return (begun.map { ($0.key, $0.value) }, over, pause)
    }
}
