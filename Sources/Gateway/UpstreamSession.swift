internal import Model
internal import NIOCore
internal import NIOHTTP2

/// One HTTP/2 connection to an upstream, whose streams are exchanges of one agent's.
///
/// At the inner end of the connection's pipeline.
final class UpstreamSession: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
    private let idle: TimeAmount
    private let loop: any EventLoop
    private var context: ChannelHandlerContext?
    private var streams = 0
    private var isLeaving = false
    private var timer: Scheduled<Void>?
    /// Called once, when no further stream may be opened.
    var whenLeaving: () -> Void = {}

    init(_ multiplexer: NIOHTTP2Handler.StreamMultiplexer, idle: TimeAmount, loop: any EventLoop) {
        self.multiplexer = multiplexer
        self.idle = idle
        self.loop = loop
    }

    /// Whether another stream may be opened: the server has a bound of its own, customarily 100 or more (RFC 9113
    /// section 6.5.2), and what goes over it waits in the library.
    var hasRoom: Bool { !isLeaving && streams < GatewayLimits.streams && context?.channel.isActive == true }

    /// Opens a stream, and gives the link on it.
    func open(_ scheme: Scheme) -> EventLoopFuture<any Channel> {
        streams += 1
        timer?.cancel()
        let made = loop.makePromise(of: (any Channel).self)
        multiplexer.createStreamChannel(promise: made) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                try pipeline.addHandler(UpstreamStreamMessages(scheme: scheme.rawValue))
                try pipeline.addHandler(UpstreamLink(isStream: true))
            }
        }
        made.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let stream):
                stream.closeFuture.assumeIsolated().whenComplete { _ in self.closed() }
            case .failure: self.closed()
            }
        }
        return made.futureResult
    }

    private func closed() {
        streams -= 1
        guard streams == 0 else { return }
        if isLeaving { return close() }
        let me = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(in: idle) { me.value.leave() }
    }

    /// Opens no more streams, and ends when the last of them has.
    private func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        whenLeaving()
        whenLeaving = {}
        if streams == 0 { close() }
    }

    func close() {
        timer?.cancel()
        context?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        leave()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .goAway = unwrapInboundIn(data).payload { leave() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !(error is NIOHTTP2Errors.StreamError) else { return }
        leave()
        context.close(promise: nil)
    }
}
