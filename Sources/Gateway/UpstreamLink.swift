internal import HTTP2Protocol
internal import HTTPProtocol
internal import NIOCore
internal import NIOHTTP1
internal import Wire

/// One HTTP/1.1 connection to an upstream, or one stream of an HTTP/2 connection: translates between NIO's parts and
/// the engine's messages, for one conversation at a time.
final class UpstreamLink: ChannelDuplexHandler, Upstream {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    let isStream: Bool
    private(set) var reused = false
    private(set) var answered = false
    /// Whether a part of a request was written in the present exchange.
    private(set) var written = false

    private enum Place {
        case free
        case pooled(UpstreamPool, UpstreamKey)
        case serving(HTTPConversation)
        case dead
    }

    /// When it was put into the pool last.
    private(set) var lastUse = NIODeadline.now()

    private var place = Place.free
    private var context: ChannelHandlerContext?
    private var keepsAlive = false
    private var waitingToRead = false
    private var isUnflushed = false
    /// Octets of body among what is not flushed.
    private var unflushed: UInt64 = 0
    private var broken = false
    /// The present response has come whole; its exchange may go on where it is not looked through yet.
    private var isWhole = false
    /// Of requests' bodies.
    private let unsent = UnsentPieces()
    /// From the end of the present response on, the octets are a WebSocket's.
    private var isTurning = false

    init(isStream: Bool) {
        self.isStream = isStream
    }

    var isWritable: Bool { (context?.channel.isWritable ?? false) && !unsent.isFull }

    func attach(_ conversation: HTTPConversation) {
        place = .serving(conversation)
        answered = false
        isWhole = false
        written = false
        unflushed = 0
        keepsAlive = false
        resumeReading()
    }

    func detach(complete: Bool) -> UpstreamLink? {
        place = .free
        let usable = complete ? keepsAlive : !written && !answered
        reused = true
        return usable && !isStream && !broken && context?.channel.isActive == true ? self : nil
    }

    func close() {
        place = .dead
        // A WebSocket's last frame.
        if isTurning { context?.flush() }
        context?.close(promise: nil)
    }

    func turn() {
        isTurning = true
        keepsAlive = false
    }

    private func takeOctets(_ context: ChannelHandlerContext) {
        do {
            try context.pipeline.syncOperations.takeOctets(
                from: HTTPResponseDecoder.self,
                as: OctetParts<HTTPResponseHead>(),
                before: self
            )
        } catch {
            close()
        }
    }

    func write(_ message: HTTPMessage) {
        guard let context else { return }
        written = true
        isUnflushed = true
        switch message {
        case .requestHead(let head): context.write(wrapOutboundOut(.head(head)), promise: nil)
        case .body(let bytes):
            unflushed += UInt64(bytes.readableBytes)
            let sent = unsent.give(context.eventLoop)
            sent?.futureResult.assumeIsolated().whenComplete { _ in self.resumeClient() }
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: sent)
        case .end(let trailers): context.write(wrapOutboundOut(.end(trailers)), promise: nil)
        case .responseHead, .unreadable: close()
        }
    }

    /// A flush goes through every handler, TLS among them, whether there is something to send or not.
    func flush() {
        guard isUnflushed else { return }
        isUnflushed = false
        if case .serving(let conversation) = place { conversation.noteSent(unflushed) }
        unflushed = 0
        context?.flush()
    }

    func resumeReading() {
        guard waitingToRead, let context else { return }
        waitingToRead = false
        read(context: context)
    }
}

// Idle in the pool.
extension UpstreamLink {
    func enter(_ pool: UpstreamPool, _ key: UpstreamKey) {
        guard context != nil else { return pool.forget(self, key) }
        place = .pooled(pool, key)
        lastUse = .now()
        resumeReading()
    }

    /// Taken out of the pool for use; false when it has ended meanwhile.
    func leave() -> Bool {
        guard case .pooled = place else { return false }
        place = .free
        return context?.channel.isActive == true && !broken
    }

    /// Closes it if it is idle.
    func leavePool() {
        guard case .pooled(let pool, let key) = place else { return }
        pool.forget(self, key)
        close()
    }
}

// What the channel says.
extension UpstreamLink {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if case .serving(let conversation) = place, !conversation.clientIsWritable {
            waitingToRead = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .serving(let conversation) = place, !broken else {
            // Nobody asked for this: such a connection is not used again.
            leavePool()
            return close()
        }
        // Nor for what comes behind a whole response.
        guard !isWhole else {
            broken = true
            return
        }
        answered = true
        switch unwrapInboundIn(data) {
        case .head(let head):
            keepsAlive = head.isKeepAlive
            conversation.received(.responseHead(head), from: self)
        case .body(let bytes): conversation.received(.body(bytes.fitted()), from: self)
        case .end where isTurning: takeOctets(context)
        case .end(let trailers):
            isWhole = true
            conversation.received(.end(trailers), from: self)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .serving(let conversation) = place { conversation.flushClient() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resumeClient() }
        context.fireChannelWritabilityChanged()
    }

    private func resumeClient() {
        if case .serving(let conversation) = place { conversation.resumeReading() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        broken = true
        switch place {
        case .serving(let conversation):
            if let fault = HTTPMessage.Unreadable(error) {
                conversation.received(.unreadable(fault), from: self)
            } else {
                conversation.upstreamEnded(self)
            }
            conversation.flushClient()
        case .pooled: leavePool()
        case .free, .dead: break
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch place {
        case .serving(let conversation):
            conversation.upstreamEnded(self)
            conversation.flushClient()
        case .pooled: leavePool()
        case .free, .dead: break
        }
        place = .dead
        context.fireChannelInactive()
    }
}

extension HTTPMessage.Unreadable {
    /// Nil for an error that is not the decoder's.
    init?(_ error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow: self = .fieldsTooLarge
        case let fault as HTTPParserError: self = .malformed("\(fault)")
        case let fault as HTTP2Fault: self = .malformed("\(fault)")
        default: return nil
        }
    }
}
