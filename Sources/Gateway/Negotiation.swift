internal import Glibc
internal import HTTPProtocol
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Behind the TLS handler of an intercepted connection: puts there what the client chose to speak (ALPN, RFC 7301).
///
/// A client that does not say gets HTTP/1.1, as every server gives it.
final class Negotiation: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    /// What interception offers and upstreams are asked for, the more capable one first.
    static let http2 = "h2"
    static let http1 = "http/1.1"

    private let connection: HTTPConnection
    private let parts: ConnectionParts
    private var timer: Scheduled<Void>?

    init(_ connection: HTTPConnection, _ parts: ConnectionParts) {
        self.connection = connection
        self.parts = parts
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: .milliseconds(parts.gatehouse.limits.requestHead)) {
            bound.value.reset()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted(let chosen)) = event as? TLSUserEvent { enter(chosen, context) }
        context.fireUserInboundEventTriggered(event)
    }

    /// Acknowledges the client's part of the handshake now.
    ///
    /// BoringSSL keeps its tickets for the first reply, so that nothing goes back by itself, and a client that has left
    /// Nagle's algorithm on would hold its request for the 40 ms of a delayed acknowledgement (tcp(7), TCP_QUICKACK).
    private func acknowledge(_ context: ChannelHandlerContext) throws {
        try context.channel.syncOptions?.setOption(Self.quickAcknowledgement, value: 1)
    }

    private static let quickAcknowledgement = ChannelOptions.Types.SocketOption(
        level: .tcp,
        name: NIOBSDSocket.Option(rawValue: TCP_QUICKACK)
    )

    private func enter(_ chosen: String?, _ context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        do {
            try acknowledge(context)
            if chosen == Self.http2 {
                try pipeline.addHTTP2(connection, parts)
            } else {
                try pipeline.addHTTP(HTTPConversation(connection, parts))
            }
            pipeline.removeHandler(self, promise: nil)
        } catch {
            context.reset()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .handshakeFailed? = error as? NIOSSLError {
            parts.authoriser.refused(nil, .clientHandshake)
        }
        context.reset()
    }
}
