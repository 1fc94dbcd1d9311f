internal import Model
internal import NIOCore
internal import Policy
internal import SOCKSProtocol
internal import Wire

/// Drives the SOCKS engine until it hands the connection over to classification.
final class SOCKSConversation: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let parts: ConnectionParts
    private var engine = SOCKSEngine()
    private var ledger = Ledger()
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?

    init(_ parts: ConnectionParts) {
        self.parts = parts
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: .milliseconds(parts.gatehouse.limits.requestHead)) {
            me.value.context?.reset()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        perform(engine.received(unwrapInboundIn(data), from: .client))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        perform(engine.ended(.client))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func perform(_ actions: [EngineAction<ByteBuffer>]) {
        for action in actions {
            guard let context else { return }
            do throws(LedgerViolation) { try ledger.admit(action) } catch { return context.reset() }
            switch action {
            case .ask(let id, let request): rule(id, request, context)
            case .reply(let bytes): context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            case .refused(_, let request, let denial): parts.authoriser.refused(request, denial)
            case .handOver(let host, let port): handOver(host, port, context)
            case .finished: break
            case .close: context.close(promise: nil)
            case .forward, .masked: context.reset()
            }
        }
    }

    /// Whether any rule speaks of the place; what is asked for there is decided when it is known.
    private func rule(_ id: RulingID, _ request: Request, _ context: ChannelHandlerContext) {
        let ruling: Ruling
        let named = named(request, context)
        if let denial = named.map({ denial(of: $0) }) ?? .unknownAddress(request.endpoint.host) {
            parts.authoriser.refused(named ?? request, denial)
            ruling = .denied(denial)
        } else {
            ruling = .allowed(injection: nil)
        }
        do throws(LedgerViolation) { try ledger.ruled(id, ruling) } catch { return context.reset() }
        perform(engine.ruled(id, ruling))
    }

    /// The same for the name that an address of ours stands for; nil for one that stands for nothing.
    private func named(_ request: Request, _ context: ChannelHandlerContext) -> Request? {
        let endpoint = request.endpoint
        return parts.resident.host(endpoint.host, on: context.channel).map {
            Request(endpoint: Endpoint(scheme: .tcp, host: $0, port: endpoint.port), action: .connect)
        }
    }

    private func denial(of request: Request) -> Denial? {
        let (policy, _, isClosed) = parts.resident.current
        guard !isClosed else { return parts.resident.closedDenial }
        guard policy.schemes(for: request.endpoint.host, port: request.endpoint.port).isEmpty,
            case .deny(let refusal) = policy.decide(request)
        else { return nil }
        return refusal.denial
    }

    private func handOver(_ host: Host, _ port: UInt16, _ context: ChannelHandlerContext) {
        guard let host = parts.resident.host(host, on: context.channel) else { return context.reset() }
        let arrival = Arrival(host: host, port: port, isTunnel: true)
        parts.authoriser.place = arrival.description
        do {
            try context.pipeline.syncOperations.addHandler(Classifier(arrival, parts))
            let rest = engine.bytes
            if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            context.reset()
        }
    }
}
