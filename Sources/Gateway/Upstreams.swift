internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import Policy

extension NIOHTTPDecoderLimitConfiguration {
    /// The engine's limits, for the decoder in front of it.
    static var engine: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = HTTPLimits.field
        limits.maxHeaderListSize = HTTPLimits.fieldBlock
        limits.maxHeaderFieldCount = HTTPLimits.fieldCount
        return limits
    }
}

/// Upstream connections for the HTTP conversations of one agent on one loop.
final class Upstreams {
    private let resident: Resident
    private let gatehouse: Gatehouse
    private let loop: any EventLoop
    private let pool: UpstreamPool?

    init(_ resident: Resident, _ gatehouse: Gatehouse, loop: any EventLoop) {
        self.resident = resident
        self.gatehouse = gatehouse
        self.loop = loop
        pool = gatehouse.pools[ObjectIdentifier(loop)]?.value
    }

    /// A connection for one permitted request: an idle one of this agent, or a new one.
    ///
    /// `fresh` takes no idle one. Calls back once, on the loop, maybe before this returns.
    func lease(
        _ authorised: consuming Authorised,
        fresh: Bool,
        then: @escaping (Result<UpstreamLink, DialFailure>) -> Void
    ) {
        let endpoint = authorised.permit.request.endpoint
        let key = UpstreamKey(agent: resident.id, endpoint: endpoint)
        if !fresh, let link = pool?.take(key) { return then(.success(link)) }
        let gatehouse = gatehouse
        let encrypted = endpoint.scheme == .https
        let loop = loop
        let dialled = gatehouse.dialer.dial(authorised.intoPermit(), for: resident, on: loop) { channel in
            channel.eventLoop.makeCompletedFuture {
                try Self.prepare(channel, endpoint, encrypted: encrypted, gatehouse)
            }
        }
        dialled.flatMap { channel in
            loop.makeCompletedFuture {
                try channel.pipeline.syncOperations.handler(type: UpstreamLink.self).ready
            }
            .flatMap { $0.futureResult }
            .map { channel }
        }.assumeIsolated().whenComplete { result in
            do {
                let channel = try result.get()
                then(.success(try channel.pipeline.syncOperations.handler(type: UpstreamLink.self)))
            } catch {
                then(.failure(Self.failure(error, endpoint)))
            }
        }
    }

    /// Takes a connection back after its exchange.
    func release(_ link: UpstreamLink, _ endpoint: Endpoint, complete: Bool) {
        guard link.detach(complete: complete), let pool, !resident.current.closed else { return link.close() }
        pool.put(link, UpstreamKey(agent: resident.id, endpoint: endpoint))
    }

    private static func failure(_ error: any Error, _ endpoint: Endpoint) -> DialFailure {
        if let failure = error as? DialFailure { return failure }
        let fault = error as? UpstreamFault ?? UpstreamFault(error)
        return DialFailure(
            denial: fault.isDistrust
                ? .upstreamDistrusted(endpoint, fault.words) : .upstreamFailed(endpoint, fault.words)
        )
    }

    private static func prepare(
        _ channel: any Channel,
        _ endpoint: Endpoint,
        encrypted: Bool,
        _ gatehouse: Gatehouse
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if encrypted {
            try pipeline.addHandler(gatehouse.tls.handler(for: endpoint.host))
            if case .name(let name) = endpoint.host { try pipeline.addHandler(CertificateName(name)) }
        }
        var encoding = HTTPRequestEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false
        try pipeline.addHandler(HTTPRequestEncoder(configuration: encoding))
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .forward,
            limitConfiguration: .engine
        )
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        let ready = channel.eventLoop.makePromise(of: Void.self)
        try pipeline.addHandler(UpstreamLink(ready: ready, encrypted: encrypted))
        let timer = channel.eventLoop.scheduleTask(in: .milliseconds(gatehouse.limits.upstreamHandshake)) {
            ready.fail(ChannelError.connectTimeout(.milliseconds(gatehouse.limits.upstreamHandshake)))
            channel.close(promise: nil)
        }
        ready.futureResult.whenComplete { _ in timer.cancel() }
    }
}
