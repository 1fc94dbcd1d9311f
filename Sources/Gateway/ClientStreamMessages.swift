internal import HTTP2Protocol
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2

/// The messages of one stream that a client opened, as NIO's parts of HTTP/1.1.
final class ClientStreamMessages: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let scheme: String
    private var hasHead = false
    private var isBroken = false
    /// Held until it is known whether the answer ends with it: of a gRPC call it must ("Trailers-Only").
    private var held: HTTPResponseHead?
    /// Whether the client, and the answer to it, have come to their end.
    private var hasEnded = (client: false, answer: false)

    init(scheme: String) {
        self.scheme = scheme
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        do throws(HTTP2Fault) {
            switch unwrapInboundIn(data) {
            case .headers(let payload):
                hasEnded.client = payload.endStream
                try read(payload, context)
            case .data(let payload):
                hasEnded.client = payload.endStream
                read(payload, context)
            default: break
            }
        } catch {
            isBroken = true
            context.fireErrorCaught(error)
        }
    }

    private func read(
        _ payload: HTTP2Frame.FramePayload.Headers,
        _ context: ChannelHandlerContext
    ) throws(HTTP2Fault) {
        guard hasHead else {
            hasHead = true
            let head = try HTTP2Request.head(payload.headers, ends: payload.endStream, scheme: scheme)
            context.fireChannelRead(wrapInboundOut(.head(head)))
            // The opening of a WebSocket is a whole request, though its stream goes on.
            if payload.endStream || head.headers.contains(name: "upgrade") {
                context.fireChannelRead(wrapInboundOut(.end(nil)))
            }
            return
        }
        context.fireChannelRead(wrapInboundOut(.end(try HTTP2Trailers.fields(payload.headers))))
    }

    private func read(_ payload: HTTP2Frame.FramePayload.Data, _ context: ChannelHandlerContext) {
        if case .byteBuffer(let bytes) = payload.data, bytes.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(.body(bytes)))
        }
        if payload.endStream { context.fireChannelRead(wrapInboundOut(.end(nil))) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let payload: HTTP2Frame.FramePayload
        switch unwrapOutboundIn(data) {
        case .head(let head):
            writeHead(context)
            held = head
            return promise?.succeed(()) ?? ()
        case .body(let bytes):
            writeHead(context)
            payload = .data(.init(data: bytes))
        case .end(.some(let trailers)) where !trailers.isEmpty:
            writeHead(context)
            hasEnded.answer = true
            payload = .headers(.init(headers: HTTP2Trailers.block(of: trailers), endStream: true))
        case .end:
            hasEnded.answer = true
            if let head = held {
                held = nil
                payload = .headers(.init(headers: HTTP2Response.block(of: head), endStream: true))
            } else {
                payload = .data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))
            }
        }
        context.write(wrapOutboundOut(payload), promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        writeHead(context)
        context.flush()
    }

    private func writeHead(_ context: ChannelHandlerContext) {
        guard let head = held else { return }
        held = nil
        context.write(wrapOutboundOut(.headers(.init(headers: HTTP2Response.block(of: head)))), promise: nil)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // A stream both of whose sides have ended is closed by the library: a reset would come behind its end.
        guard !hasEnded.answer || !hasEnded.client else { return promise?.succeed(()) ?? () }
        if hasEnded.answer {
            // RFC 9113 section 8.1: the answer is whole, and the rest of the request is not needed.
            context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
        }
        context.close(mode: mode, promise: promise)
    }
}
