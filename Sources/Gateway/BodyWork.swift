internal import Crypto
internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOPosix
internal import PostgresProtocol
internal import Reflection
internal import Synchronization

/// Records the bodies of one exchange, on threads that may wait for the disk: job by job, in order.
final class BodyWork: Sendable {
    enum Job: Sendable {
        /// What a side's body is.
        case begin(BodySide, Source)
        case take(ByteBuffer, BodySide)
        /// Some of a statement's result.
        case takeRows(ResultPiece)
        /// A side's body is whole.
        case over(BodySide)
        case finish(Reply)
    }

    /// A body, and what is masked in it.
    struct Source: Sendable {
        let form: BodyCopy.Form
        let secrets: [SecretSpellings]
        let kinds: MaskKinds
    }

    /// Jobs of one turn of a loop, and who hears when they are done.
    private struct Batch: Sendable {
        let jobs: [Job]
        let then: @Sendable (AuditFailure?) -> Void
    }

    private struct Line {
        var batches: [Batch] = []
        var isRunning = false
    }

    private let run: String
    private let exchange: UInt64
    private let resident: Resident
    private let records: BodyRecords
    private let line = Mutex(Line())
    /// Of the thread whose turn it is.
    private let sides = Mutex(Sides())

    init(_ exchange: UInt64, of resident: Resident, _ records: BodyRecords) {
        run = resident.id.run
        self.exchange = exchange
        self.resident = resident
        self.records = records
        resident.recordings.add(1, ordering: .relaxed)
    }

    func add(_ jobs: [Job], then: @escaping @Sendable (AuditFailure?) -> Void) {
        let mustStart = line.withLock { line in
            line.batches.append(Batch(jobs: jobs, then: then))
            defer { line.isRunning = true }
            return !line.isRunning
        }
        if mustStart { records.start(self) }
    }

    /// One batch, and another turn where there are more: others come in between.
    func turn() {
        guard let batch = line.withLock({ $0.batches.isEmpty ? nil : $0.batches.removeFirst() }) else {
            return
        }
        sides.withLock { sides in
            for job in batch.jobs { perform(job, &sides) }
            for side in BodySide.allCases { sides[side]?.keep() }
            batch.then(sides.failure)
        }
        let isMore = line.withLock { line in
            line.isRunning = !line.batches.isEmpty
            return line.isRunning
        }
        if isMore { records.start(self) }
    }

    private func perform(_ job: Job, _ sides: inout Sides) {
        switch job {
        case .begin(let side, let source):
            let copy = BodyCopy(of: side, source.form, hiding: source.secrets, source.kinds)
            let place = BodyPlace(run: run, exchange: exchange, side: side)
            sides[side] = KeptBody(copy, at: place, in: records.sink)
        case .take(let bytes, let side): sides[side]?.take(bytes)
        case .takeRows(let piece): sides[.response]?.take(piece)
        case .over(let side): sides[side]?.end(isWhole: true)
        case .finish(let reply):
            for side in BodySide.allCases { sides[side]?.end(isWhole: reply.cause == nil) }
            finish(reply, sides)
        }
    }

    private func finish(_ reply: Reply, _ sides: Sides) {
        var reply = reply
        reply.bodies = BodySide.allCases.compactMap { side in
            sides[side]?.record()
        }
        let record = RepliesRecord(lineage: resident.lineage, replies: [reply])
        records.audit.append(.replies(record), until: .soon) { _ in }
        resident.recordings.subtract(1, ordering: .relaxed)
    }
}

/// Both bodies of an exchange.
private struct Sides {
    private var request: KeptBody?
    private var response: KeptBody?

    /// Why no more is kept of one.
    var failure: AuditFailure? { request?.failure ?? response?.failure }

    subscript(side: BodySide) -> KeptBody? {
        get { side == .request ? request : response }
        set { if side == .request { request = newValue } else { response = newValue } }
    }
}

/// What is kept of one body by now.
private final class KeptBody {
    private let at: BodyPlace
    private let sink: any BodySink
    private var copy: BodyCopy
    private var rows = RowCopy()
    /// Not kept yet: what comes in one turn is one piece.
    private var fresh = ByteBuffer()
    private var digest = SHA256()
    private var octets: UInt64 = 0
    private var place: Range<UInt64>?
    private var isEmpty = true
    private var isOver = false
    private(set) var failure: AuditFailure?

    init(_ copy: BodyCopy, at place: BodyPlace, in sink: any BodySink) {
        (self.copy, at, self.sink) = (copy, place, sink)
    }

    func take(_ bytes: ByteBuffer) {
        if bytes.readableBytes > 0 { isEmpty = false }
        copy.take(bytes) { piece in
            fresh.writeImmutableBuffer(piece)
            if fresh.readableBytes >= GatewayLimits.recordedAhead { keep() }
        }
    }

    func take(_ piece: ResultPiece) { take(rows.take(piece)) }

    func end(isWhole: Bool) {
        guard !isOver else { return }
        isOver = true
        fresh.writeImmutableBuffer(copy.end(isWhole: isWhole))
        keep()
    }

    /// Hands over what has come.
    func keep() {
        guard fresh.readableBytes > 0, failure == nil else { return }
        let octets = Array(fresh.readableBytesView)
        fresh.clear()
        do throws(AuditFailure) {
            let kept = try sink.append(octets, to: at)
            digest.update(data: octets)
            self.octets += UInt64(octets.count)
            place = (place?.lowerBound ?? kept.lowerBound)..<kept.upperBound
        } catch {
            failure = error
        }
    }

    /// Nil for a message without a body.
    func record() -> RecordedBody? {
        guard !isEmpty else { return nil }
        return RecordedBody(
            side: at.side,
            octets: octets,
            digest: digest.finalize().hex,
            place: place ?? 0..<0,
            coding: copy.coding,
            missing: copy.missing ?? failure?.message
        )
    }
}

/// What records bodies for all agents: threads that come with the first, and where they write.
final class BodyRecords: Sendable {
    let sink: any BodySink
    let audit: any AuditSink
    private let threads = NIOThreadPool(numberOfThreads: 2)
    private let isStarted = Mutex(false)

    init(_ sink: any BodySink, _ audit: any AuditSink) {
        (self.sink, self.audit) = (sink, audit)
    }

    func start(_ work: BodyWork) {
        isStarted.withLock { isStarted in
            if !isStarted { threads.start() }
            isStarted = true
        }
        // Also when the threads are ending: what was passed on is recorded.
        threads.submit { _ in work.turn() }
    }

    /// Waits for what is recorded still; call when the event loops have ended.
    func end() {
        try? threads.syncShutdownGracefully()
    }
}
