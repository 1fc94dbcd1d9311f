internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

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
