internal import Dispatch
internal import Glibc
internal import HTTPProtocol
package import Model
internal import NIOCore
internal import NIOPosix
package import Policy
internal import Reflection
internal import Synchronization

/// The supervisor's data path: every byte that leaves an agent goes through it, and every request is decided here
/// for the agent and all its ancestors.
package final class Gateway: Sendable {
    /// Signs what intercepted clients see; its certificate belongs in the agents' trust bundles.
    package let authority: CertificateAuthority

    private let group: MultiThreadedEventLoopGroup
    private let gatehouse: Gatehouse
    let tokens: TokenClient
    private let attached = Mutex<[AgentID: Attachment]>([:])

    /// An agent's place here, and its listening sockets.
    private struct Attachment {
        let resident: Resident
        let listenerDescriptor: Int32
        var listener: (any Channel)?
        /// The resolver, and what hears of refused datagrams.
        var others: [any Channel] = []
        /// The sockets of the latter: they are read to the end before they are closed.
        let refusals: [Int32]
    }

    /// Starts the loops.
    ///
    /// Fails when the upstream roots cannot be read or there are too many placeholders.
    package init(
        configuration: GatewayConfiguration,
        authority: CertificateAuthority,
        audit: any AuditSink,
        bodies: any BodySink,
        credentials: any CredentialSource,
        approver: (any Approver)? = nil
    ) throws {
        self.authority = authority
        guard let placeholders = PlaceholderPatterns(credentials.placeholders) else {
            throw GatewayFailure(
                "watch for \(credentials.placeholders.count) placeholders: too many, or one is empty"
            )
        }
        let tls = try UpstreamTLS(furtherRoots: configuration.upstreamRoots)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.loops))
        self.group = group
        let limits = configuration.limits
        let work = BlockingWork(limits)
        let resolver = Resolver(configuration, work)
        let spellings = SpellingsCache()
        tokens = TokenClient(names: resolver, tls: tls, limits: limits, group: group)
        gatehouse = Gatehouse(
            audit: audit,
            credentials: credentials,
            limits: limits,
            outward: Self.outward(configuration, resolver, spellings),
            tls: tls,
            contexts: InterceptionContexts(authority: authority, capacity: limits.interceptedNames),
            placeholders: placeholders,
            spellings: spellings,
            work: work,
            budget: ConnectionBudget(limits.connections),
            witnesses: Witnesses(audit, limits),
            bodies: BodyRecords(bodies, audit),
            approver: approver,
            pools: Self.perLoop(of: group) { UpstreamPool(limits) },
            searches: Self.perLoop(of: group) { SearchTurns() },
            texts: Self.perLoop(of: group) { KnownStatements() }
        )
    }

    private static func outward(
        _ configuration: GatewayConfiguration,
        _ resolver: Resolver,
        _ spellings: SpellingsCache
    ) -> Outward {
        if let source = configuration.answers { return .recording(RecordedServers(source)) }
        return .network(
            Dialer(
                resolver: resolver,
                host: HostAddresses(),
                limits: configuration.limits,
                closed: configuration.closed,
                spellings: spellings
            )
        )
    }

    /// Something of its own for each loop, by the loop's identity.
    private static func perLoop<Value>(
        of group: MultiThreadedEventLoopGroup,
        _ make: () -> sending Value
    ) -> [ObjectIdentifier: NIOLoopBoundBox<Value>] {
        Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { loop in
                (ObjectIdentifier(loop), NIOLoopBoundBox.makeBoxSendingValue(make(), eventLoop: loop))
            }
        )
    }

    /// Takes an agent's sockets and serves them from now on; waits until it does, never on one of the gateway's loops.
    ///
    /// On failure the sockets are closed.
    package func open(_ agent: GatewayAgent) throws {
        let outcome = Mutex<Result<Void, GatewayFailure>>(.success(()))
        let opened = DispatchSemaphore(value: 0)
        open(agent) { result in
            outcome.withLock { $0 = result }
            opened.signal()
        }
        opened.wait()
        try outcome.withLock { $0 }.get()
    }

    /// The same without waiting: calls back, on a thread of its own choosing, when the sockets are served.
    package func open(
        _ agent: GatewayAgent,
        whenOpen: @escaping @Sendable (Result<Void, GatewayFailure>) -> Void
    ) {
        let id = agent.id
        let resident = Resident(agent, gatehouse.limits, gatehouse.budget, gatehouse.outward)
        let isNew = attached.withLock { attached in
            guard attached[id] == nil else { return false }
            attached[id] = Attachment(
                resident: resident,
                listenerDescriptor: agent.listener,
                refusals: agent.refusals
            )
            return true
        }
        guard isNew else {
            for socket in agent.sockets { Glibc.close(socket) }
            return whenOpen(.failure(GatewayFailure("open \(id): the agent is attached already")))
        }
        // Opened here, where it may take a moment, and not on a loop; whoever asks for something hears why it failed.
        if agent.policy.levels.contains(where: { $0.profile.recording == .full }) {
            _ = gatehouse.bodies.sink.refusal(of: id.run)
        }
        // All of one agent on one loop: it is woken once to open them, and once to close them.
        let loop = group.next()
        let listener = listen(agent, resident, on: loop)
        var others = agent.refusals.map { socket in
            receive(on: socket, of: loop, RefusalWatch(resident, self.gatehouse, descriptor: socket))
        }
        if let resolver = agent.resolver {
            others.append(receive(on: resolver, of: loop, NameService(resident, descriptor: resolver)))
        }
        EventLoopFuture.whenAllComplete([listener] + others, on: loop).whenSuccess { results in
            whenOpen(self.keep(results, for: id))
        }
    }

    /// Keeps an agent's channels, its listener first, or closes them when one failed or the agent ended meanwhile.
    private func keep(
        _ results: [Result<any Channel, any Error>],
        for id: AgentID
    ) -> Result<Void, GatewayFailure> {
        do {
            let channels = try results.map { try $0.get() }
            let isKept = attached.withLock { attached in
                guard attached[id] != nil else { return false }
                attached[id]?.listener = channels.first
                attached[id]?.others = Array(channels.dropFirst())
                return true
            }
            guard isKept else { throw GatewayFailure("the agent has ended") }
            return .success(())
        } catch {
            for case .success(let channel) in results { channel.close(promise: nil) }
            _ = attached.withLock { $0.removeValue(forKey: id) }
            return .failure(GatewayFailure("open \(id): \(error)"))
        }
    }

    /// Puts another policy in force for an agent: every decision from now on is by this one.
    package func update(_ id: AgentID, policy: LineagePolicy) {
        attached.withLock { $0[id]?.resident }?.replacePolicy(policy)
    }

    /// Cuts an agent off: nothing of it leaves once this returns, and what it still tries is refused and recorded.
    ///
    /// Called on one of the gateway's own loops it does not wait for the others.
    package func cutOff(_ id: AgentID) {
        attached.withLock { $0[id]?.resident }?.end(waiting: Self.mayWait)
    }

    /// Resets what agents have open whose epoch has ended; they stay, and whatever they try is refused and recorded.
    ///
    /// The end of the epoch is what bars them, at once; this finds them by it, whoever they are. Waits as `cutOff` does.
    package func cutOffRevoked() {
        let residents = attached.withLock { $0.values.map(\.resident) }
        Resident.cutRevoked(residents, waiting: Self.mayWait)
        gatehouse.identities.forget()
    }

    /// Ends an agent whose processes are gone: what they tried last is refused and recorded, then its sockets are
    /// closed.
    ///
    /// Calls back on a thread of its own choosing when the last of these records has been appended, within
    /// `GatewayLimits.lastAttempts` and the turns that the loops take to cut what is left; with the number of its requests that
    /// were refused.
    package func close(_ id: AgentID, whenClosed: @escaping @Sendable (UInt64) -> Void) {
        guard let attachment = attached.withLock({ $0.removeValue(forKey: id) }) else { return whenClosed(0) }
        let resident = attachment.resident
        resident.end(waiting: Self.mayWait)
        guard let listener = attachment.listener else {
            for channel in attachment.others { channel.close(promise: nil) }
            return whenClosed(resident.refused)
        }
        Departure(
            of: resident,
            gatehouse,
            sockets: Departure.Sockets(
                listener: listener,
                listenerDescriptor: attachment.listenerDescriptor,
                others: attachment.others,
                readToTheEnd: attachment.refusals
            ),
            whenGone: { whenClosed(resident.refused) }
        ).begin()
    }

    /// The same, waiting for it; never on one of the gateway's own loops.
    package func close(_ id: AgentID) {
        let closed = DispatchSemaphore(value: 0)
        close(id) { _ in closed.signal() }
        closed.wait()
    }

    private static var mayWait: Bool { MultiThreadedEventLoopGroup.currentEventLoop == nil }

    /// Waits, with a bound, until what ended sessions had made elsewhere is gone: roles of databases.
    package func settle() {
        gatehouse.roles.awaitDropped(within: gatehouse.limits.roles)
    }

    /// Ends every agent, then the loops.
    package func shutdown() {
        for id in attached.withLock({ Array($0.keys) }) { close(id) }
        settle()
        gatehouse.work.end()
        // What is under way is told to its loop.
        gatehouse.outward.end()
        try? group.syncShutdownGracefully()
        gatehouse.work.awaitThreads()
        gatehouse.bodies.end()
    }

    private func listen(
        _ agent: GatewayAgent,
        _ resident: Resident,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let acceptor = Acceptor(resident: resident, gatehouse: gatehouse)
        return ServerBootstrap(group: loop, childGroup: group)
            .serverChannelOption(.backlog, value: GatewayLimits.backlog)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: GatewayLimits.writeBuffer)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 1_024,
                    initial: 4_096,
                    maximum: GatewayLimits.largestRead
                )
            )
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Gatepost(resident))
                }
            }
            .childChannelInitializer { acceptor.accept($0) }
            .withBoundSocket(agent.listener)
    }

    private func receive(
        on socket: Int32,
        of loop: any EventLoop,
        _ handler: @autoclosure @escaping @Sendable () -> some ChannelHandler
    ) -> EventLoopFuture<any Channel> {
        DatagramBootstrap(group: loop)
            .channelOption(.receivePacketInfo, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(handler())
                }
            }
            .withBoundSocket(socket)
    }
}
