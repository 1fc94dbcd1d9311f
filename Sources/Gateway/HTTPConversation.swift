internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Wire

/// Drives the HTTP engine for one client connection: decodes into it, does what it says, and nothing else.
///
/// Nothing is read from the client while a decision or a dial is outstanding, while the engine holds messages, or
/// while the upstream cannot be written to.
final class HTTPConversation: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// The request that is being relayed, and what is needed to send it once more.
    struct Exchange {
        let id: RulingID
        let request: Request
        var head: HTTPRequestHead?
        var hasBody = false
        var requestEnded = false
        var retried = false
    }

    let origin: Arrival
    let authoriser: Authoriser
    let upstreams: Upstreams
    let gatehouse: Gatehouse
    var engine: HTTPEngine
    var ledger = Ledger()
    var context: ChannelHandlerContext?
    var link: UpstreamLink?
    var exchange: Exchange?
    private var deciding = false
    private var waitingToRead = false
    private var ending = false
    private var lastWrite: EventLoopFuture<Void>?
    /// Where a tunnel that has been granted leads, until it is handed over.
    private var tunnel: (Host, UInt16)?
    private var requests = 0
    private var lastActivity = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(_ origin: Arrival, _ connection: HTTPConnection, _ parts: ConnectionParts) {
        self.origin = origin
        gatehouse = parts.gatehouse
        authoriser = parts.authoriser
        upstreams = Upstreams(parts.resident, parts.gatehouse, loop: parts.loop)
        engine = HTTPEngine(connection, watchingFor: parts.gatehouse.placeholders)
    }

    /// Whether more of a response can be taken.
    var clientIsWritable: Bool { context?.channel.isWritable ?? false }

    /// Does what the engine says, in order.
    func perform(_ actions: [EngineAction<HTTPMessage>]) {
        for action in actions {
            do throws(LedgerViolation) { try ledger.admit(action) } catch { return breakOff() }
            switch action {
            case .ask(let id, let request): ask(id, request)
            case .forward(let message, .upstream, let id): forwardUpstream(message, under: id)
            case .forward(let message, .client, _): writeClient(message)
            case .reply(let message): writeClient(message)
            case .finished(let id): finished(id)
            case .refused(let id, let request, let denial): refused(id, request, denial)
            case .close: close()
            case .handOver(let host, let port):
                // The decoder has still to say that the message is over; what it holds after that is the tunnel's.
                ending = true
                tunnel = (host, port)
            }
        }
    }

    private func ask(_ id: RulingID, _ request: Request) {
        requests += 1
        deciding = true
        authoriser.authorise(request) { outcome in
            switch consume outcome {
            case .denied(let denial): self.rule(id, .denied(denial))
            case .allowed(let authorised): self.lease(id, request, authorised, fresh: false)
            }
        }
    }

    private func lease(_ id: RulingID, _ request: Request, _ authorised: consuming Authorised, fresh: Bool) {
        guard context != nil, !ending else { return }
        let injection = authorised.injection
        upstreams.lease(authorised, fresh: fresh) { result in
            switch result {
            case .success(let link):
                guard self.context != nil, !self.ending else { return link.close() }
                self.link = link
                self.exchange = Exchange(id: id, request: request)
                link.attach(self)
                self.rule(id, .allowed(injection: injection))
            case .failure(let failure):
                self.authoriser.refused(request, otherwise: "", failure.denial)
                self.rule(id, .denied(failure.denial))
            }
        }
    }

    private func rule(_ id: RulingID, _ ruling: Ruling) {
        guard context != nil, !ending else { return }
        deciding = false
        lastActivity = .now()
        do throws(LedgerViolation) { try ledger.ruled(id, ruling) } catch { return breakOff() }
        perform(engine.ruled(id, ruling))
        flush()
        resumeReading()
    }

    private func forwardUpstream(_ message: HTTPMessage, under id: RulingID) {
        guard let link, let exchange, exchange.id == id, ledger.allowedRequest(id) == exchange.request else {
            return breakOff()
        }
        switch message {
        case .requestHead(let head): self.exchange?.head = head
        case .body: self.exchange?.hasBody = true
        case .end: self.exchange?.requestEnded = true
        case .responseHead, .unreadable: return breakOff()
        }
        link.write(message)
    }

    private func finished(_ id: RulingID) {
        guard let link, let exchange, exchange.id == id else { return }
        self.link = nil
        self.exchange = nil
        upstreams.release(link, exchange.request.endpoint, complete: exchange.requestEnded)
    }

    private func refused(_ id: RulingID, _ request: Request?, _ denial: Denial) {
        authoriser.refused(request, otherwise: origin.description, denial)
        guard let link, let exchange, exchange.id == id else { return }
        self.link = nil
        self.exchange = nil
        upstreams.release(link, exchange.request.endpoint, complete: false)
    }

    private func writeClient(_ message: HTTPMessage) {
        guard let context else { return }
        lastActivity = .now()
        switch message {
        case .responseHead(let head): context.write(wrapOutboundOut(.head(head)), promise: nil)
        case .body(let bytes): context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        case .end(let trailers):
            let promise = context.eventLoop.makePromise(of: Void.self)
            lastWrite = promise.futureResult
            context.write(wrapOutboundOut(.end(trailers)), promise: promise)
        case .requestHead, .unreadable: breakOff()
        }
    }
}

// Endings.
extension HTTPConversation {
    /// An engine that did what it must not: the connection ends, nothing more is forwarded.
    func breakOff() {
        ending = true
        link?.close()
        link = nil
        context?.close(promise: nil)
    }

    /// Ends both sides once what was written has been sent.
    private func close() {
        guard !ending else { return }
        ending = true
        let complete = exchange == nil
        link?.close()
        link = nil
        guard let context else { return }
        context.flush()
        guard complete, let lastWrite else { return context.close(promise: nil) }
        // Lingering close: a close with unread bytes would reset the connection and take our answer with it.
        let channel = context.channel
        lastWrite.whenComplete { _ in
            channel.close(mode: .output, promise: nil)
            let timer = channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in timer.cancel() }
        }
    }

    /// The rest of the client's bytes are a connection of their own, to be classified like a captured one.
    private func finishHandOver(_ part: HTTPServerRequestPart) {
        guard let context, case .end = part, let (host, port) = tunnel else { return }
        tunnel = nil
        timer?.cancel()
        context.flush()
        let pipeline = context.channel.pipeline.syncOperations
        do {
            let parts = ConnectionParts(authoriser.resident, gatehouse, loop: context.eventLoop)
            let classifier = Classifier(Arrival(host: host, port: port, isTunnel: true), parts)
            try pipeline.addHandler(classifier)
            // The decoder goes last: on its way out it hands on what it had not parsed.
            pipeline.removeHandler(self).assumeIsolated().whenFailure { _ in context.close(promise: nil) }
            let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
            pipeline.removeHandler(encoder).assumeIsolated().whenFailure { _ in context.close(promise: nil) }
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            pipeline.removeHandler(decoder).assumeIsolated().whenFailure { _ in context.close(promise: nil) }
        } catch {
            context.close(promise: nil)
        }
    }

    private func schedule(_ context: ChannelHandlerContext, in time: TimeAmount) {
        let conversation = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) { conversation.value.checkTime() }
    }

    private func checkTime() {
        guard let context, !ending else { return }
        let silent = NIODeadline.now() - lastActivity
        guard silent >= patience else { return schedule(context, in: patience - silent) }
        breakOff()
    }

    private var patience: TimeAmount {
        if exchange != nil || deciding { return .milliseconds(gatehouse.limits.idle) }
        return .milliseconds(requests == 0 ? gatehouse.limits.requestHead : gatehouse.limits.keepAlive)
    }
}

// What the client's channel says.
extension HTTPConversation {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schedule(context, in: patience)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        link?.close()
        link = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !ending else { return finishHandOver(unwrapInboundIn(data)) }
        let message: HTTPMessage
        switch unwrapInboundIn(data) {
        case .head(let head): message = .requestHead(head)
        case .body(let bytes): message = .body(bytes)
        case .end(let trailers): message = .end(trailers)
        }
        lastActivity = .now()
        perform(engine.received(message, from: .client))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { waitingToRead = true }
    }

    private var mayRead: Bool {
        if ending { return true }
        return !deciding && engine.wantsClientMessages && (link?.isWritable ?? true)
    }

    /// Reads on if something was held back and may be read now.
    func resumeReading() {
        guard waitingToRead, mayRead, let context else { return }
        waitingToRead = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { link?.resumeReading() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            if ending { return context.close(promise: nil) }
            perform(engine.ended(.client))
            flush()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !ending else { return }
        guard let fault = HTTPMessage.Unreadable(error) else { return breakOff() }
        perform(engine.received(.unreadable(fault), from: .client))
        flush()
    }

    func flush() {
        flushClient()
        link?.flush()
    }

    func flushClient() {
        context?.flush()
    }
}

// What the upstream says.
extension HTTPConversation {
    func received(_ message: HTTPMessage, from sender: UpstreamLink) {
        guard sender === link, !ending else { return }
        lastActivity = .now()
        perform(engine.received(message, from: .upstream))
        resumeReading()
    }

    /// The upstream connection is gone.
    func upstreamEnded(_ sender: UpstreamLink) {
        guard sender === link, !ending else { return }
        if let again = repeatable(sender) { return once(more: again) }
        perform(engine.ended(.upstream))
        flush()
    }

    /// A request may be sent once more when a connection kept from before turned out to be closed: nothing came
    /// back, it is safe to repeat, and all of it is still here (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
    private func repeatable(_ sender: UpstreamLink) -> Exchange? {
        guard let exchange, sender.reused, !sender.answered, !exchange.retried, !exchange.hasBody,
            exchange.requestEnded, let head = exchange.head
        else { return nil }
        let safe: [HTTPMethod] = [.GET, .HEAD, .OPTIONS, .PUT, .DELETE]
        return safe.contains(head.method) ? exchange : nil
    }

    private func once(more exchange: Exchange) {
        link = nil
        authoriser.authorise(exchange.request) { outcome in
            switch consume outcome {
            case .denied: self.giveUp(exchange)
            case .allowed(let authorised): self.redial(exchange, authorised)
            }
        }
    }

    private func redial(_ exchange: Exchange, _ authorised: consuming Authorised) {
        upstreams.lease(authorised, fresh: true) { result in
            guard case .success(let link) = result else { return self.giveUp(exchange) }
            guard self.context != nil, !self.ending, let head = exchange.head else { return link.close() }
            self.link = link
            self.exchange?.retried = true
            link.attach(self)
            link.write(.requestHead(head))
            link.write(.end(nil))
            link.flush()
        }
    }

    private func giveUp(_ exchange: Exchange) {
        guard context != nil, !ending, self.exchange?.id == exchange.id else { return }
        perform(engine.ended(.upstream))
        flush()
    }
}
