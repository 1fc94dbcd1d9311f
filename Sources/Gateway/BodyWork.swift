internal import HTTPProtocol
internal import Model
internal import NIOCore
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

        fileprivate var octets: Int {
            switch self {
            case .take(let bytes, _), .takeRows(.messages(let bytes)): bytes.readableBytes
            case .begin, .takeRows, .over, .finish: 0
            }
        }
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

        var octets: Int { jobs.reduce(0) { $0 + $1.octets } }
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
    private let sides = Mutex(KeptBodies())

    init(_ exchange: UInt64, of resident: Resident, _ records: BodyRecords) {
        run = resident.id.run
        self.exchange = exchange
        self.resident = resident
        self.records = records
        resident.recordings.add(1, ordering: .relaxed)
    }

    func add(_ jobs: [Job], then: @escaping @Sendable (AuditFailure?) -> Void) {
        let batch = Batch(jobs: jobs, then: then)
        let mustStart = line.withLock { line in
            line.batches.append(batch)
            defer { line.isRunning = true }
            return !line.isRunning
        }
        if mustStart { records.start(self, batch.octets) }
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
        let next = line.withLock { line in
            line.isRunning = !line.batches.isEmpty
            return line.batches.first?.octets
        }
        if let next { records.start(self, next) }
    }

    private func perform(_ job: Job, _ sides: inout KeptBodies) {
        switch job {
        case .begin(let side, let source):
            let place = BodyPlace(run: run, exchange: exchange, side: side)
            sides[side] = KeptBody(source, at: place, in: records.sink)
        case .take(let bytes, let side): sides[side]?.take(bytes)
        case .takeRows(let piece): sides[.response]?.take(piece)
        case .over(let side): sides[side]?.end(isWhole: true)
        case .finish(let reply):
            for side in BodySide.allCases { sides[side]?.end(isWhole: reply.cause == nil) }
            finish(reply, sides)
        }
    }

    private func finish(_ reply: Reply, _ sides: KeptBodies) {
        var reply = reply
        reply.bodies = BodySide.allCases.compactMap { side in
            sides[side]?.record()
        }
        let record = RepliesRecord(lineage: resident.lineage, replies: [reply])
        records.audit.append(.replies(record), until: .soon) { _ in }
        resident.recordings.subtract(1, ordering: .relaxed)
    }
}
