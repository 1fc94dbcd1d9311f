internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2

/// The streams of one client connection under HTTP/2: each is a conversation of its own, with one request.
///
/// Frames, flow control and floods are the library's: rapid resets, CONTINUATION, SETTINGS, PING and empty DATA frames
/// over its bounds end the connection (`NIOHTTP2Handler.ConnectionConfiguration`).
final class ClientStreams: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private var connection: HTTPConnection
    private let parts: ConnectionParts
    private var context: ChannelHandlerContext?
    private var streams: [ObjectIdentifier: any Channel] = [:]
    private var hasServed = false
    private var timer: Scheduled<Void>?

    init(_ connection: HTTPConnection, _ parts: ConnectionParts) {
        self.connection = connection
        self.connection.isStream = true
        self.parts = parts
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        wait()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    /// Makes a conversation of a stream that the client opened.
    func begin(_ stream: any Channel) throws {
        // Each of its streams has a record of its own.
        parts.authoriser.asksForNothing()
        let own = ConnectionParts(parts.resident, parts.gatehouse, loop: parts.loop)
        own.authoriser.place = parts.authoriser.place
        own.authoriser.connection = parts.authoriser.connection
        if let denial = parts.resident.admitStream(stream) {
            own.authoriser.refused(nil, denial)
            throw denial
        }
        let pipeline = stream.pipeline.syncOperations
        try pipeline.addHandler(ClientStreamMessages(scheme: connection.scheme.rawValue))
        try pipeline.addHandler(HTTPConversation(connection, own))
        streams[ObjectIdentifier(stream)] = stream
        hasServed = true
        timer?.cancel()
        stream.closeFuture.assumeIsolated().whenComplete { _ in
            own.authoriser.conclude()
            self.streams[ObjectIdentifier(stream)] = nil
            if self.streams.isEmpty { self.wait() }
        }
    }

    /// Ends a connection on which nothing is asked for.
    private func wait() {
        guard let context else { return }
        timer?.cancel()
        let limits = parts.gatehouse.limits
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        let time = TimeAmount.milliseconds(hasServed ? limits.keepAlive : limits.requestHead)
        timer = context.eventLoop.scheduleTask(in: time) { me.value.sayGoodbye() }
    }

    private func sayGoodbye() {
        guard let context, streams.isEmpty else { return }
        // RFC 9113 section 6.8: so that the client knows that nothing of what it sends now is answered.
        let payload = HTTP2Frame.FramePayload.goAway(
            lastStreamID: .maxID,
            errorCode: .noError,
            opaqueData: nil
        )
        context.writeAndFlush(
            wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: payload)),
            promise: nil
        )
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? AgentEnded {
            for stream in streams.values { stream.pipeline.fireUserInboundEventTriggered(event) }
            if event.isRevoked, hasServed { return context.reset() }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // One stream's mistake is its own end; anything else is the connection's, and the library has said so.
        guard !(error is NIOHTTP2Errors.StreamError) else { return }
        context.close(promise: nil)
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// HTTP/2 at the inner end of the pipeline of a client's connection.
    func addHTTP2(_ connection: HTTPConnection, _ parts: ConnectionParts) throws {
        let streams = ClientStreams(connection, parts)
        let bound = NIOLoopBound(streams, eventLoop: parts.loop)
        _ = try configureHTTP2Pipeline(
            mode: .server,
            connectionConfiguration: .toClients,
            streamConfiguration: .gateway
        ) { stream in
            stream.eventLoop.makeCompletedFuture { try bound.value.begin(stream) }
        }
        try addHandler(streams)
    }
}

extension NIOHTTP2Handler.ConnectionConfiguration {
    /// What this gateway takes from either side; floods by the library's defaults.
    ///
    /// Windows grow to their size by WINDOW_UPDATE alone: one that SETTINGS announces besides, of which a peer may hear
    /// after its first HEADERS, was counted twice.
    static var gateway: Self {
        var configuration = Self()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: GatewayLimits.streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: HTTPLimits.fieldBlock + HTTPLimits.target),
            HTTP2Setting(parameter: .enablePush, value: 0),
        ]
        configuration.targetWindowSize = GatewayLimits.connectionWindow
        return configuration
    }

    /// The same, with WebSockets as streams (RFC 8441 section 3).
    static var toClients: Self {
        var configuration = gateway
        configuration.initialSettings.append(HTTP2Setting(parameter: .enableConnectProtocol, value: 1))
        return configuration
    }
}

extension NIOHTTP2Handler.StreamConfiguration {
    static var gateway: Self {
        var configuration = Self()
        configuration.targetWindowSize = GatewayLimits.streamWindow
        configuration.outboundBufferSizeHighWatermark = GatewayLimits.streamWindow
        configuration.outboundBufferSizeLowWatermark = GatewayLimits.streamWindow / 4
        return configuration
    }
}
