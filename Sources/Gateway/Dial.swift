internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Policy
internal import Reflection

/// A connection outward was not made, in words for the client.
struct DialFailure: Error {
    let denial: Denial
}

/// The only place that opens a connection outward.
///
/// A permit goes in and is spent.
struct Dialer: Sendable {
    let resolver: Resolver
    let host: HostAddresses
    let limits: GatewayLimits
    /// Where no agent is connected, whatever rules say.
    let closed: (address: IPAddress, port: UInt16)?
    /// What no name that is dialled may hold.
    let spellings: SpellingsCache

    /// Resolves, checks every address, and connects to the first checked one that answers; the channel is on
    /// `loop` and belongs to `resident`.
    func dial(
        _ permit: consuming Permit,
        for resident: Resident,
        on loop: any EventLoop,
        initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        dial(within: permit, for: resident, owner: resident, on: loop, initialise)
    }

    /// A connection of the gateway's own to where a permitted one is about to go, checked the same: it ends by itself, and not with
    /// the agent.
    func dial(
        beside permit: borrowing Permit,
        for resident: Resident,
        on loop: any EventLoop,
        initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        dial(within: permit, for: resident, owner: nil, on: loop, initialise)
    }

    /// The same to an address that one of them went to, which has been checked.
    func dial(
        again address: SocketAddress,
        at endpoint: Endpoint,
        on loop: any EventLoop,
        initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        bootstrap(Attempt(endpoint: endpoint, resident: nil, loop: loop, initialise: initialise))
            .connect(to: address)
    }

    /// `owner` is whose the channel is, and ends with; nil for the gateway's own.
    private func dial(
        within permit: borrowing Permit,
        for resident: Resident,
        owner: Resident?,
        on loop: any EventLoop,
        _ initialise: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        let endpoint = permit.request.endpoint
        let check = AddressCheck(endpoint, obligations: permit.obligations, policy: resident.policy)
        let attempt = Attempt(endpoint: endpoint, resident: owner, loop: loop, initialise: initialise)
        let sending = permit.obligations.sending
        if let denial = NameSearch.denial(of: endpoint.host, spellings, sending, resident.lineage) {
            return loop.makeFailedFuture(DialFailure(denial: denial))
        }
        return resolver.addresses(of: endpoint.host, for: resident, on: loop)
            .flatMapErrorThrowing { error in
                guard let failure = error as? LookupFailure else {
                    throw DialFailure(denial: .upstreamFailed(endpoint, "\(error)"))
                }
                throw DialFailure(denial: .unresolved(endpoint, failure))
            }
            .flatMap { found in
                var reasons: [String] = []
                var checked: [IPAddress] = []
                for address in found.prefix(limits.addressesTried) {
                    if let reason = refusal(of: address, endpoint.port)
                        ?? check.refusal(of: address, host: host)
                    {
                        reasons.append(reason)
                    } else {
                        checked.append(address)
                    }
                }
                guard !checked.isEmpty else {
                    return loop.makeFailedFuture(DialFailure(denial: .forbiddenAddress(endpoint, reasons)))
                }
                return connect(attempt, to: checked[...])
            }
    }

    private func refusal(of address: IPAddress, _ port: UInt16) -> String? {
        guard let closed, closed.address == address, closed.port == port else { return nil }
        return "\(address) port \(port) is where approvals are answered, which is no agent's to reach"
    }

    /// What stays the same over the addresses that are tried.
    private struct Attempt: Sendable {
        let endpoint: Endpoint
        /// Nil for a connection of the gateway's own.
        let resident: Resident?
        let loop: any EventLoop
        let initialise: @Sendable (any Channel) -> EventLoopFuture<Void>
    }

    private func connect(
        _ attempt: Attempt,
        to addresses: ArraySlice<IPAddress>
    ) -> EventLoopFuture<any Channel> {
        guard let address = addresses.first else {
            return attempt.loop.makeFailedFuture(
                DialFailure(denial: .upstreamFailed(attempt.endpoint, "no address answered"))
            )
        }
        let made = attempt.loop.makeCompletedFuture {
            try address.socketAddress(port: attempt.endpoint.port)
        }.flatMap { bootstrap(attempt).connect(to: $0) }
        return made.flatMapError { error in
            // The agent's own matter, not the address's.
            if error is DialFailure { return attempt.loop.makeFailedFuture(error) }
            guard addresses.count > 1, attempt.resident?.current.closed != true else {
                let reason = "connect to \(address): \(UpstreamFault(error).words)"
                let denial = Denial.upstreamFailed(attempt.endpoint, reason)
                return attempt.loop.makeFailedFuture(DialFailure(denial: denial))
            }
            return connect(attempt, to: addresses.dropFirst())
        }
    }

    private func bootstrap(_ attempt: Attempt) -> ClientBootstrap {
        ClientBootstrap(group: attempt.loop)
            .connectTimeout(.milliseconds(limits.connect))
            .channelOption(.writeBufferWaterMark, value: GatewayLimits.writeBuffer)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 1_024,
                    initial: 16_384,
                    maximum: GatewayLimits.largestRead
                )
            )
            .channelInitializer { channel in
                do {
                    try channel.pipeline.syncOperations.addHandler(Backlog())
                    guard let resident = attempt.resident else { return attempt.initialise(channel) }
                    let cutoff = ResetSwitch()
                    try channel.pipeline.syncOperations.addHandler(cutoff, position: .first)
                    try resident.adopt(channel, cutoff: cutoff)
                    return attempt.initialise(channel)
                } catch {
                    return channel.eventLoop.makeFailedFuture(error)
                }
            }
    }
}
