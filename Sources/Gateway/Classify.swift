internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import Policy
internal import TLSProtocol
internal import Wire

/// Finds out what a connection speaks, from its first bytes and from the rules for its host and port, and hands it
/// to the stage for that protocol.
///
/// | first bytes | rules for the host and port | goes to |
/// |---|---|---|
/// | ClientHello | `tls` but not `https` | forwarded, after the server name is checked |
/// | ClientHello | `tcp` only | forwarded |
/// | ClientHello | any other | interception: a refusal is explained inside |
/// | HTTP request | `tcp` only | forwarded |
/// | HTTP request | any other | HTTP |
/// | anything else, or silence | `tcp` among them | forwarded |
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
    private var schemes: Set<Scheme> = []
    private var hello: ClientHelloReader?
    private var decided = false
    private var waitingToRead = false
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
        // A client that ends before it has said what it wants gets nothing.
        if case .some(.inputClosed) = event as? ChannelEvent, !decided {
            refuse(seen: "an opening cut short")
        }
        context.fireUserInboundEventTriggered(event)
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
        case .noMatch: schemes.contains(.tcp) ? forward(.tcp) : refuse(seen: "a connection")
        }
    }

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
        if schemes.contains(.tls), !schemes.contains(.https) {
            guard agrees(hello.serverName) else {
                return reject(.nameMismatch(captured: arrival.host, serverName: hello.serverName))
            }
            forward(.tls)
        } else if schemes == [.tcp] {
            forward(.tcp)
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
        parts.authoriser.refused(nil, otherwise: arrival.description, denial)
        reset()
    }

    func reset() {
        guard let context else { return }
        if let cutoff = try? context.pipeline.syncOperations.handler(type: ResetSwitch.self) {
            cutoff.cut()
        } else {
            context.close(promise: nil)
        }
    }
}

// What follows.
extension Classifier {
    /// TLS with a certificate of our own for the name that the client asks for, also when it will be refused:
    /// the refusal is then explained in HTTP.
    private func intercept(_ serverName: DNSName?) {
        do {
            let host = serverName.map(Host.name) ?? arrival.host
            let context = try parts.gatehouse.contexts.context(for: host)
            converse(over: .https, serverName: serverName, through: NIOSSLServerHandler(context: context))
        } catch {
            reject(.malformed("no certificate could be made for \(arrival.host): \(error)"))
        }
    }

    private func converse(over scheme: Scheme, serverName: DNSName?, through tls: NIOSSLServerHandler? = nil)
    {
        decided = true
        let connection = HTTPConnection(
            origin: .captured(arrival.host, serverName: serverName),
            scheme: scheme,
            port: arrival.port,
            lineage: parts.resident.lineage
        )
        hand(over: { context in
            let pipeline = context.pipeline.syncOperations
            if let tls {
                try pipeline.addHandler(tls)
                // TLS has its own end of stream; half-closing TCP under it would hide a truncation.
                try context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            }
            try pipeline.addHTTP(HTTPConversation(self.arrival, connection, self.parts))
        })
    }

    /// Adds what comes next, hands on the bytes seen so far, and leaves.
    func hand(over add: (ChannelHandlerContext) throws -> Void) {
        guard let context else { return }
        do {
            try add(context)
            let reading = waitingToRead
            if bytes.readableBytes > 0 {
                context.fireChannelRead(wrapInboundOut(bytes))
                context.fireChannelReadComplete()
            }
            let channel = context.channel
            context.pipeline.syncOperations.removeHandler(self).assumeIsolated().whenComplete { _ in
                if reading { channel.read() }
            }
        } catch {
            reset()
        }
    }

    /// Decides the connection as a whole and forwards its bytes as they are.
    private func forward(_ scheme: Scheme) {
        decided = true
        let request = Request(endpoint: arrival.endpoint(scheme), action: .connect)
        parts.authoriser.authorise(request) { outcome in
            switch consume outcome {
            case .denied: self.reset()
            case .allowed(let authorised): self.connect(authorised, request)
            }
        }
    }

    private func connect(_ authorised: consuming Authorised, _ request: Request) {
        guard context != nil else { return }
        let (client, upstream) = TunnelEnd.pair(idle: .milliseconds(parts.gatehouse.limits.idle))
        let far = NIOLoopBound(upstream, eventLoop: parts.loop)
        let dialled = parts.gatehouse.dialer.dial(
            authorised.intoPermit(),
            for: parts.resident,
            on: parts.loop
        ) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                try channel.pipeline.syncOperations.addHandler(far.value)
            }
        }
        dialled.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel):
                guard let near = self.context?.channel, self.parts.resident.holds(request, on: near) else {
                    channel.close(promise: nil)
                    return self.reset()
                }
                self.hand(over: { try $0.pipeline.syncOperations.addHandler(client) })
            case .failure(let error):
                let denial = (error as? DialFailure)?.denial ?? .upstreamFailed(request.endpoint, "\(error)")
                self.parts.authoriser.refused(request, otherwise: "", denial)
                self.reset()
            }
        }
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Decoder, encoder and the conversation, at the inner end of the pipeline.
    func addHTTP(_ conversation: HTTPConversation) throws {
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: .engine)
        try addHandler(ByteToMessageHandler(decoder))
        var encoding = HTTPResponseEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false
        try addHandler(HTTPResponseEncoder(configuration: encoding))
        try addHandler(conversation)
    }
}
