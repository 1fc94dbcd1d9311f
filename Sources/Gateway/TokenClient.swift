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

/// One request, on one connection, for a token.
struct TokenClient: Sendable {
    let names: Resolver
    let tls: UpstreamTLS
    let limits: GatewayLimits
    let group: any EventLoopGroup

    /// On a thread that may block.
    func post(_ post: FormPost) throws -> FormReply {
        var last: any Error = CredentialFailure("it has no address")
        for address in try names.addresses(blocking: post.endpoint.host).prefix(limits.addressesTried) {
            do {
                return try exchange(post, address).wait()
            } catch let error as Unreached {
                // Nobody is there: nothing was sent.
                last = error.reason
            }
        }
        throw last
    }

    private func exchange(_ post: FormPost, _ address: IPAddress) -> EventLoopFuture<FormReply> {
        let loop = group.next()
        let answered = loop.makePromise(of: FormReply.self)
        let (tls, limits) = (tls, limits)
        let made = loop.makeCompletedFuture { try address.socketAddress(port: post.endpoint.port) }.flatMap {
            place in
            ClientBootstrap(group: loop)
                .connectTimeout(.milliseconds(limits.connect))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(
                            tls.handler(for: post.endpoint.host, .http(offersHTTP2: false))
                        )
                        if case .name(let name) = post.endpoint.host {
                            try pipeline.addHandler(CertificateName(name))
                        }
                        try pipeline.addHandler(HTTPRequestEncoder())
                        let decoder = HTTPResponseDecoder(limitConfiguration: .engine)
                        try pipeline.addHandler(ByteToMessageHandler(decoder))
                        try pipeline.addHandler(TokenExchange(post, answered))
                    }
                }
                .connect(to: place)
        }
        made.whenFailure { answered.fail(Unreached(reason: $0)) }
        let timer = loop.scheduleTask(in: .milliseconds(limits.token)) {
            answered.fail(CredentialFailure("it did not answer within \(limits.token / 1_000) s"))
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

/// Sends the form when the connection is there, and puts the answer together.
private final class TokenExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let post: FormPost
    private let answered: EventLoopPromise<FormReply>
    private var status = 0
    private var body: [UInt8] = []

    init(_ post: FormPost, _ answered: EventLoopPromise<FormReply>) {
        self.post = post
        self.answered = answered
    }

    /// Not before: what is written earlier could go out before the certificate's name has been looked at.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted) = event as? TLSUserEvent { send(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func send(_ context: ChannelHandlerContext) {
        let name = post.endpoint.description.dropFirst(post.endpoint.scheme.rawValue.utf8.count + 3)
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .POST,
            uri: post.target,
            headers: [
                "host": String(name), "authorization": post.authorization, "accept": "application/json",
                "content-type": "application/x-www-form-urlencoded",
                "content-length": String(post.body.utf8.count),
                "connection": "close",
            ]
        )
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: post.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        case .body(let bytes):
            body += bytes.readableBytesView
            guard body.count <= GatewayLimits.tokenReply else {
                answered.fail(
                    CredentialFailure("its answer has more than \(GatewayLimits.tokenReply) octets")
                )
                return
            }
        case .end: answered.succeed(FormReply(status: status, body: body))
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
