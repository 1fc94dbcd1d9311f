internal import Audit
internal import Client
internal import Dispatch
internal import Linux
internal import Model
internal import Synchronization

/// Prunes the log of `bailey serve` by itself, as `audit.retain` says, on a thread of its own.
///
/// So much at a time, and at a pace: supervisors write in between. Where it cannot, that is on record, once, and nothing else comes
/// of it: it is tried again at its time.
final class LogPruning: Sendable {
    /// Milliseconds behind the start: whoever starts it to launch something is not to wait for the disk.
    private static let first: UInt64 = 60_000
    /// Milliseconds until one that failed is tried again, where that is sooner than the next; then twice as many, up to the longest.
    private static let retry: UInt64 = 300_000
    private static let longest: UInt64 = 86_400_000
    /// Milliseconds until it is interrupted, when it is to end: as long as a transaction of its own takes at most.
    private static let interruption = 200
    /// Records at one time: a minute or two of them.
    private static let most: Int64 = 500_000
    /// Milliseconds since a run's last record before it goes for the size alone: whoever fills the log is not to have what was
    /// recorded today removed with nobody looking.
    private static let youngest: Int64 = 86_400_000

    private let terms: Retention
    private let directory: String
    private let pause: UInt64
    private let audit: AuditStore
    /// When it began, by the clock and by the machine.
    private let began = (clock: AuditStore.wallClock(), uptime: Uptime.withSleep())
    private let stopped = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)
    private let state = Mutex(State())

    private struct State {
        var isStopped = false
        /// Why the last one failed.
        var failure: String?
        /// Nil before the first.
        var clock: PruningClock?
        /// Runs that do not match their seals, and why: what cannot go does not keep what is behind it, until this is started anew.
        var setAside: [ByteText: String] = [:]
        /// What looks through the log now, or did last.
        var pruner: Pruner?
    }

    /// Nil where the operator does not say for how long records are kept, or prunes by hand.
    init?(_ machine: OperatorConfiguration, directory: String, audit: AuditStore) {
        guard !machine.retention.isEndless, let pause = machine.pruningPause else { return nil }
        (terms, self.pause) = (machine.retention, pause)
        (self.directory, self.audit) = (directory, audit)
        DispatchQueue(label: "bailey.pruning", qos: .background).async { [self] in run() }
    }

    /// Has it end soon: before supervisors are not heard any more, this one among them.
    func stop() {
        state.withLock { $0.isStopped = true }
        stopped.signal()
    }

    /// Ends it with what it is doing now, with the signed head behind its last word.
    func end() {
        stop()
        // What was not begun yet when it was interrupted is so the next time.
        while done.wait(timeout: .now() + .milliseconds(Self.interruption)) == .timedOut {
            state.withLock { $0.pruner }?.interrupt()
        }
        audit.flush()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func run() {
        defer { done.signal() }
        // What fails now says so when something is to go.
        if let pruner = try? opened() {
            _ = try? watched(pruner)
            state.withLock { $0.pruner = nil }
        }
        let start = min(Self.retry, pause)
        var (wait, again) = (min(Self.first, pause), start)
        while stopped.wait(timeout: .now() + .milliseconds(Int(clamping: wait))) == .timedOut {
            var removed: Int64 = 0
            wait = pause
            do {
                let fault = try prune { removed = $0 }
                // What it did not get to says nothing of whether it can.
                guard !isStopped else { return }
                again = start
                if let fault { failed("\(fault)") } else { resumed() }
            } catch {
                // A supervisor that ends hears nobody any more, itself among them.
                guard !isStopped else { return }
                failed("\(error)")
                // One that gets on goes on at its time. All else looks through the log each time, for nothing.
                guard removed == 0 else { continue }
                wait = again
                again = min(2 * again, Self.longest)
            }
        }
    }

    /// Removes what is to go now.
    ///
    /// - Parameter progress: hears how many records of it are removed.
    /// - Returns: what there is to say of the clock, by which less went than is due.
    /// - Throws: where it ended early, or did not begin.
    private func prune(progress: (Int64) -> Void) throws -> PruningClock.Fault? {
        // Somebody prunes by hand: what is left of it is for the next time.
        guard let lock = try PruningLock(directory: directory) else { return nil }
        let pruner = try opened()
        defer { state.withLock { $0.pruner = nil } }
        let time = try time(pruner)
        let fault = try time.fault ?? doubt(time, pruner)
        guard try pruner.mayBeDue(terms, at: time.now, doubtedBefore: time.doubtedBefore), !isStopped else {
            return fault
        }
        guard let answer = heard() else { return fault }
        let prepared = try LogKeeping.prepare(
            terms,
            with: pruner,
            lock,
            at: time,
            answer,
            youngest: Self.youngest,
            setAside: state.withLock { $0.setAside },
            isStopped: { isStopped }
        )
        guard prepared.silent.isEmpty else {
            throw Unheard(description: prepared.silent.joined(separator: "; ") + ": its agents may live")
        }
        let plan = prepared.plan.limited(toRecords: Self.most)
        guard !isStopped else { return fault }
        try carryOut(plan, prepared, progress)
        if let reason = setAside(prepared.plan) { throw SetAside(description: reason) }
        // The rest of it is for the next time.
        guard plan.pruned.count == prepared.plan.pruned.count else { return fault }
        if prepared.plan.excess > 0 { throw TooMuch() }
        return fault
    }

    /// What looks through the log; whoever ends this interrupts it.
    private func opened() throws -> Pruner {
        let pruner = try Pruner(directory: directory)
        state.withLock { $0.pruner = pruner }
        return pruner
    }

    /// What time it is at most.
    private func time(_ pruner: Pruner) throws -> PruningClock.Time {
        var clock = try watched(pruner)
        defer { state.withLock { [clock] in $0.clock = clock } }
        return clock.time(AuditStore.wallClock(), uptime: Uptime.withSleep(), age: terms.age)
    }

    /// What is known of the clock: from before anything is launched on, since a busy machine writes much in a minute.
    private func watched(_ pruner: Pruner) throws -> PruningClock {
        if let known = state.withLock({ $0.clock }) { return known }
        let newest = try pruner.newest(at: began.clock)
        let clock = PruningClock(clock: began.clock, uptime: began.uptime, newest: newest)
        state.withLock { $0.clock = clock }
        return clock
    }

    /// Whether anything stays for being doubted, and nothing else.
    private func doubt(_ time: PruningClock.Time, _ pruner: Pruner) throws -> PruningClock.Fault? {
        guard time.doubtedBefore != nil else { return nil }
        return try pruner.mayBeDue(Retention(age: terms.age), at: time.now) ? PruningClock.doubt : nil
    }

    /// Why the first of those stays that could not go; whatever went otherwise is forgotten.
    private func setAside(_ plan: PruningPlan) -> String? {
        let kept = plan.kept.map { ByteText($0.run) }
        return state.withLock { state in
            let known = Set(kept)
            state.setAside = state.setAside.filter { known.contains($0.key) }
            return kept.first { state.setAside[$0] != nil }.flatMap { state.setAside[$0] }
        }
    }

    /// What lives, as supervisors say; nil when this is to end.
    ///
    /// They are asked on a thread of its own, which is left alone then: one that takes nobody is waited for longer than an end may take.
    private func heard() -> RunningSupervisors.Answer<[AgentSummary]>? {
        let answer = Hearing()
        DispatchQueue(label: "bailey.pruning.supervisors", qos: .background).async { [directory] in
            answer.set(RunningSupervisors.agents(of: directory))
        }
        while answer.isThere.wait(timeout: .now() + .milliseconds(Self.interruption)) == .timedOut {
            guard !isStopped else { return nil }
        }
        return answer.value
    }

    /// What comes from another thread.
    private final class Hearing: Sendable {
        let isThere = DispatchSemaphore(value: 0)
        private let answer = Mutex<RunningSupervisors.Answer<[AgentSummary]>?>(nil)

        var value: RunningSupervisors.Answer<[AgentSummary]>? { answer.withLock { $0 } }

        func set(_ heard: RunningSupervisors.Answer<[AgentSummary]>) {
            answer.withLock { $0 = heard }
            isThere.signal()
        }
    }

    private func carryOut(
        _ plan: PruningPlan,
        _ prepared: LogKeeping.Preparation,
        _ progress: (Int64) -> Void
    ) throws {
        guard !plan.isEmpty else { return }
        _ = try LogKeeping.prune(
            plan,
            prepared,
            by: nil,
            record: { try record($0) },
            cannotGo: { run, reason in state.withLock { $0.setAside[ByteText(run)] = reason } },
            isStopped: { isStopped },
            progress: progress
        )
    }

    private struct Unheard: Error, CustomStringConvertible {
        let description: String
    }

    private struct SetAside: Error, CustomStringConvertible {
        let description: String
    }

    private struct TooMuch: Error, CustomStringConvertible {
        let description =
            "log and recordings have more than audit.retain.size, and what is left is held, or younger than a day and goes by "
            + "hand alone; see 'bailey audit prune --dry-run'"
    }

    /// Writes a record; the disk has it when this returns.
    private func record(_ record: CustodyRecord) throws {
        let outcome = Mutex<Result<Void, AuditFailure>>(.success(()))
        let written = DispatchSemaphore(value: 0)
        audit.append(.custody(record), until: .durable) { result in
            outcome.withLock { $0 = result }
            written.signal()
        }
        written.wait()
        try outcome.withLock { $0 }.get()
    }

    /// Once for each reason, to the service's own log as well, since what fails may be that of the agents.
    private func failed(_ reason: String) {
        let isNew = state.withLock { state in
            defer { state.failure = reason }
            return state.failure.map { !$0.isSame(as: reason) } ?? true
        }
        guard isNew else { return }
        Complaint.print("the log could not be pruned, and is tried again: \(TerminalText.escaped(reason))")
        audit.append(.custody(CustodyRecord(.pruningFailed, directory, reason: reason)), until: .written) {
            _ in
        }
    }

    private func resumed() {
        let wasFailing = state.withLock { state in
            defer { state.failure = nil }
            return state.failure != nil
        }
        guard wasFailing else { return }
        audit.append(.custody(CustodyRecord(.pruningResumed, directory)), until: .written) { _ in }
    }
}
