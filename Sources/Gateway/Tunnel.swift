internal import NIOCore

/// One end of a connection that is forwarded as it is.
///
/// Two of them, on one loop, make a tunnel.
///
/// An end is read only while the other can be written to, so a slow reader holds at most one watermark of bytes.
final class TunnelEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let idle: TimeAmount
    private var context: ChannelHandlerContext?
    private var partner: TunnelEnd?
    private var waitingToRead = false
    private var lastActivity = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(idle: TimeAmount) {
        self.idle = idle
    }

    /// Two ends that know each other.
    static func pair(idle: TimeAmount) -> (client: TunnelEnd, upstream: TunnelEnd) {
        let client = TunnelEnd(idle: idle)
        let upstream = TunnelEnd(idle: idle)
        client.partner = upstream
        upstream.partner = client
        return (client, upstream)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schedule(context, in: idle)
        partner?.resumeReading()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        partner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastActivity = .now()
        partner?.take(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
    }

    func read(context: ChannelHandlerContext) {
        if let other = partner?.context, other.channel.isWritable {
            context.read()
        } else {
            waitingToRead = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.resumeReading() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is AgentEnded { return context.reset() }
        if case .some(.inputClosed) = event as? ChannelEvent {
            partner?.context?.close(mode: .output, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.context?.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        partner?.context?.close(promise: nil)
        context.close(promise: nil)
    }

    private func take(_ bytes: ByteBuffer) {
        guard let context else { return }
        lastActivity = .now()
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    private func resumeReading() {
        guard waitingToRead, let context else { return }
        waitingToRead = false
        read(context: context)
    }

    private func schedule(_ context: ChannelHandlerContext, in time: TimeAmount) {
        let end = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) { end.value.checkIdle() }
    }

    private func checkIdle() {
        guard let context else { return }
        let silent = NIODeadline.now() - lastActivity
        guard silent >= idle else { return schedule(context, in: idle - silent) }
        partner?.context?.close(promise: nil)
        context.close(promise: nil)
    }
}
