internal import DNSProtocol
internal import Model
internal import NIOCore
internal import Policy
internal import Synchronization

/// One agent while it is attached: its live policy, its names, and every channel that is open for it.
final class Resident: Sendable {
    /// How far the agent's end has come here.
    private enum Phase {
        case serving
        /// Nothing leaves any more; what it still tries is read, refused and recorded.
        case ended
        /// Whatever comes is cut.
        case shut
    }

    private struct State {
        var policy: LineagePolicy
        var version: UInt64 = 0
        var phase = Phase.serving
        /// Accepted client channels that are not gone.
        var present = 0
        /// Those among them that count against the budget.
        var clients = 0
        /// Open streams of its HTTP/2 connections.
        var streams = 0
        var channels: [ObjectIdentifier: Member] = [:]

        var closed: Bool { phase != .serving }
    }

    private struct Member {
        let loop: any EventLoop
        let cutoff: NIOLoopBound<ResetSwitch>
        /// The client's side; nil for an upstream's.
        var client: (any Channel)?
        /// What decides for it.
        var authoriser: NIOLoopBound<Authoriser>?
        /// What allowed this connection as a whole; nil where each request is decided for itself.
        var tunnel: Request?

        /// It leads outside, or something has been asked for on it.
        ///
        /// On its loop.
        var isUsed: Bool { authoriser?.value.isRecorded ?? true }
    }

    let id: AgentID
    private let epoch: RevocationEpoch
    let namespaceCookie: UInt64?
    let destination: @Sendable (IPAddress, UInt16) -> (IPAddress, UInt16)
    /// Finds the processes behind its connections; what it finds goes on record and nowhere else.
    let witness: (any ProcessWitness)?
    /// The names this agent has asked for, and the addresses that stand for them.
    let names = Mutex(SyntheticAddresses())
    /// Where its datagrams were going.
    let datagrams: Mutex<DatagramTally>
    /// Which of its denials are on record.
    let denials = Mutex(DenialTally())
    /// Octets of bodies that are held until their requests are decided on.
    private let bodies = Atomic(0)
    /// Exchanges whose bodies are being recorded.
    let recordings = Atomic(0)
    private let connectionLimit: Int
    private let streamLimit: Int
    private let budget: ConnectionBudget
    /// Which names have addresses.
    let outward: Outward
    private let state: Mutex<State>

    init(
        _ agent: GatewayAgent,
        _ limits: GatewayLimits,
        _ budget: ConnectionBudget,
        _ outward: Outward
    ) {
        id = agent.id
        epoch = agent.epoch
        namespaceCookie = agent.namespaceCookie
        destination = agent.destination
        witness = agent.witness
        self.budget = budget
        self.outward = outward
        connectionLimit = limits.connectionsPerAgent
        streamLimit = limits.streamsPerAgent
        datagrams = Mutex(DatagramTally(limit: limits.datagramDestinations))
        state = Mutex(State(policy: agent.policy))
    }

    /// The policy in force and its version, which changes with every replacement and with the end.
    ///
    /// Closed when the agent has ended or is revoked: nothing leaves any more.
    var current: (policy: LineagePolicy, version: UInt64, closed: Bool) {
        let (policy, version, closed) = state.withLock { ($0.policy, $0.version, $0.closed) }
        return (policy, version, closed || epoch.isOver)
    }

    /// Its processes are gone; of an agent that is revoked and left running they are not.
    var hasEnded: Bool { state.withLock { $0.closed } }

    /// In which it may act.
    var acting: RevocationEpoch { epoch }

    /// What cut the agent off; nil while it is not revoked.
    var revocation: Revocation? { epoch.revocation }

    /// Why nothing leaves any more.
    var closedDenial: Denial { epoch.revocation.map { .revoked(by: $0) } ?? .agentEnded }

    var policy: LineagePolicy { state.withLock { $0.policy } }

    var lineage: Lineage { policy.lineage }

    /// The root agent of its run.
    var root: AgentID { lineage.hops.first?.agent ?? id }

    /// Puts another policy in force; tunnels that it does not allow are reset, and where nothing is allowed any more, all that is open.
    ///
    /// Everything else is decided again with its next request.
    func replacePolicy(_ policy: LineagePolicy) {
        let open = state.withLock { state in
            state.policy = policy
            state.version &+= 1
            return Array(state.channels.values)
        }
        for member in open {
            if !policy.isLapsed {
                guard let request = member.tunnel else { continue }
                if case .allow = policy.decide(request) { continue }
            }
            member.loop.execute { member.cutoff.value.cut() }
        }
    }

    /// Notes what allowed a connection as a whole; false when the policy has changed since.
    ///
    /// What was approved is asked about still; another policy cuts it (`replacePolicy`).
    func holds(_ request: Request, on channel: any Channel, isApproved: Bool = false) -> Bool {
        state.withLock { state in
            switch state.policy.decide(request) {
            case .allow: break
            case .ask: guard isApproved else { return false }
            case .deny: return false
            case .read: return false
            }
            guard !state.closed, !epoch.isOver else { return false }
            state.channels[ObjectIdentifier(channel)]?.tunnel = request
            return true
        }
    }

    /// Accepted client channels that are not gone, in whatever stage.
    var present: Int { state.withLock { $0.present } }

    /// Counts a channel that was just accepted.
    ///
    /// On the listener's loop, which learns so of every channel before it looks whether any is left.
    func accepted(_ channel: any Channel) {
        state.withLock { $0.present += 1 }
        channel.closeFuture.whenComplete { _ in
            // After everything that its end has to do.
            channel.eventLoop.execute { self.state.withLock { $0.present -= 1 } }
        }
    }

    /// Knows a client channel from now on; cuts it when nothing is taken any more.
    ///
    /// On the channel's loop.
    func arrived(_ channel: any Channel, cutoff: ResetSwitch, _ authoriser: Authoriser) {
        let key = ObjectIdentifier(channel)
        let member = Member(
            loop: channel.eventLoop,
            cutoff: NIOLoopBound(cutoff, eventLoop: channel.eventLoop),
            client: channel,
            authoriser: NIOLoopBound(authoriser, eventLoop: channel.eventLoop)
        )
        let isShut = state.withLock { state in
            state.channels[key] = member
            return state.phase == .shut
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[key] = nil } }
        if isShut { cutoff.cut() }
    }

    /// Takes a client connection into the agent's budget and that of all agents together; why not, when there is no
    /// room.
    ///
    /// On the channel's loop.
    func admit(_ channel: any Channel) -> Denial? {
        let hasRoom = state.withLock { state in
            guard state.clients < connectionLimit else { return false }
            state.clients += 1
            return true
        }
        guard hasRoom else { return .overBudget(connectionLimit) }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.clients -= 1 } }
        return budget.take(.client, for: id, until: channel.closeFuture)
    }

    /// Takes a stream of a client connection into the agent's budget; why not, when there are too many.
    func admitStream(_ stream: any Channel) -> Denial? {
        let hasRoom = state.withLock { state in
            guard state.streams < streamLimit else { return false }
            state.streams += 1
            return true
        }
        guard hasRoom else { return .overStreams(streamLimit) }
        stream.closeFuture.whenComplete { _ in self.state.withLock { $0.streams -= 1 } }
        return nil
    }

    /// Takes an upstream channel; fails when the agent has ended or been revoked meanwhile, or there are too many.
    ///
    /// On the channel's loop.
    func adopt(_ channel: any Channel, cutoff: ResetSwitch) throws(DialFailure) {
        let key = ObjectIdentifier(channel)
        let member = Member(
            loop: channel.eventLoop,
            cutoff: NIOLoopBound(cutoff, eventLoop: channel.eventLoop)
        )
        let open = state.withLock { state in
            // Under the lock: who resets what is open comes after the epoch's end, and finds this one.
            guard !state.closed, !epoch.isOver else { return false }
            state.channels[key] = member
            return true
        }
        guard open else { throw DialFailure(denial: closedDenial) }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[key] = nil } }
        if let denial = budget.take(.upstream, for: id, until: channel.closeFuture) {
            throw DialFailure(denial: denial)
        }
    }

    /// Holds so many octets more of its requests' bodies; false when they are too many together.
    @discardableResult func hold(_ octets: Int) -> Bool {
        bodies.add(octets, ordering: .relaxed).newValue <= GatewayLimits.bodies
    }

    /// Ends the agent here: nothing of it leaves once this returns (except when called on an event loop, which
    /// cannot wait for the others).
    ///
    /// Upstream channels and the client channels of what is on record are reset. Connections that are still to say
    /// what they want stay: they are heard, refused and recorded.
    func end(waiting: Bool) {
        let members = state.withLock { state -> [Member] in
            guard state.phase == .serving else { return [] }
            state.phase = .ended
            state.version &+= 1
            return Array(state.channels.values)
        }
        Self.cut(members.map { ($0, AgentEnded()) }, waiting: waiting)
    }

    /// Resets what agents have open that were revoked; their epochs have ended already.
    ///
    /// As at their end, but for connections between two requests, which are cut as well. Nothing that was open leaves once this
    /// returns; what comes from now on is heard, refused and recorded.
    static func cutRevoked(_ residents: [Resident], waiting: Bool) {
        let members = residents.flatMap { resident -> [(Member, AgentEnded)] in
            guard let revocation = resident.revocation else { return [] }
            let event = AgentEnded(revokedBy: revocation)
            return resident.state.withLock { $0.channels.values.map { ($0, event) } }
        }
        cut(members, waiting: waiting)
    }

    private static func cut(_ members: [(Member, AgentEnded)], waiting: Bool) {
        onLoops(of: members, waiting: waiting) { group in
            let clients = group.filter { member, _ in member.client != nil }
            let upstreams = group.filter { member, _ in member.client == nil }
            // All are reset before the first is cleaned up after, which takes ten times as long; clients before upstreams, since
            // servers on this machine take cores from this loop for their end of it.
            for (member, event) in clients + upstreams where event.isRevoked && member.isUsed {
                member.cutoff.value.disconnect()
            }
            // Armed first: the end of a client closes its upstream, which is to be a reset as well.
            for (member, _) in upstreams { member.cutoff.value.arm() }
            for (member, event) in clients { member.client?.pipeline.fireUserInboundEventTriggered(event) }
            for (member, _) in upstreams { member.cutoff.value.cut() }
        }
    }

    /// Resets whatever is left, and all that comes from now on.
    func shut() {
        let members = state.withLock { state in
            state.phase = .shut
            state.version &+= 1
            return Array(state.channels.values)
        }
        Self.onLoops(of: members.map { ($0, AgentEnded()) }, waiting: false) { group in
            for (member, _) in group { member.cutoff.value.arm() }
            for (member, _) in group { member.cutoff.value.cut() }
        }
    }

    /// On all loops at once.
    private static func onLoops(
        of members: [(Member, AgentEnded)],
        waiting: Bool,
        _ action: @escaping @Sendable ([(Member, AgentEnded)]) -> Void
    ) {
        let groups = Dictionary(grouping: members, by: { ObjectIdentifier($0.0.loop) }).values
        let done = groups.compactMap { group in group.first?.0.loop.submit { action(group) } }
        if waiting { for one in done { try? one.wait() } }
    }
}
