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
    /// Whether the client speaks HTTP/2: then an upstream may as well, and nothing is lost in between.
    private let multiplexed: Bool

    init(_ resident: Resident, _ gatehouse: Gatehouse, loop: any EventLoop, multiplexed: Bool) {
        self.resident = resident
        self.gatehouse = gatehouse
        self.loop = loop
        self.multiplexed = multiplexed
        pool = gatehouse.pools[ObjectIdentifier(loop)]?.value
    }

    /// What answers one permitted request: a connection, an idle one of this agent, a stream of one, or a new one; or a recording.
    ///
    /// `fresh` takes no idle one. Calls back once, on the loop, maybe before this returns.
    func lease(
        _ authorised: consuming Authorised,
        fresh: Bool,
        then: @escaping (Result<any Upstream, DialFailure>) -> Void
    ) {
        switch gatehouse.outward {
        case .network(let dialer): connect(authorised, by: dialer, fresh: fresh, then: then)
        case .recording(let servers): then(recall(authorised, servers))
        }
    }

    /// What answers one request from a recording, which has nothing but exchanges.
    private func recall(
        _ authorised: consuming Authorised,
        _ servers: RecordedServers
    ) -> Result<any Upstream, DialFailure> {
        let (request, masks) = (authorised.permit.request, authorised.masks)
        guard !request.isOpening else {
            return .failure(DialFailure(denial: .notReplayed(request.endpoint, servers.source.session)))
        }
        return .success(RecordedUpstream(servers, masking: masks, on: loop))
    }

    private func connect(
        _ authorised: consuming Authorised,
        by dialer: Dialer,
        fresh: Bool,
        then: @escaping (Result<any Upstream, DialFailure>) -> Void
    ) {
        let endpoint = authorised.permit.request.endpoint
        let identity = authorised.material?.identity
        let key = UpstreamKey(agent: resident.id, endpoint: endpoint, identity: identity)
        let multiplexed = multiplexed && !authorised.permit.request.isOpening
        if !fresh, multiplexed, let session = pool?.session(key) {
            return hand(session.open(endpoint.scheme), endpoint, then)
        }
        if !fresh, let link = pool?.take(key) { return then(.success(link)) }
        let dial = UpstreamDial(
            endpoint: endpoint,
            context: UpstreamTLS.Kind.http(offersHTTP2: multiplexed, identity: identity),
            gatehouse: gatehouse
        )
        let dialled = dialer.dial(authorised.intoPermit(), for: resident, on: loop) { channel in
            dial.prepare(channel)
        }
        let loop = loop
        let made = dialled.flatMap { channel in
            dial.ready(channel, on: loop).map { channel }
        }
        hand(made, endpoint, then) { channel in
            let pipeline = channel.pipeline.syncOperations
            guard let session = try? pipeline.handler(type: UpstreamSession.self) else { return nil }
            self.pool?.put(session, key)
            return session
        }
    }

    /// Gives the link of a channel, or that of a new stream where the channel turns out to be a session.
    private func hand(
        _ made: EventLoopFuture<any Channel>,
        _ endpoint: Endpoint,
        _ then: @escaping (Result<any Upstream, DialFailure>) -> Void,
        session: @escaping (any Channel) -> UpstreamSession? = { _ in nil }
    ) {
        made.assumeIsolated().whenComplete { result in
            do {
                let channel = try result.get()
                if let session = session(channel) {
                    return self.hand(session.open(endpoint.scheme), endpoint, then)
                }
                then(.success(try channel.pipeline.syncOperations.handler(type: UpstreamLink.self)))
            } catch {
                then(.failure(Self.failure(error, endpoint)))
            }
        }
    }

    /// Takes a connection back after its exchange.
    func release(_ link: any Upstream, of exchange: HTTPConversation.Exchange, complete: Bool) {
        // A stream both of whose sides have ended is over without a word more.
        let isOver = link.isStream && complete
        guard let kept = link.detach(complete: complete), let pool, !resident.current.closed else {
            return isOver ? () : link.close()
        }
        let key = UpstreamKey(
            agent: resident.id,
            endpoint: exchange.request.endpoint,
            identity: exchange.identity
        )
        pool.put(kept, key, on: loop)
    }

    private static func failure(_ error: any Error, _ endpoint: Endpoint) -> DialFailure {
        DialFailure(denial: UpstreamFault.denial(error, endpoint))
    }
}

extension Request {
    /// The opening of a WebSocket: every server that has one takes it over HTTP/1.1, few over HTTP/2 (RFC 8441).
    fileprivate var isOpening: Bool {
        if case .webSocket = action { true } else { false }
    }
}
