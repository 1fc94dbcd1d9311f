internal import Model
internal import NIOCore
internal import NIOSSL
internal import PostgresProtocol
internal import Wire

/// Hears a PostgreSQL client's first packets: answers its requests for encryption, and hands its session over, or tells
/// it in its own protocol that it is refused.
final class PostgresDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let arrival: Arrival
    private let parts: ConnectionParts
    /// Why no session begins here; on record already.
    private let denial: Denial?
    private var opening: PostgresOpening
    private var isOver = false
    private var timer: Scheduled<Void>?

    /// Of a client that asks for TLS or not, or (`isEncrypted`) began with it.
    init(
        _ arrival: Arrival,
        _ parts: ConnectionParts,
        refusing denial: Denial? = nil,
        isEncrypted: Bool = false
    ) {
        self.arrival = arrival
        self.parts = parts
        self.denial = denial
        opening = isEncrypted ? PostgresOpening.encrypted : PostgresOpening(offersTLS: denial == nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: .milliseconds(parts.gatehouse.limits.firstBytes)) {
            bound.value.0.refuse(.slowOpening, bound.value.1)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch opening.received(unwrapInboundIn(data)) {
        case .more: break
        case .declined(let answer): context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        case .encrypt(let answer): encrypt(answer, context)
        case .cancel(let key): cancel(key, context)
        case .startup(let startup, let rest): begin(startup, rest, context)
        case .fault(let fault): refuse(fault, context)
        }
    }

    private func encrypt(_ answer: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        do {
            let tls = NIOSSLServerHandler(
                context: try parts.gatehouse.contexts.context(for: arrival.host, speaking: .postgres)
            )
            // TLS has its own end of stream; half-closing TCP under it would hide a truncation.
            try context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try context.pipeline.syncOperations.addHandler(tls, position: .before(self))
            opening.encrypted()
        } catch {
            parts.authoriser.refused(
                nil,
                .malformed("no certificate could be made for \(arrival.host): \(error)")
            )
            context.reset()
        }
    }

    private func begin(_ startup: PostgresStartup, _ rest: ByteBuffer, _ context: ChannelHandlerContext) {
        if let denial { return end(PostgresError(denial, severity: "FATAL", code: "28000"), context) }
        isOver = true
        let conversation = PostgresConversation(arrival.endpoint(.postgres), startup, rest, parts)
        do {
            try context.pipeline.syncOperations.addHandler(conversation, position: .after(self))
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            context.reset()
        }
    }

    /// A connection of its own; no answer comes, whatever it does (PostgreSQL 15, "Canceling Requests in Progress").
    private func cancel(_ key: BackendKey, _ context: ChannelHandlerContext) {
        isOver = true
        guard denial == nil, let session = parts.gatehouse.keys.session(key, of: parts.resident.id) else {
            if denial == nil { parts.authoriser.refused(nil, .foreignCancellation) }
            return context.close(promise: nil)
        }
        session.cancel(parts, on: context.channel)
    }

    private func refuse(_ fault: PostgresFault, _ context: ChannelHandlerContext) {
        guard !isOver else { return context.reset() }
        if denial == nil { parts.authoriser.refused(nil, fault.denial) }
        end(fault.answer, context)
    }

    private func end(_ error: PostgresError, _ context: ChannelHandlerContext) {
        end(error.octets, context)
    }

    private func end(_ answer: ByteBuffer, _ context: ChannelHandlerContext) {
        isOver = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(answer)).assumeIsolated().whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // What it wanted is not known yet: it is heard, and refused like any other.
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .handshakeFailed? = error as? NIOSSLError, denial == nil {
            parts.authoriser.refused(nil, .clientHandshake)
        }
        context.reset()
    }
}

extension PostgresDoor {
    /// Whether more has to come to tell: length and code are eight octets, of which these are as theirs are.
    static func mayBecomeOpening(_ view: ByteBufferView) -> Bool {
        guard view.count < 8, view.prefix(2).allSatisfy({ $0 == 0 }) else { return false }
        var buffer = ByteBuffer(view)
        guard let length = buffer.readInteger(as: UInt32.self) else { return true }
        guard (8...UInt32(PostgresLimits.startup)).contains(length) else { return false }
        let code = Array(buffer.readableBytesView.prefix(2))
        return [[0x00, 0x03], [0x04, 0xD2]].contains { $0.starts(with: code) }
    }

    /// Whether a connection begins as one of PostgreSQL's does (PostgreSQL 15, "Message Formats": messages without a type).
    static func isOpening(_ view: ByteBufferView) -> Bool {
        var buffer = ByteBuffer(view)
        guard let (length, code) = buffer.readMultipleIntegers(as: (UInt32, UInt32).self),
            (8...UInt32(PostgresLimits.startup)).contains(length)
        else { return false }
        switch code {
        // Version 3; requests to cancel, for TLS, for GSSAPI.
        case 0x0003_0000...0x0003_FFFF, 0x04D2_162E, 0x04D2_162F, 0x04D2_1630: return true
        default: return false
        }
    }
}

extension PostgresFault {
    fileprivate static let slowOpening = PostgresFault(
        .malformed,
        "the client did not say in time whose session of which database it wants",
        code: "57014",
        remedy: "let the client send its first packet at once"
    )
}
