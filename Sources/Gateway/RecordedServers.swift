internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// What stands for every server where a command runs again offline: a recording, and threads that may wait for the disk.
final class RecordedServers: Sendable {
    let source: any AnswerSource
    private let threads = NIOThreadPool(numberOfThreads: GatewayLimits.answeringThreads)
    /// Whether the threads are there: they come with the first request, and never after the end.
    private enum Phase { case unneeded, running, ended }
    private let phase = Mutex(Phase.unneeded)

    init(_ source: any AnswerSource) {
        self.source = source
    }

    /// Runs `body` on one of the threads; what came of it is heard on the loop.
    func run<Value: Sendable>(
        on loop: any EventLoop,
        _ body: @escaping @Sendable () -> Value
    ) -> EventLoopFuture<Value> {
        phase.withLock { phase in
            guard phase == .unneeded else { return }
            threads.start()
            phase = .running
        }
        return threads.runIfActive(eventLoop: loop) { body() }
    }

    /// Of what is no exchange of HTTP.
    func refusal(of endpoint: Endpoint, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        loop.makeFailedFuture(DialFailure(denial: .notReplayed(endpoint, source.session)))
    }

    /// Waits for what is under way; call while the event loops run.
    func end() {
        phase.withLock { $0 = .ended }
        try? threads.syncShutdownGracefully()
    }
}
