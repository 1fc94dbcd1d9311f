internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The threads for what may block, the system resolver and credential sources, shared fairly among agents.
final class BlockingWork: Sendable {
    /// Why a job was not run.
    enum Failure: Error, CustomStringConvertible {
        case lineFull(Int)
        case unwanted

        var description: String {
            switch self {
            case .lineFull(let limit): "\(limit) of the agent's lookups and credentials are waiting already"
            case .unwanted: "nobody waits for it any more"
            }
        }
    }

    /// A job's place in the line: given up when nobody waits for its result.
    final class Place: Sendable {
        private let isGivenUp = Atomic(false)

        func giveUp() { isGivenUp.store(true, ordering: .relaxed) }

        var isWanted: Bool { !isGivenUp.load(ordering: .relaxed) }
    }

    /// Runs, or is told that it will not.
    private typealias Job = @Sendable (_ mayRun: Bool) -> Void

    /// Whether the threads are there: they come with the first job, and never after the end.
    private enum Threads { case unneeded, running, ended }

    private let threads: NIOThreadPool
    private let phase = Mutex(Threads.unneeded)
    private let line: Mutex<FairQueue<Job>>
    private let waitingPerAgent: Int

    init(_ limits: GatewayLimits) {
        threads = NIOThreadPool(numberOfThreads: limits.blockingThreads)
        waitingPerAgent = limits.waitingPerAgent
        line = Mutex(
            FairQueue(
                FairQueue.Limits(
                    running: limits.blockingThreads,
                    runningPerAgent: limits.blockingPerAgent,
                    waitingPerAgent: limits.waitingPerAgent
                )
            )
        )
    }

    /// Runs `body` on a thread when it is this agent's turn; not at all once the agent has ended, or its place is
    /// given up.
    func run<Value: Sendable>(
        for resident: Resident,
        on loop: any EventLoop,
        _ place: Place = Place(),
        _ body: @escaping @Sendable () throws -> Value
    ) -> EventLoopFuture<Value> {
        let promise = loop.makePromise(of: Value.self)
        let job: Job = { mayRun in
            // What an ended agent waits for is not asked for: a question to a resolver leaves the machine.
            guard mayRun, place.isWanted, !resident.current.closed else {
                return self.settle(promise, .failure(Failure.unwanted))
            }
            self.settle(promise, Result { try body() })
        }
        guard line.withLock({ $0.add(job, for: resident.id) }) else {
            promise.fail(Failure.lineFull(waitingPerAgent))
            return promise.futureResult
        }
        start()
        return promise.futureResult
    }

    /// Gives a job's result to its loop, which takes nothing any more when the work has ended.
    private func settle<Value: Sendable>(
        _ promise: EventLoopPromise<Value>,
        _ result: Result<Value, any Error>
    ) {
        phase.withLock { phase in
            if phase != .ended { promise.completeWith(result) }
        }
    }

    /// Tells all that wait that they will not be run; call while the event loops run.
    ///
    /// What runs already has no result from here on.
    func end() {
        for job in line.withLock({ $0.removeAll() }) { job(false) }
        phase.withLock { $0 = .ended }
    }

    /// Waits for the threads; call when it has ended.
    func awaitThreads() {
        try? threads.syncShutdownGracefully()
    }

    private func startThreads() {
        phase.withLock { phase in
            guard phase == .unneeded else { return }
            threads.start()
            phase = .running
        }
    }

    private func start() {
        startThreads()
        while let (agent, job) = line.withLock({ $0.next() }) {
            threads.submit { state in
                job(state == .active)
                self.line.withLock { $0.finished(agent) }
                if state == .active { self.start() }
            }
        }
    }
}
