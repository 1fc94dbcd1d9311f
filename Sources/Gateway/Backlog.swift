internal import NIOCore

/// Beside the transport of every connection: what its peer does not take is joined into larger pieces.
///
/// `GatewayLimits.writeBuffer` bounds what waits by its octets, and each piece costs more than those: a buffer of 16 KiB behind
/// TLS, and some hundred octets by itself. Of a peer that takes nothing, while octets come one by one, 50 MiB were kept for 1 MiB.
final class Backlog: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What waits here, behind all that the channel has, and who hears when it is sent.
    private var waiting = ByteBuffer()
    private var promise: EventLoopPromise<Void>?
    /// The channel has something that is not taken, and says when the last small piece of it is sent.
    private var isStuck = false
    private var isMarked = false
    /// Pieces since the channel was asked last whether it has something.
    private var passed = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isStuck else {
            passed += 1
            return context.write(data, promise: promise)
        }
        let bytes = unwrapOutboundIn(data)
        if waiting.readableBytes + bytes.readableBytes > GatewayLimits.joinedPiece { pass(context) }
        guard bytes.readableBytes < GatewayLimits.joinedPiece else {
            return context.write(data, promise: promise)
        }
        waiting.writeImmutableBuffer(bytes)
        tell(promise, context)
        // The first of them goes at once: when it is sent there is room for what has come since.
        if !isMarked { pass(context) }
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        guard !isStuck, passed >= GatewayLimits.passedPieces else { return }
        passed = 0
        let left = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        isStuck = left ?? 0 > 0
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // The other end hears all that was said before.
        if mode == .output {
            pass(context)
            context.flush()
        }
        context.close(mode: mode, promise: promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        waiting = ByteBuffer()
        promise?.fail(ChannelError.ioOnClosedChannel)
        promise = nil
    }

    private func tell(_ other: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        guard let other else { return }
        if promise == nil { promise = context.eventLoop.makePromise() }
        promise?.futureResult.cascade(to: other)
    }

    /// Gives the channel what waits.
    private func pass(_ context: ChannelHandlerContext) {
        guard waiting.readableBytes > 0 else { return }
        let piece = waiting
        let sent = isMarked ? promise : mark(promise, context)
        (waiting, promise) = (ByteBuffer(), nil)
        context.write(wrapOutboundOut(piece), promise: sent)
    }

    /// Goes on when the next piece is sent, which `promise` is of.
    private func mark(
        _ promise: EventLoopPromise<Void>?,
        _ context: ChannelHandlerContext
    ) -> EventLoopPromise<Void> {
        isMarked = true
        let sent = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        sent.futureResult.whenComplete { _ in
            let (backlog, context) = bound.value
            backlog.goOn(context)
        }
        return sent
    }

    /// The marked piece has been sent, or never will be.
    private func goOn(_ context: ChannelHandlerContext) {
        isMarked = false
        guard waiting.readableBytes > 0 else {
            isStuck = false
            return
        }
        pass(context)
        context.flush()
    }
}
