internal import Model
internal import NIOCore
internal import Synchronization

/// How many connections all agents may have together, so that they cannot use up the supervisor's descriptors.
///
/// One agent gets no more than twice what is left: of so many that want all of them, each gets the same, and half of that
/// stays for one that wants few.
final class ConnectionBudget: Sendable {
    /// Each kind has a budget of its own: clients in any number leave room to dial for those that are served.
    enum Kind: Sendable {
        case client
        case upstream
    }

    private struct Count {
        var all = 0
        var byAgent: [AgentID: Int] = [:]

        mutating func add(_ number: Int, of agent: AgentID) {
            all += number
            let own = byAgent[agent, default: 0] + number
            byAgent[agent] = own > 0 ? own : nil
        }
    }

    /// Connections of each kind.
    private let limit: Int
    private let open = Mutex<[Kind: Count]>([:])

    init(_ limit: Int) {
        self.limit = limit
    }

    /// Takes a place until `end` completes; why not, when there is none.
    func take(_ kind: Kind, for agent: AgentID, until end: EventLoopFuture<Void>) -> Denial? {
        let denial = open.withLock { open -> Denial? in
            let count = open[kind, default: Count()]
            let (own, left) = (count.byAgent[agent] ?? 0, limit - count.all)
            guard left > 0 else { return .allOverBudget(limit) }
            guard own < 2 * left else { return .overShare(own, of: limit) }
            open[kind, default: Count()].add(1, of: agent)
            return nil
        }
        guard denial == nil else { return denial }
        end.whenComplete { _ in self.open.withLock { $0[kind]?.add(-1, of: agent) } }
        return nil
    }
}
