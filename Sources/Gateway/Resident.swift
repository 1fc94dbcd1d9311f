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
        /// What allowed this connection as a whole; nil where each request is decided for itself.
        var tunnel: Request?
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

    /// Puts another policy in force; tunnels that it does not allow are reset.
    ///
    /// Everything else is decided again with its next request.
    func replacePolicy(_ policy: LineagePolicy) {
        let tunnels = state.withLock { state in
            state.policy = policy
            state.version &+= 1
            return state.channels.values.filter { $0.tunnel != nil }
        }
        for member in tunnels {
            guard let request = member.tunnel, case .deny = policy.decide(request) else { continue }
            member.loop.execute { member.cutoff.value.cut() }
        }
    }

    /// Notes what allowed a connection as a whole; false when the policy has changed since.
    func holds(_ request: Request, on channel: any Channel) -> Bool {
        state.withLock { state in
            guard case .allow = state.policy.decide(request), !state.closed else { return false }
            state.channels[ObjectIdentifier(channel)]?.tunnel = request
            return true
        }
    }

    /// Takes a client connection into the budget.
    ///
    /// On the channel's loop.
    func admit(_ channel: any Channel, cutoff: ResetSwitch) -> Admission {
        let key = ObjectIdentifier(channel)
        let member = Member(
            loop: channel.eventLoop,
            cutoff: NIOLoopBound(cutoff, eventLoop: channel.eventLoop)
        )
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

    /// Takes an upstream channel; false when the agent has been closed meanwhile.
    ///
    /// On the channel's loop.
    func adopt(_ channel: any Channel, cutoff: ResetSwitch) -> Bool {
        let key = ObjectIdentifier(channel)
        let member = Member(
            loop: channel.eventLoop,
            cutoff: NIOLoopBound(cutoff, eventLoop: channel.eventLoop)
        )
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
            let done = loop.submit {
                // All first: the end of one closes its partner, which is to be a reset as well.
                for member in group { member.cutoff.value.arm() }
                for member in group { member.cutoff.value.cut() }
            }
            if waiting { try? done.wait() }
        }
    }
}
