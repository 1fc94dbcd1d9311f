internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import Policy
internal import PostgresProtocol
internal import TLSProtocol
internal import Wire

/// Finds out what a connection speaks, from its first bytes and from the rules for its host and port, and hands it
/// to the stage for that protocol.
///
/// | first bytes | rules for the host and port | goes to |
/// |---|---|---|
/// | ClientHello with the ALPN `postgresql` | `postgres` among them | PostgreSQL within TLS |
/// | ClientHello | `tls` but not `https` | forwarded, after the server name is checked |
/// | ClientHello | `tcp` only | forwarded |
/// | ClientHello with the ALPN `postgresql` | any other | refused, in PostgreSQL's words |
/// | ClientHello | any other | interception: a refusal is explained inside |
/// | HTTP request | `tcp` only | forwarded |
/// | HTTP request | any other | HTTP |
/// | HTTP/2's preface | no `tcp` | reset, as what it is |
/// | PostgreSQL's first message | `postgres` among them | PostgreSQL |
/// | anything else, or silence | `tcp` among them | forwarded |
/// | PostgreSQL's first message | no `tcp` | refused, in its words |
/// | anything else, or silence | no `tcp` | reset |
///
/// Where both `https` and `tls` match, the stricter wins: interception, which decides each request.
final class Classifier: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer

    let arrival: Arrival
    let parts: ConnectionParts
    var context: ChannelHandlerContext?
    var bytes = ByteBuffer()
    var schemes: Set<Scheme> = []
    private var hello: ClientHelloReader?
    var decided = false
    var inputEnded = false
    var waitingToRead = false
    private var timers: [Scheduled<Void>] = []

    init(_ arrival: Arrival, _ parts: ConnectionParts) {
        self.arrival = arrival
        self.parts = parts
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schemes = parts.resident.policy.schemes(for: arrival.host, port: arrival.port)
        let limits = parts.gatehouse.limits
        let silence =
            if schemes.contains(.tcp) {
                limits.serverSpeaksFirst
            } else if schemes.isEmpty {
                limits.unexpectedSilence
            } else {
                limits.firstBytes
            }
        after(silence, context) { $0.fellSilent() }
        // A ClientHello or request line that has begun may take longer, but not for ever.
        after(limits.firstBytes, context) { $0.refuse(seen: "an unfinished opening") }
    }

    private func after(
        _ milliseconds: Int64,
        _ context: ChannelHandlerContext,
        _ action: @escaping @Sendable (Classifier) -> Void
    ) {
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        timers.append(context.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) { action(me.value) })
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for timer in timers { timer.cancel() }
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = unwrapInboundIn(data)
        if hello != nil, !decided { return readHello(&chunk) }
        bytes.writeBuffer(&chunk)
        if !decided { classify() }
    }

    func read(context: ChannelHandlerContext) {
        if decided { waitingToRead = true } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Once decided it is on record; until then its bytes are still read, to say what it wanted.
        if event is AgentEnded, decided {
            parts.authoriser.agentEnded()
            return reset()
        }
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        // What comes next is told once it is there.
        inputEnded = true
        guard !decided else {
            // Who waits for an approval does not say first that nothing will come any more: it is gone.
            if parts.authoriser.holding != nil { reset() }
            return
        }
        // A client that ends before it has said what it wants gets nothing, unless nobody needs to know.
        schemes == [.tcp] ? forward(.tcp) : refuse(seen: "an opening cut short")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func classify() {
        let view = bytes.readableBytesView
        switch TLSClassifier.classify(view) {
        case .match:
            hello = ClientHelloReader()
            var all = bytes
            bytes.clear()
            readHello(&all)
            return
        case .needsMore: return
        case .noMatch: break
        }
        switch HTTPClassifier.classify(view) {
        case .match: schemes == [.tcp] ? forward(.tcp) : converse(over: .http, serverName: nil)
        case .needsMore: break
        // It may come in two, as any other.
        case .noMatch where PostgresDoor.mayBecomeOpening(view) && isPostgresExpected: break
        case .noMatch where schemes.contains(.postgres) && PostgresDoor.isOpening(view): enterPostgres()
        case .noMatch where schemes.contains(.tcp): forward(.tcp)
        case .noMatch where HTTPClassifier.isPreface(view): reject(.clearHTTP2(arrival.host, arrival.port))
        case .noMatch where PostgresDoor.isOpening(view): enterPostgres()
        case .noMatch: refuse(seen: OpeningName.of(view))
        }
    }

    private var isPostgresExpected: Bool { schemes.contains(.postgres) || !schemes.contains(.tcp) }

    private func readHello(_ chunk: inout ByteBuffer) {
        let progress = hello?.received(chunk.readableBytesView)
        bytes.writeBuffer(&chunk)
        switch progress {
        case .needsMore, nil: break
        case .hello(let hello): route(hello)
        case .malformed(let fault):
            reject(Denial.malformed("the TLS ClientHello cannot be read: \(fault)"))
        }
    }

    private func route(_ hello: ClientHello) {
        let isPostgres = hello.applicationProtocols.holds(bytes: PostgresOpening.applicationProtocol)
        if isPostgres, schemes.contains(.postgres) {
            enterPostgres(isEncrypted: true)
        } else if schemes.contains(.tls), !schemes.contains(.https) {
            guard agrees(hello.serverName) else {
                return reject(.nameMismatch(captured: arrival.host, serverName: hello.serverName))
            }
            guard !hello.hasEncryptedClientHello else { return reject(.encryptedHello(arrival.host)) }
            forward(.tls)
        } else if schemes == [.tcp] {
            forward(.tcp)
        } else if isPostgres {
            enterPostgres(isEncrypted: true)
        } else {
            intercept(hello.serverName)
        }
    }

    /// The server name is the host that was connected to; an address has none.
    private func agrees(_ serverName: DNSName?) -> Bool {
        switch arrival.host {
        case .name(let name): serverName == name
        case .address: serverName == nil
        }
    }

    private func fellSilent() {
        guard !decided, hello == nil else { return }
        if schemes == [.tcp] { return forward(.tcp) }
        guard bytes.readableBytes == 0 else { return }
        schemes.contains(.tcp) ? forward(.tcp) : refuse(seen: "a silent connection")
    }

    private func refuse(seen: String) {
        guard !decided else { return }
        reject(.protocolMismatch(arrival.host, arrival.port, seen: seen))
    }

    /// Records a refusal that cannot be explained in the client's protocol, and resets.
    func reject(_ denial: Denial) {
        decided = true
        parts.authoriser.refused(nil, denial)
        reset()
    }

    func reset() {
        context?.reset()
    }
}
