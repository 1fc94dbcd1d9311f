internal import Client
internal import Dispatch
internal import Linux
internal import Model
internal import Synchronization

/// Supervisors that are looked for beside those that answer at once: who registered them decides where their links lead.
///
/// A path on a file system that hangs holds up a thread of its own and nobody else.
final class SupervisorSearch: Sendable {
    /// More are not looked for at once: a thread for each.
    private static let width = 64
    /// Milliseconds for all: a listener whose queue is full is waited for as long as connecting takes at most.
    private static let patience = UInt64(PacketSocket.patience) * 1_000 + 1_000

    /// What is at a path: a supervisor of this user's, nobody or somebody else, or why that is not known.
    struct Found {
        let path: String
        let result: Result<ControlChannel?, SystemCallError>
    }

    /// A connection on its way from the thread that made it.
    private struct Arrival: Sendable {
        let path: String
        let result: Result<Int32?, SystemCallError>
    }

    private struct State {
        var left: [String]
        var running: [String] = []
        var arrived: [Arrival] = []
        var isOver = false
    }

    private let state: Mutex<State>
    private let deadline = Poller.now() + patience

    init(_ paths: [String]) {
        state = Mutex(State(left: paths.reversed()))
        for _ in 0..<min(Self.width, paths.count) { startNext() }
    }

    deinit {
        for arrival in state.withLock({ $0.arrived }) { Self.close(arrival) }
    }

    /// Whether some are still looked for, in the time that all have.
    var isUnderWay: Bool {
        state.withLock { state in
            if Poller.now() >= deadline { state.isOver = true }
            return !state.isOver && !(state.running.isEmpty && state.left.isEmpty)
        }
    }

    /// Paths of which nothing is known.
    var missing: [String] { state.withLock { $0.running + $0.left } }

    /// What was found since the last time.
    func take() -> [Found] {
        let arrived = state.withLock { state in
            defer { state.arrived = [] }
            return state.arrived
        }
        return arrived.map { arrival in
            Found(
                path: arrival.path,
                result: arrival.result.map { raw in
                    raw.map { ControlChannel(OwnedDescriptor($0), acceptedDescriptors: 0) }
                }
            )
        }
    }

    private func startNext() {
        let path = state.withLock { state -> String? in
            guard !state.isOver, let path = state.left.popLast() else { return nil }
            state.running.append(path)
            return path
        }
        guard let path else { return }
        DispatchQueue(label: "bailey.supervisor.search").async { [self] in
            arrive(Arrival(path: path, result: Self.connection(to: path)))
            startNext()
        }
    }

    private static func connection(to path: String) -> Result<Int32?, SystemCallError> {
        do throws(SystemCallError) {
            guard let socket = try RuntimeFolder.connection(to: path) else { return .success(nil) }
            return .success(socket.release())
        } catch {
            return .failure(error)
        }
    }

    private func arrive(_ arrival: Arrival) {
        let isLate = state.withLock { state in
            state.running.removeAll { $0.isSame(as: arrival.path) }
            if !state.isOver { state.arrived.append(arrival) }
            return state.isOver
        }
        if isLate { Self.close(arrival) }
    }

    private static func close(_ arrival: Arrival) {
        if case .success(let raw?) = arrival.result { _ = OwnedDescriptor(raw) }
    }
}
