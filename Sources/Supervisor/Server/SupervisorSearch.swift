package import Client
internal import Dispatch
internal import Glibc
package import Linux
internal import Model
internal import Synchronization

/// Supervisors that are looked for beside those that answer at once: who registered them decides where their links lead.
///
/// A file system that hangs holds up the thread for its folder and nobody else, and none is begun for a path whose last look
/// is not over: of such a path nothing is known, and nothing is waited for.
package final class SupervisorSearch: Sendable {
    /// Folders that are looked into at once: a thread for each.
    private static let width = 64
    /// Milliseconds for all: a listener whose queue is full is waited for as long as connecting takes at most.
    static let patience = UInt64(PacketSocket.patience) * 1_000 + 1_000
    /// Milliseconds where there is another time.
    static let shortPatience: UInt64 = 2_000

    /// Paths that are being looked at, by this search or by one that was given up.
    private static let underWay = Mutex<Set<ByteText>>([])

    /// What is at a path: a supervisor of this user's, nobody or somebody else, or why that is not known.
    package struct Found {
        package let path: String
        package let result: Result<ControlChannel?, SystemCallError>
    }

    /// A connection on its way from the thread that made it.
    private struct Arrival: Sendable {
        let path: String
        let result: Result<Int32?, SystemCallError>
    }

    private struct State {
        /// Paths by their folders.
        var left: [[String]]
        /// Paths that nothing is known of yet.
        var missing: Set<ByteText>
        /// Those of which this search will not know.
        var unheard: [String] = []
        var arrived: [Arrival] = []
        var isOver = false
    }

    private let state: Mutex<State>
    private let deadline: UInt64

    /// Begins it.
    ///
    /// - Parameters:
    ///   - paths: of sockets.
    ///   - patience: milliseconds for all of them.
    package init(_ paths: [String], patience: UInt64) {
        deadline = Poller.now() + patience
        let folders = Dictionary(grouping: paths) {
            ByteText(String($0[..<($0.lastPlace(of: "/") ?? $0.startIndex)]))
        }
        let left = folders.sorted { $0.key.text.precedes($1.key.text) }.map(\.value)
        state = Mutex(State(left: left.reversed(), missing: Set(paths.map { ByteText($0) })))
        for _ in 0..<min(Self.width, left.count) { startNext() }
    }

    deinit {
        for arrival in state.withLock({ $0.arrived }) { Self.close(arrival) }
    }

    /// Whether some are still looked for, in the time that all have.
    package var isUnderWay: Bool {
        state.withLock { state in
            if Poller.now() >= deadline { state.isOver = true }
            return !state.isOver && !state.missing.isEmpty
        }
    }

    /// Paths of which nothing is known.
    package var missing: [String] { state.withLock { $0.missing.map(\.text) + $0.unheard } }

    /// What was found since the last time.
    package func take() -> [Found] {
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
        let paths = state.withLock { state in state.isOver ? nil : state.left.popLast() }
        guard let paths else { return }
        DispatchQueue(label: "bailey.supervisor.search").async { [self] in
            look(at: paths)
            startNext()
        }
    }

    /// First all that answer at once, then those whose queue is full.
    private func look(at paths: [String]) {
        var busy: [String] = []
        for path in paths where !look(at: path, patience: 0) { busy.append(path) }
        for path in busy { _ = look(at: path, patience: PacketSocket.patience) }
    }

    /// False where its listener has no room at once.
    private func look(at path: String, patience: Int) -> Bool {
        let isOver = state.withLock { $0.isOver }
        guard !isOver else { return true }
        guard Self.underWay.withLock({ $0.insert(ByteText(path)).inserted }) else {
            giveUp(path)
            return true
        }
        let result = Self.connection(to: path, patience: patience)
        Self.underWay.withLock { _ = $0.remove(ByteText(path)) }
        if patience == 0, case .failure(let error) = result, error.errno == EAGAIN { return false }
        arrive(Arrival(path: path, result: result))
        return true
    }

    private static func connection(to path: String, patience: Int) -> Result<Int32?, SystemCallError> {
        do throws(SystemCallError) {
            guard let socket = try RuntimeFolder.connection(to: path, patience: patience) else {
                return .success(nil)
            }
            return .success(socket.release())
        } catch {
            return .failure(error)
        }
    }

    private func arrive(_ arrival: Arrival) {
        let isLate = state.withLock { state in
            guard !state.isOver else { return true }
            state.missing.remove(ByteText(arrival.path))
            state.arrived.append(arrival)
            return false
        }
        if isLate { Self.close(arrival) }
    }

    /// An earlier look at it is not over, and whatever that finds is for whoever began it.
    private func giveUp(_ path: String) {
        state.withLock { state in
            guard state.missing.remove(ByteText(path)) != nil else { return }
            state.unheard.append(path)
        }
    }

    private static func close(_ arrival: Arrival) {
        if case .success(let raw?) = arrival.result { _ = OwnedDescriptor(raw) }
    }
}
