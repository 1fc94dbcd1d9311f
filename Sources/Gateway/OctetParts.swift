internal import NIOCore
internal import NIOHTTP1

/// In the stead of a decoder, once a connection has become a WebSocket's: octets as parts of a body.
///
/// The encoder stays: what has neither length nor chunks it writes as it is.
final class OctetParts<Head: Equatable & Sendable>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = HTTPPart<Head, ByteBuffer>

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// What the decoder still held has been handed on: that was a read of its own.
    func tookLeftovers() {
        context?.fireChannelReadComplete()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(wrapInboundOut(.body(unwrapInboundIn(data))))
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Takes out the decoder of a connection whose octets are no HTTP any more, in front of a handler that speaks in parts.
    func takeOctets<In, Out, Head>(
        from decoder: HTTPDecoder<In, Out>.Type,
        as parts: OctetParts<Head>,
        before handler: some ChannelHandler
    ) throws {
        let decoding = try self.handler(type: ByteToMessageHandler<HTTPDecoder<In, Out>>.self)
        try addHandler(parts, position: .before(handler))
        // On its way out it hands on what came behind the head.
        removeHandler(decoding).assumeIsolated().whenComplete { _ in parts.tookLeftovers() }
    }
}
