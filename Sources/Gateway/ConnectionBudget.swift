internal import NIOCore
internal import Synchronization

/// How many connections all agents may have together, so that they cannot use up the supervisor's descriptors.
final class ConnectionBudget: Sendable {
    /// Each kind has a budget of its own: clients in any number leave room to dial for those that are served.
    enum Kind: Sendable {
        case client
        case upstream
    }

    /// Connections of each kind.
    let limit: Int
    private let open = Mutex<[Kind: Int]>([:])

    init(_ limit: Int) {
        self.limit = limit
    }

    /// Takes a place until `end` completes; false when there is none.
    func take(_ kind: Kind, until end: EventLoopFuture<Void>) -> Bool {
        let hasRoom = open.withLock { open in
            guard open[kind, default: 0] < limit else { return false }
            open[kind, default: 0] += 1
            return true
        }
        guard hasRoom else { return false }
        end.whenComplete { _ in self.open.withLock { $0[kind, default: 0] -= 1 } }
        return true
    }
}
