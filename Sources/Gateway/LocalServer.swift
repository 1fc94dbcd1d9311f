package import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// One request to a local server, as far as any of them looks at it.
package struct LocalRequest: Sendable {
    package let method: String
    /// Without the query.
    package let path: String
    package let query: String?
    /// Nil where it is not there, or there twice.
    package let authorization: String?
    package let mediaType: String?
    package let body: [UInt8]
    /// Whether whoever asked still waits for the answer.
    package let isAwaited: @Sendable () -> Bool
}

/// What is answered.
package struct LocalReply: Sendable {
    package let status: Int
    package let mediaType: String
    package let fields: [(name: String, value: String)]
    package let text: String

    package init(
        _ status: Int,
        mediaType: String = "application/json",
        fields: [(name: String, value: String)] = [],
        _ text: String
    ) {
        (self.status, self.mediaType, self.fields, self.text) = (status, mediaType, fields, text)
    }
}

/// A server of the supervisor's own for programs of this machine: HTTP/1.1 on a listener that is no agent's, since agents
/// have no way to the machine's loopback.
///
/// One request a connection.
package final class LocalServer: Sendable {
    /// Connections that are open at a time; more wait in the kernel's queue.
    private static let connections = 64
    /// Milliseconds in which a client has to ask: one that says nothing is not to keep a place from others.
    private static let patience: Int64 = 2_000
    /// Milliseconds in which it has to have taken its answer, where nothing else is said.
    package static let life: Int64 = 10_000
    private static let backlog: Int32 = 64

    /// Called on the server's thread, which it must not hold up; gives its answer once, on any.
    package typealias Answer =
        @Sendable (LocalRequest, @escaping @Sendable (LocalReply) -> Void) -> Void

    /// The port that it listens at.
    package let port: UInt16
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let threshold = Threshold()

    /// Serves from now on.
    ///
    /// - Parameters:
    ///   - what: what for, in the words of an error.
    ///   - address: whose port this is.
    ///   - port: 0 for any.
    ///   - body: octets that a request's may have; 0 where none is read.
    ///   - life: milliseconds of a connection.
    ///   - answer: to each request.
    /// - Throws: when nothing can listen there.
    package init(
        _ what: String,
        at address: IPAddress,
        port: UInt16,
        body: Int,
        life: Int64 = LocalServer.life,
        answer: @escaping Answer
    ) throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threshold = threshold
        do {
            channel = try ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: Self.backlog)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Turnstile(Self.connections))
                    }
                }
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try Self.prepare(channel, Visitor(body: body, threshold, answer: answer), life)
                    }
                }
                .bind(to: try address.socketAddress(port: port))
                .wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw GatewayFailure("\(what) at \(address) port \(port): \(error)")
        }
        self.port = channel.localAddress?.port.flatMap(UInt16.init(exactly:)) ?? port
    }

    /// Ends every connection and the listener; what is answered later goes nowhere.
    package func end() {
        try? channel.close().wait()
        threshold.close()
        try? group.syncShutdownGracefully()
    }

    private static func prepare(_ channel: any Channel, _ visitor: Visitor, _ life: Int64) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: .engine))
        )
        try pipeline.addHandler(visitor)
        let asking = NIOLoopBound(visitor, eventLoop: channel.eventLoop)
        let timers = [
            channel.eventLoop.scheduleTask(in: .milliseconds(patience)) {
                if !asking.value.hasAsked { channel.close(promise: nil) }
            },
            channel.eventLoop.scheduleTask(in: .milliseconds(life)) { channel.close(promise: nil) },
        ]
        channel.closeFuture.whenComplete { _ in for timer in timers { timer.cancel() } }
    }
}

/// What answers pass on their way to the server's thread, as long as there is one.
private final class Threshold: Sendable {
    private let isClosed = Mutex(false)

    func close() { isClosed.withLock { $0 = true } }

    func pass(to loop: any EventLoop, _ task: @escaping @Sendable () -> Void) {
        // Within the lock, so that none is given to a thread that has ended.
        isClosed.withLock { if !$0 { loop.execute(task) } }
    }
}

/// Accepts no more connections than there is room for.
private final class Turnstile: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private let limit: Int
    private var inside = 0
    private var isWaiting = false

    init(_ limit: Int) { self.limit = limit }

    func read(context: ChannelHandlerContext) {
        guard inside < limit else {
            isWaiting = true
            return
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        inside += 1
        let listener = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        Self.unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop).whenComplete { _ in
            let (turnstile, context) = listener.value
            turnstile.leave(context)
        }
        context.fireChannelRead(data)
    }

    private func leave(_ context: ChannelHandlerContext) {
        inside -= 1
        guard isWaiting else { return }
        isWaiting = false
        context.read()
    }
}

/// Whether a client is still there.
private final class Presence: Sendable {
    private let isOver = Mutex(false)
    var isThere: Bool { !isOver.withLock { $0 } }
    func end() { isOver.withLock { $0 = true } }
}

/// Reads one request, has it answered, and closes.
private final class Visitor: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let limit: Int
    private let threshold: Threshold
    private let answer: LocalServer.Answer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLong = false
    private(set) var hasAsked = false
    /// Whether its client is there.
    private let presence = Presence()

    init(body limit: Int, _ threshold: Threshold, answer: @escaping LocalServer.Answer) {
        (self.limit, self.threshold, self.answer) = (limit, threshold, answer)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasAsked else { return }
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            if limit == 0 { ask(context) }
        case .body(let bytes):
            isTooLong = isTooLong || body.count + bytes.readableBytes > limit
            if !isTooLong { body += bytes.readableBytesView }
        case .end where isTooLong:
            // Not before: what is closed with octets unread is reset, and its answer lost with it.
            hasAsked = true
            reply(context, LocalReply(413, "{\"error\":\"the body has more than \(limit) octets\"}\n"))
        case .end: ask(context)
        }
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard let head else { return context.close(promise: nil) }
        hasAsked = true
        let parts = head.uri.cut(at: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let authorization = head.headers["authorization"]
        let request = LocalRequest(
            method: head.method.rawValue,
            path: parts.first.map(String.init) ?? "",
            query: parts.count > 1 ? String(parts[1]) : nil,
            authorization: authorization.count == 1 ? authorization[0] : nil,
            mediaType: head.headers.first(name: "content-type"),
            body: body,
            isAwaited: { [presence] in presence.isThere }
        )
        let loop = context.eventLoop
        let place = NIOLoopBound((self, context), eventLoop: loop)
        answer(request) { [threshold] reply in
            threshold.pass(to: loop) {
                let (visitor, context) = place.value
                if context.channel.isActive { visitor.reply(context, reply) }
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        presence.end()
        context.fireChannelInactive()
    }

    private func reply(_ context: ChannelHandlerContext, _ reply: LocalReply) {
        var headers = HTTPHeaders(reply.fields.map { ($0.name, $0.value) })
        if !reply.text.isEmpty { headers.add(name: "content-type", value: reply.mediaType) }
        headers.add(name: "x-content-type-options", value: "nosniff")
        headers.add(name: "content-length", value: "\(reply.text.utf8.count)")
        headers.add(name: "connection", value: "close")
        let status = HTTPResponseStatus(statusCode: reply.status)
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if self.head?.method != .HEAD, !reply.text.isEmpty {
            let text = context.channel.allocator.buffer(string: reply.text)
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(text))), promise: nil)
        }
        let channel = context.channel
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }
}
