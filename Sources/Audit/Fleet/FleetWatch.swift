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
        // A standby takes no LISTEN.
        connection = PostgresConnection(
            access,
            opening: ["LISTEN \(FleetRevocations.channel)"],
            takesChanges: true
        )
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
                    Self.rest(FleetLimits.breath)
                } catch {
                    // What is wrong is told where somebody launches.
                    Self.rest(Int(pause))
                    pause = min(2 * pause, FleetLimits.longestPause)
                }
            }
        }
    }

    private static func rest(_ milliseconds: Int) {
        _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(milliseconds))
    }

    /// Its thread ends some seconds later.
    func stop() { isOver.store(true, ordering: .relaxed) }
}
