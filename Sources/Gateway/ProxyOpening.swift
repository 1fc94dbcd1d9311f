internal import HTTPProtocol
internal import NIOCore
internal import SOCKSProtocol

/// The first octet at the explicit proxy's port: SOCKS or HTTP.
final class ProxyOpening: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: HTTPConnection
    private let parts: ConnectionParts
    private var timer: Scheduled<Void>?
    private var isOpen = false

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

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard !isOpen, let first = bytes.readableBytesView.first else {
            return context.fireChannelRead(wrapInboundOut(bytes))
        }
        open(first, context)
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isOpen, case .some(.inputClosed) = event as? ChannelEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func open(_ first: UInt8, _ context: ChannelHandlerContext) {
        isOpen = true
        let pipeline = context.pipeline.syncOperations
        do {
            if SOCKSClassifier.isOpening(first) {
                try pipeline.addHandler(SOCKSConversation(parts))
            } else {
                try pipeline.addHTTP(HTTPConversation(connection, parts))
            }
        } catch {
            context.reset()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
