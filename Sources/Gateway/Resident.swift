internal import DNSProtocol
internal import Model
internal import NIOCore
internal import Policy
internal import Synchronization

/// One agent while it is attached: its live policy, its names, and every channel that is open for it.
final class Resident: Sendable {
    /// Whether a connection is taken.
    enum Admission {
        case admitted
        case overBudget
        case closed
    }

    private struct State {
        var policy: LineagePolicy
        var version: UInt64 = 0
        var closed = false
        var clients = 0
        var channels: [ObjectIdentifier: Member] = [:]
    }

    private struct Member {
        let loop: any EventLoop
        let cutoff: NIOLoopBound<ResetSwitch>
    }

    let id: AgentID
    let namespaceCookie: UInt64?
    let destination: @Sendable (IPAddress, UInt16) -> (IPAddress, UInt16)
    /// The names this agent has asked for, and the addresses that stand for them.
    let names = Mutex(SyntheticAddresses())
    private let connectionLimit: Int
    private let state: Mutex<State>

    init(_ agent: GatewayAgent, connectionLimit: Int) {
        id = agent.id
        namespaceCookie = agent.namespaceCookie
        destination = agent.destination
        self.connectionLimit = connectionLimit
        state = Mutex(State(policy: agent.policy))
    }

    /// The policy in force and its version, which changes with every replacement and with the end.
    var current: (policy: LineagePolicy, version: UInt64, closed: Bool) {
        state.withLock { ($0.policy, $0.version, $0.closed) }
    }

    var policy: LineagePolicy { state.withLock { $0.policy } }

    var lineage: Lineage { policy.lineage }

    func replacePolicy(_ policy: LineagePolicy) {
        state.withLock { state in
            state.policy = policy
            state.version &+= 1
        }
    }

    /// Takes a client connection into the budget. On the channel's loop.
    func admit(_ channel: any Channel, cutoff: ResetSwitch) -> Admission {
        let key = ObjectIdentifier(channel)
        let member = Member(loop: channel.eventLoop, cutoff: NIOLoopBound(cutoff, eventLoop: channel.eventLoop))
        let admission: Admission = state.withLock { state in
            guard !state.closed else { return .closed }
            guard state.clients < connectionLimit else { return .overBudget }
            state.clients += 1
            state.channels[key] = member
            return .admitted
        }
        guard case .admitted = admission else { return admission }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.clients -= 1
                state.channels[key] = nil
            }
        }
        return admission
    }

    /// Takes an upstream channel; false when the agent has been closed meanwhile. On the channel's loop.
    func adopt(_ channel: any Channel, cutoff: ResetSwitch) -> Bool {
        let key = ObjectIdentifier(channel)
        let member = Member(loop: channel.eventLoop, cutoff: NIOLoopBound(cutoff, eventLoop: channel.eventLoop))
        let open = state.withLock { state in
            guard !state.closed else { return false }
            state.channels[key] = member
            return true
        }
        guard open else { return false }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[key] = nil } }
        return true
    }

    /// Ends the agent here: nothing is admitted any more, and every channel is reset before this returns (except
    /// when called on an event loop, which cannot wait for the others).
    func close(waiting: Bool) {
        let members = state.withLock { state in
            state.closed = true
            state.version &+= 1
            return Array(state.channels.values)
        }
        for (_, group) in Dictionary(grouping: members, by: { ObjectIdentifier($0.loop) }) {
            guard let loop = group.first?.loop else { continue }
            let done = loop.submit { for member in group { member.cutoff.value.cut() } }
            if waiting { try? done.wait() }
        }
    }
}
