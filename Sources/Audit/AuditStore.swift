internal import Dispatch
internal import Foundation
internal import GRDB
internal import Glibc
package import Masking
package import Model
internal import PostgresLink
internal import Synchronization

/// The durable log: entries from any thread, written by one writer in batches, chained, sealed and counted by
/// a signed head outside the database.
///
/// Several supervisors may write the same store at once.
///
/// Layout under the state directory (0700): `audit.sqlite` (with its `-wal` and `-shm`), `audit.head`,
/// `keys/audit.key`, `keys/audit.pub`; every file is 0600.
package final class AuditStore: AuditSink {
    /// Whether entries are becoming durable.
    package enum Condition: Sendable, Hashable {
        case recording
        /// The last batch could not be written, or not be brought to the disk, and none has been since.
        case refusing(AuditFailure)
    }

    /// A class: a copy of an entry is a reference more to each of its texts.
    private final class Waiting: Sendable {
        let entry: AuditEntry
        let time: Timestamp
        let safety: RecordSafety
        let then: @Sendable (Result<Void, AuditFailure>) -> Void

        init(
            _ entry: AuditEntry,
            _ time: Timestamp,
            _ safety: RecordSafety,
            then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
        ) {
            (self.entry, self.time, self.safety, self.then) = (entry, time, safety, then)
        }
    }

    private struct Queue {
        var waiting: [Waiting] = []
        /// What nothing waits for, until it is due.
        var replies = WaitingReplies()
        var isDraining = false
        var condition = Condition.recording
        /// The first that nobody has been told of.
        var untold: AuditFailure?
        var mask: MaskMemory
    }

    let chain: ChainWriter
    private let run: String
    private let clock: @Sendable () -> Timestamp
    private let queue: Mutex<Queue>
    private let writer = DispatchQueue(label: "bailey.audit.writer")
    /// Nil until `keepCheckpoints`.
    private let checkpoints = Mutex<CheckpointKeeper?>(nil)
    /// Nil until `share`.
    private let fleet = Mutex<FleetMirror?>(nil)
    private let watch = Mutex<FleetWatch?>(nil)
    private let isFleetAwaited = Atomic(false)
    private let isHeadAwaited = Atomic(false)
    private let areRepliesAwaited = Atomic(false)

    private init(
        chain: ChainWriter,
        run: String,
        mask: SecretMask,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        self.chain = chain
        self.run = run
        self.clock = clock
        queue = Mutex(Queue(mask: MaskMemory(mask)))
    }

    deinit { watch.withLock { $0 }?.stop() }

    /// Opens the store of a state directory, and makes what is missing: directory, key, head, tables.
    ///
    /// - Parameters:
    ///   - directory: the state directory; it must be ours alone.
    ///   - run: the supervisor's run name, in the records that no agent's is in.
    ///   - mask: what is masked before anything is written.
    ///   - clock: gives the time of each record.
    /// - Returns: the store, ready for entries.
    /// - Throws: `AuditStoreError` when a file is not ours alone, lost, cut or unreadable.
    package static func open(
        directory: String,
        run: String,
        mask: SecretMask = SecretMask(),
        clock: @escaping @Sendable () -> Timestamp = AuditStore.wallClock
    ) throws -> AuditStore {
        AuditStore(chain: try ChainWriter(directory: directory), run: run, mask: mask, clock: clock)
    }

    var databasePath: String { chain.path }

    package var condition: Condition { queue.withLock { $0.condition } }

    /// Why records could not be written since this was asked last, once; nil when all were.
    package func takeFailure() -> AuditFailure? {
        queue.withLock { queue in
            defer { queue.untold = nil }
            return queue.untold
        }
    }

    /// What is masked in entries that are appended now.
    package var secretMask: SecretMask { queue.withLock { $0.mask.mask } }

    /// Masks these exact values, too, in every entry that is appended from now on.
    package func mask(alsoSecrets secrets: [String]) {
        queue.withLock { $0.mask = MaskMemory($0.mask.mask.adding(secrets)) }
    }

    /// A request's own words as they are on record: masked, and cut.
    package func recorded(_ text: String) -> String {
        EntryMask(memory: queue.withLock { $0.mask }).text(text)
    }

    package func append(
        _ entry: AuditEntry,
        until safety: RecordSafety,
        then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
    ) {
        append(entry, at: clock(), until: safety, then: then)
    }

    /// The same of what happened at a moment that others were told as well.
    package func append(
        _ entry: AuditEntry,
        at time: Timestamp,
        until safety: RecordSafety,
        then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
    ) {
        if case .replies(let record) = entry, safety == .soon { return append(record, then) }
        let waiting = Waiting(entry, time, safety, then: then)
        let (isQueued, mustStart) = queue.withLock { queue in
            guard queue.waiting.count + queue.replies.count < AuditLimits.maximumQueued else {
                return (false, false)
            }
            queue.replies.isDue = queue.replies.isDue || entry.mustFollowReplies
            queue.waiting.append(waiting)
            defer { queue.isDraining = true }
            return (true, !queue.isDraining)
        }
        guard isQueued else { return then(.failure(Self.overBound)) }
        if mustStart { writer.async { self.drain() } }
    }

    /// Waits until everything that was appended before is on the disk, and the head with it, or will not be.
    package func flush() {
        writer.sync {
            writeReplies()
            bringMissing()
            moveHead()
        }
    }

    /// From now on what is appended is there when a database has it as well, with all that is on record before.
    ///
    /// - Parameters:
    ///   - plan: the database, and whose revocations there count.
    ///   - tell: hears of each principal that was revoked elsewhere, on a thread of its own.
    package func share(
        with plan: FleetPlan,
        tell: @escaping @Sendable (RevokedPrincipals.Entry) -> Void
    ) {
        let revocations = FleetRevocations(trust: plan.trust, own: chain.verifying.octets.hex, tell: tell)
        let heeded = revocations.isEmpty ? nil : revocations
        fleet.withLock { $0 = FleetMirror(plan.access, chain, revocations: heeded) }
        guard let heeded else { return }
        let watch = FleetWatch(plan.access, heeded)
        watch.start()
        self.watch.withLock { $0 = watch }
    }

    /// Brings all that is on record to a database, once: what a command wrote, which no supervisor waits for.
    ///
    /// `progress` hears how many records are missing still.
    package func bring(to plan: FleetPlan, progress: (Int64) -> Void) throws {
        try writer.sync { try FleetMirror(plan.access, chain).bringAll(progress) }
    }

    /// What another machine of the fleet said of a principal; throws where that cannot be known.
    package func revokedElsewhere(_ subject: String) throws(AuditFailure) -> RevokedPrincipals.Entry? {
        guard let revocations = fleet.withLock({ $0 })?.revocations else { return nil }
        return try revocations.entry(of: subject)
    }

    /// Writes checkpoints elsewhere from now on; a webhook's go by this transport.
    package func keepCheckpoints(_ plan: CheckpointPlan, by transport: any MessageTransport) {
        var places: [CheckpointKeeper.Place] = []
        if let file = plan.file {
            places.append(.init(name: file) { try CheckpointFile(file).append($0) })
        }
        if let webhook = plan.webhook {
            let post = CheckpointWebhook(
                webhook: SignedWebhook(webhook.address, webhook.secret, by: transport, clock: clock)
            )
            places.append(.init(name: "\(webhook.address.endpoint)") { try post.post($0) })
        }
        // Behind the others, one after the other: it may take longest.
        if let postgres = plan.postgres {
            let table = CheckpointTable(postgres)
            places.append(.init(name: "\(postgres.location)") { try table.add($0) })
        }
        let (chain, clock) = (chain, clock)
        let keeper = CheckpointKeeper(
            plan,
            places: places,
            sign: { try chain.checkpoint($0, at: clock()) },
            note: { [weak self] record in self?.append(.custody(record), until: .written) { _ in } }
        )
        checkpoints.withLock { $0 = keeper }
    }

    /// Brings a last checkpoint to where they go, which may take a moment; after `flush`.
    package func finishCheckpoints() {
        guard let keeper = checkpoints.withLock({ $0 }) else { return }
        keeper.finish()
        // That it could not be written is a record as well.
        flush()
    }

    /// Why checkpoints could not be written since this was asked last, once; nil when all were.
    package func takeCheckpointFailure() -> String? { checkpoints.withLock { $0 }?.takeFailure() }

    /// Keeps replies until there are many, or for a moment: a record of its own for each is more than half of what it costs.
    private func append(
        _ record: RepliesRecord,
        _ then: @Sendable (Result<Void, AuditFailure>) -> Void
    ) {
        let (isQueued, mustStart) = queue.withLock { queue in
            guard queue.waiting.count + queue.replies.count < AuditLimits.maximumQueued else {
                return (false, false)
            }
            queue.replies.add(record)
            guard queue.replies.isDue else { return (true, false) }
            defer { queue.isDraining = true }
            return (true, !queue.isDraining)
        }
        guard isQueued else { return then(.failure(Self.overBound)) }
        if mustStart { writer.async { self.drain() } }
        guard !areRepliesAwaited.exchange(true, ordering: .relaxed) else { return }
        writer.asyncAfter(deadline: .now() + .milliseconds(AuditLimits.replyDelay)) {
            self.areRepliesAwaited.store(false, ordering: .relaxed)
            self.writeReplies()
        }
    }

    private func writeReplies() {
        let mustDrain = queue.withLock { queue in
            guard queue.replies.count > 0 else { return false }
            queue.replies.isDue = true
            defer { queue.isDraining = true }
            return !queue.isDraining
        }
        if mustDrain { drain() }
    }

    /// Milliseconds of the wall clock (CLOCK_REALTIME).
    package static func wallClock() -> Timestamp {
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(milliseconds: Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000)
    }

    private static let overBound = AuditFailure(
        "\(AuditLimits.maximumQueued) audit records wait to be written already; nothing is allowed without "
            + "a record: try again when the load is lower"
    )

    /// Writes what is queued, and brings it to the disk: whoever waits for less than that is answered in between.
    private func drain() {
        while let (batch, mask) = nextBatch() {
            let rows = batch.map { mask($0.entry) }
            let written = Self.attempt { try chain.append(rows, times: batch.map(\.time), run: run) }
            guard case .success(let head) = written else {
                answer(batch, written.map { _ in })
                continue
            }
            let fleet = fleet.withLock { $0 }
            if fleet == nil { answer(batch, waitingFor: .written, .success(())) }
            let settled = Self.attempt { try chain.settle(head) }
            if case .success = settled { checkpoints.withLock { $0 }?.reached(head) }
            guard let fleet else {
                answer(batch, waitingFor: .durable, settled)
                continue
            }
            // Nobody is answered before: a launch, too, is refused where the database cannot have it.
            answer(batch, settled.flatMap { Self.attempt { try fleet.bring(upTo: head.sequence) } })
        }
        awaitHead()
        awaitFleet()
    }

    /// Sees to it that the database gets what it could not have, also when no more records come.
    private func awaitFleet() {
        guard let delay = fleet.withLock({ $0 })?.delay,
            !isFleetAwaited.exchange(true, ordering: .relaxed)
        else { return }
        writer.asyncAfter(deadline: .now() + .milliseconds(delay)) {
            self.isFleetAwaited.store(false, ordering: .relaxed)
            self.bringMissing()
            self.awaitFleet()
        }
    }

    private func bringMissing() {
        guard let fleet = fleet.withLock({ $0 }), fleet.delay == 0 else { return }
        answer([], Self.attempt { try fleet.bringMissing() })
    }

    /// Sees to it that the head follows when no more records come.
    private func awaitHead() {
        guard chain.isHeadBehind, !isHeadAwaited.exchange(true, ordering: .relaxed) else { return }
        writer.asyncAfter(deadline: .now() + .milliseconds(AuditLimits.headDelay)) {
            self.isHeadAwaited.store(false, ordering: .relaxed)
            self.moveHead()
        }
    }

    private func moveHead() {
        let moved = Self.attempt { try chain.moveHead() }
        if case .failure = moved { answer([], moved) }
    }

    /// All that is queued at this moment, up to one seal's worth; nil when there is nothing.
    private func nextBatch() -> ([Waiting], EntryMask)? {
        queue.withLock { queue in
            let now = clock()
            // In front: an agent's end comes behind what came of its requests.
            let replies = queue.replies.takeDue(atMost: AuditLimits.maximumBatch).map { record in
                Waiting(.replies(record), now, .soon) { _ in }
            }
            guard !queue.waiting.isEmpty || !replies.isEmpty else {
                queue.isDraining = false
                return nil
            }
            var batch = replies
            let room = AuditLimits.maximumBatch - replies.count
            if batch.isEmpty, queue.waiting.count <= room {
                swap(&batch, &queue.waiting)
            } else {
                batch += queue.waiting.prefix(room)
                queue.waiting.removeFirst(batch.count - replies.count)
            }
            return (batch, EntryMask(memory: queue.mask))
        }
    }

    private static func attempt<Value>(_ work: () throws -> Value) -> Result<Value, AuditFailure> {
        do {
            return .success(try work())
        } catch {
            return .failure(AuditFailure("\(error)"))
        }
    }

    /// A failure is also the answer for all who wait by now: they would wait for the same disk.
    private func answer(
        _ batch: [Waiting],
        waitingFor safety: RecordSafety? = nil,
        _ result: Result<Void, AuditFailure>
    ) {
        let alsoFailed = queue.withLock { queue -> [Waiting] in
            guard case .failure(let failure) = result else {
                queue.condition = .recording
                return []
            }
            queue.condition = .refusing(failure)
            queue.untold = queue.untold ?? failure
            defer { queue.waiting.removeAll() }
            return queue.waiting
        }
        for waiting in batch where safety == nil || waiting.safety == safety { waiting.then(result) }
        for waiting in alsoFailed { waiting.then(result) }
    }
}
