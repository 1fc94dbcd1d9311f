internal import HTTPProtocol
package import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS

extension Gateway: TokenTransport {
    package func post(_ post: FormPost) throws(CredentialFailure) -> FormReply {
        do {
            return try tokens.post(post)
        } catch {
            let reason = (error as? CredentialFailure)?.message ?? UpstreamFault(error).words
            throw CredentialFailure(
                "token endpoint \(post.endpoint)\(post.target) could not be reached: \(reason)"
            )
        }
    }
}

extension Gateway: DocumentTransport {
    package func get(_ query: DocumentQuery) throws(DocumentFailure) -> FormReply {
        do {
            return try tokens.get(query)
        } catch {
            throw DocumentFailure((error as? CredentialFailure)?.message ?? UpstreamFault(error).words)
        }
    }
}

extension Gateway: MessageTransport {
    package func post(_ message: OperatorMessage) throws(MessageFailure) -> MessageReply {
        try tokens.reply(to: message)
    }
}

/// One request of the operator's own, on one connection: for a token, a document about them, or with what is told elsewhere.
struct TokenClient: Sendable {
    let names: Resolver
    let tls: UpstreamTLS
    let limits: GatewayLimits
    let group: any EventLoopGroup

    /// What is sent, in whole.
    struct Message: Sendable {
        let endpoint: Endpoint
        let method: HTTPMethod
        let target: String
        let fields: [(String, String)]
        let body: String
        /// Milliseconds for the whole answer.
        let timeout: Int64

        /// In the clear, which is for loopback alone.
        var isPlain: Bool { endpoint.scheme == .http }
    }

    /// On a thread that may block.
    func post(_ post: FormPost) throws -> FormReply {
        try sendForm(
            Message(
                endpoint: post.endpoint,
                method: .POST,
                target: post.target,
                fields: [
                    ("authorization", post.authorization),
                    ("content-type", "application/x-www-form-urlencoded"),
                ],
                body: post.body,
                timeout: limits.token
            )
        )
    }

    /// The same.
    func get(_ query: DocumentQuery) throws -> FormReply {
        try sendForm(
            Message(
                endpoint: query.address.endpoint,
                method: .GET,
                target: query.address.target,
                fields: query.authorization.map { [("authorization", $0)] } ?? [],
                body: "",
                timeout: query.timeout
            )
        )
    }

    /// The same.
    func reply(to message: OperatorMessage) throws(MessageFailure) -> MessageReply {
        do {
            return try send(
                Message(
                    endpoint: message.address.endpoint,
                    method: .POST,
                    target: message.address.target,
                    fields: message.fields.map { ($0.name, $0.value) },
                    body: message.body,
                    timeout: message.timeout
                )
            )
        } catch {
            let reason = (error as? CredentialFailure)?.message ?? UpstreamFault(error).words
            throw MessageFailure("\(message.address.endpoint) could not be reached: \(reason)")
        }
    }

    private func sendForm(_ message: Message) throws -> FormReply {
        let reply = try send(message)
        return FormReply(status: reply.status, body: reply.body)
    }

    private func send(_ message: Message) throws -> MessageReply {
        var last: any Error = CredentialFailure("it has no address")
        for address in try addresses(for: message).prefix(limits.addressesTried) {
            do {
                return try exchange(message, address).wait()
            } catch let error as Unreached {
                // Nobody is there: nothing was sent.
                last = error.reason
            }
        }
        throw last
    }

    /// In the clear nothing is looked up: a name that is loopback's means that (RFC 6761 section 6.3).
    private func addresses(for message: Message) throws -> [IPAddress] {
        guard message.isPlain, case .name = message.endpoint.host else {
            return try names.addresses(blocking: message.endpoint.host)
        }
        return ["127.0.0.1", "::1"].compactMap { IPAddress($0) }
    }

    private func exchange(_ message: Message, _ address: IPAddress) -> EventLoopFuture<MessageReply> {
        let loop = group.next()
        let answered = loop.makePromise(of: MessageReply.self)
        let (tls, host) = (tls, message.endpoint.host)
        let wait = min(limits.connect, message.timeout)
        let made = loop.makeCompletedFuture { try address.socketAddress(port: message.endpoint.port) }
            .flatMap { place in
                ClientBootstrap(group: loop)
                    .connectTimeout(.milliseconds(wait))
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            let pipeline = channel.pipeline.syncOperations
                            if !message.isPlain {
                                try pipeline.addHandler(tls.handler(for: host, .http(offersHTTP2: false)))
                                if case .name(let name) = host {
                                    try pipeline.addHandler(CertificateName(name))
                                }
                            }
                            try pipeline.addHandler(HTTPRequestEncoder())
                            let decoder = HTTPResponseDecoder(limitConfiguration: .engine)
                            try pipeline.addHandler(ByteToMessageHandler(decoder))
                            try pipeline.addHandler(TokenExchange(message, answered))
                        }
                    }
                    .connect(to: place)
            }
        made.whenFailure { answered.fail(Unreached(reason: $0)) }
        let timer = loop.scheduleTask(in: .milliseconds(message.timeout)) {
            answered.fail(CredentialFailure("it did not answer within \(message.timeout / 1_000) s"))
        }
        answered.futureResult.whenComplete { _ in
            timer.cancel()
            made.whenSuccess { $0.close(promise: nil) }
        }
        return answered.futureResult
    }
}

/// There was no connection; what fails on one is no reason to say a secret again elsewhere.
private struct Unreached: Error {
    let reason: any Error
}

/// Sends the request when the connection is there, and puts the answer together.
private final class TokenExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let message: TokenClient.Message
    private let answered: EventLoopPromise<MessageReply>
    private var status = 0
    private var retryAfter: Int?
    private var body: [UInt8] = []

    init(_ message: TokenClient.Message, _ answered: EventLoopPromise<MessageReply>) {
        self.message = message
        self.answered = answered
    }

    func channelActive(context: ChannelHandlerContext) {
        if message.isPlain { send(context) }
        context.fireChannelActive()
    }

    /// Not before: what is written earlier could go out before the certificate's name has been looked at.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted) = event as? TLSUserEvent { send(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func send(_ context: ChannelHandlerContext) {
        let endpoint = message.endpoint
        let name = endpoint.description.dropFirst(endpoint.scheme.rawValue.utf8.count + 3)
        var headers: HTTPHeaders = [
            "host": String(name), "accept": "application/json", "connection": "close",
        ]
        for (name, value) in message.fields { headers.add(name: name, value: value) }
        if message.method != .GET {
            headers.add(name: "content-length", value: String(message.body.utf8.count))
        }
        let head = HTTPRequestHead(
            version: .http1_1,
            method: message.method,
            uri: message.target,
            headers: headers
        )
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !message.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: message.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            status = Int(head.status.code)
            retryAfter = head.headers.first(name: "retry-after").flatMap { Int($0) }
        case .body(let bytes):
            body += bytes.readableBytesView
            guard body.count <= GatewayLimits.tokenReply else {
                answered.fail(
                    CredentialFailure("its answer has more than \(GatewayLimits.tokenReply) octets")
                )
                return
            }
        case .end: answered.succeed(MessageReply(status: status, retryAfter: retryAfter, body: body))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answered.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answered.fail(CredentialFailure("it closed the connection before its answer was complete"))
        context.fireChannelInactive()
    }
}
