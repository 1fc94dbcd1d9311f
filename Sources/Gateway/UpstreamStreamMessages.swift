internal import HTTP2Protocol
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2

/// The messages of one stream to an upstream, as NIO's parts of HTTP/1.1.
final class UpstreamStreamMessages: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let scheme: String
    private var isHead = false
    /// Held until it is known whether the request ends with it: some servers take what does not for an upload.
    private var held: HTTPRequestHead?
    private var hasFinalHead = false
    private var isBroken = false

    init(scheme: String) {
        self.scheme = scheme
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isBroken else { return }
        do throws(HTTP2Fault) {
            switch unwrapInboundIn(data) {
            case .headers(let payload): try read(payload, context)
            case .data(let payload): read(payload, context)
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
        guard !hasFinalHead else {
            return context.fireChannelRead(
                wrapInboundOut(.end(try HTTP2Trailers.fields(payload.headers)))
            )
        }
        let head = try HTTP2Response.head(payload.headers, ends: payload.endStream, hasBody: !isHead)
        hasFinalHead = head.status.code >= 200
        context.fireChannelRead(wrapInboundOut(.head(head)))
        if payload.endStream { context.fireChannelRead(wrapInboundOut(.end(nil))) }
    }

    private func read(_ payload: HTTP2Frame.FramePayload.Data, _ context: ChannelHandlerContext) {
        if case .byteBuffer(let bytes) = payload.data, bytes.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(.body(bytes)))
        }
        if payload.endStream { context.fireChannelRead(wrapInboundOut(.end(nil))) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            isHead = head.method == .HEAD
            held = head
        case .body(let bytes):
            writeHead(context, ends: false)
            context.write(wrapOutboundOut(.data(.init(data: bytes))), promise: promise)
        case .end(.some(let trailers)) where !trailers.isEmpty:
            writeHead(context, ends: false)
            let block = HTTP2Trailers.block(of: trailers)
            context.write(wrapOutboundOut(.headers(.init(headers: block, endStream: true))), promise: promise)
        case .end where held != nil:
            writeHead(context, ends: true)
        case .end:
            let nothing = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer()), endStream: true)
            context.write(wrapOutboundOut(.data(nothing)), promise: promise)
        }
    }

    func flush(context: ChannelHandlerContext) {
        writeHead(context, ends: false)
        context.flush()
    }

    private func writeHead(_ context: ChannelHandlerContext, ends: Bool) {
        guard let head = held else { return }
        held = nil
        let block = HTTP2Request.block(of: head, scheme: scheme)
        context.write(wrapOutboundOut(.headers(.init(headers: block, endStream: ends))), promise: nil)
    }
}
