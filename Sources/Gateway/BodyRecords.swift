internal import Dispatch
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// What records bodies for all agents: threads that come with the first, and where they write.
final class BodyRecords: Sendable {
    let sink: any BodySink
    let audit: any AuditSink
    private let threads = NIOThreadPool(numberOfThreads: BodyRecords.count)
    private let line = Mutex(Line())
    /// Threads that were woken: where the pool is at its end it does not wait for what it had not begun.
    private let running = DispatchGroup()

    /// Exchanges with something to do, in the order that it came.
    private struct Line {
        var works = CircularBuffer<(work: BodyWork, cost: Int)>()
        /// Of all that wait, and of what is being done.
        var cost = 0
        /// Threads that are at it.
        var busy = 0
        var isStarted = false

        /// What comes next to a thread that has done something of this cost.
        mutating func next(done: Int) -> (work: BodyWork, cost: Int)? {
            cost -= done
            let next = works.popFirst()
            if next == nil { busy -= 1 }
            return next
        }
    }

    private static let count = 2

    init(_ sink: any BodySink, _ audit: any AuditSink) {
        (self.sink, self.audit) = (sink, audit)
    }

    /// Gives an exchange its turn, with so many octets to record.
    ///
    /// To wake a thread costs more than what a small body does: the next one is woken when much waits for those that are awake.
    func start(_ work: BodyWork, _ octets: Int) {
        let mustWake = line.withLock { line in
            if !line.isStarted { threads.start() }
            line.isStarted = true
            let cost = octets + GatewayLimits.recordedTurn
            line.works.append((work, cost))
            line.cost += cost
            guard line.busy < Self.count, line.cost > line.busy * GatewayLimits.recordedByOneThread else {
                return false
            }
            line.busy += 1
            return true
        }
        // Also when the threads are ending: what was passed on is recorded.
        guard mustWake else { return }
        running.enter()
        threads.submit { [self] _ in
            goOn()
            running.leave()
        }
    }

    private func goOn() {
        var done = 0
        while let next = line.withLock({ $0.next(done: done) }) {
            next.work.turn()
            done = next.cost
        }
    }

    /// Waits for what is recorded still; call when the event loops have ended.
    func end() {
        running.wait()
        try? threads.syncShutdownGracefully()
    }
}
