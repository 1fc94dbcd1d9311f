internal import Dispatch
internal import Model
internal import PostgresLink
internal import Synchronization

/// Hears by LISTEN that another machine has revoked somebody, on a thread of its own, and reads it; what was not heard of is read
/// every few seconds.
final class FleetWatch: Sendable {
    private let connection: PostgresConnection
    private let revocations: FleetRevocations
    private let isOver = Atomic(false)
    private let queue = DispatchQueue(label: "bailey.audit.fleet")

    init(_ access: PostgresAccess, _ revocations: FleetRevocations) {
        connection = PostgresConnection(access, opening: ["LISTEN \(FleetRevocations.channel)"])
        self.revocations = revocations
    }

    /// Until `stop`.
    func start() {
        queue.async { [self] in
            var pause = FleetLimits.pause
            while !isOver.load(ordering: .relaxed) {
                do {
                    try revocations.read(over: connection)
                    pause = FleetLimits.pause
                    _ = try connection.wait(atMost: FleetLimits.listening)
                } catch {
                    // What is wrong is told where somebody launches.
                    _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(Int(pause)))
                    pause = min(2 * pause, FleetLimits.longestPause)
                }
            }
        }
    }

    /// Its thread ends some seconds later.
    func stop() { isOver.store(true, ordering: .relaxed) }
}
