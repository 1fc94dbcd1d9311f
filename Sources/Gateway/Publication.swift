package import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Documents that anybody on this machine may read: the public keys that agents are verified by.
///
/// Serves HTTP/1.1 on a listener of its own, which is no agent's: agents have no way to the machine's loopback.
package final class Publication: Sendable {
    /// Connections that are open at a time; more wait in the kernel's queue.
    private static let connections = 64
    /// Milliseconds in which a client has to ask: one that says nothing is not to keep a place from others.
    private static let patience: Int64 = 2_000
    /// Milliseconds in which it has to have taken its answer.
    private static let life: Int64 = 10_000
    private static let backlog: Int32 = 64

    /// One document.
    package struct Document: Sendable {
        package let mediaType: String
        package let text: String

        package init(mediaType: String, text: String) {
            (self.mediaType, self.text) = (mediaType, text)
        }
    }

    /// The port that it listens at.
    package let port: UInt16
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup

    /// Serves documents by their paths from now on.
    ///
    /// - Parameters:
    ///   - address: whose port this is.
    ///   - port: 0 for any.
    ///   - documents: by path, each beginning with `/`; asked at each request, and has to answer at once.
    /// - Throws: when nothing can listen there.
    package init(
        at address: IPAddress,
        port: UInt16,
        documents: @escaping @Sendable () -> [String: Document]
    ) throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
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
                    channel.eventLoop.makeCompletedFuture { try Self.prepare(channel, documents) }
                }
                .bind(to: try address.socketAddress(port: port))
                .wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw GatewayFailure("publish at \(address) port \(port): \(error)")
        }
        self.port = channel.localAddress?.port.flatMap(UInt16.init(exactly:)) ?? port
    }

    /// Ends every connection and the listener.
    package func end() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }

    private static func prepare(
        _ channel: any Channel,
        _ documents: @escaping @Sendable () -> [String: Document]
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: .engine))
        )
        let server = DocumentServer(documents)
        try pipeline.addHandler(server)
        let asking = NIOLoopBound(server, eventLoop: channel.eventLoop)
        let timers = [
            channel.eventLoop.scheduleTask(in: .milliseconds(patience)) {
                if !asking.value.isAnswered { channel.close(promise: nil) }
            },
            channel.eventLoop.scheduleTask(in: .milliseconds(life)) { channel.close(promise: nil) },
        ]
        channel.closeFuture.whenComplete { _ in for timer in timers { timer.cancel() } }
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

/// Answers one request, and closes.
private final class DocumentServer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let documents: @Sendable () -> [String: Publication.Document]
    private(set) var isAnswered = false

    init(_ documents: @escaping @Sendable () -> [String: Publication.Document]) {
        self.documents = documents
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = Self.unwrapInboundIn(data), !isAnswered else { return }
        isAnswered = true
        let path = head.uri.cut(at: "?", maxSplits: 1, omittingEmptySubsequences: false).first
        guard head.method == .GET || head.method == .HEAD else {
            return answer(context, .methodNotAllowed, [("allow", "GET, HEAD")], "")
        }
        guard let document = path.flatMap({ documents()[String($0)] }) else {
            return answer(context, .notFound, [], "")
        }
        let fields = [
            ("content-type", document.mediaType), ("cache-control", "max-age=300"),
            ("x-content-type-options", "nosniff"),
        ]
        answer(context, .ok, fields, document.text, withBody: head.method == .GET)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(
        _ context: ChannelHandlerContext,
        _ status: HTTPResponseStatus,
        _ fields: [(String, String)],
        _ text: String,
        withBody: Bool = true
    ) {
        var headers = HTTPHeaders(fields)
        headers.add(name: "content-length", value: "\(text.utf8.count)")
        headers.add(name: "connection", value: "close")
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if withBody, !text.isEmpty {
            context.write(
                Self.wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: text)))),
                promise: nil
            )
        }
        let channel = context.channel
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }
}
