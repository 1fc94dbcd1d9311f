internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOSSL
internal import NIOTLS
internal import SwiftASN1
internal import X509

/// Behind the TLS handler of an upstream connection: puts there what the server chose to speak, a link or a session.
final class UpstreamNegotiation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Completes when the connection can take a request.
    let ready: EventLoopPromise<Void>
    private let idle: TimeAmount
    private var isReady = false

    init(ready: EventLoopPromise<Void>, idle: TimeAmount) {
        self.ready = ready
        self.idle = idle
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted(let chosen)) = event as? TLSUserEvent { enter(chosen, context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func enter(_ chosen: String?, _ context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        finish(
            Result {
                if chosen == Negotiation.http2 {
                    try pipeline.addUpstreamSession(idle: idle, loop: context.eventLoop)
                } else {
                    try pipeline.addUpstreamLink()
                }
            }
        )
    }

    private func finish(_ result: Result<Void, any Error>) {
        guard !isReady else { return }
        isReady = true
        ready.completeWith(result)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(.failure(ChannelError.eof))
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.failure(ChannelError.eof))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isReady else { return context.fireErrorCaught(error) }
        finish(.failure(fault(error, context)))
        context.close(promise: nil)
    }

    /// What failed before the connection was ready, with what the server showed by then.
    private func fault(_ error: any Error, _ context: ChannelHandlerContext) -> UpstreamFault {
        let shown = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        let certificate = shown.flatMap { try? Certificate(derEncoded: $0.toDERBytes()) }
        return UpstreamFault(error, certificate: certificate)
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// HTTP/1.1 at the inner end of the pipeline of an upstream's connection.
    func addUpstreamLink() throws {
        var encoding = HTTPRequestEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false
        try addHandler(HTTPRequestEncoder(configuration: encoding))
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .forwardBytes,
            informationalResponseStrategy: .forward,
            limitConfiguration: .engine
        )
        try addHandler(ByteToMessageHandler(decoder))
        try addHandler(UpstreamLink(isStream: false))
    }

    /// HTTP/2 at the inner end of the pipeline of an upstream's connection.
    func addUpstreamSession(idle: TimeAmount, loop: any EventLoop) throws {
        // A server opens no stream: push is switched off, and one that opens one all the same finds it closed.
        let multiplexer = try configureHTTP2Pipeline(
            mode: .client,
            connectionConfiguration: .gateway,
            streamConfiguration: .gateway
        ) { $0.close() }
        try addHandler(UpstreamSession(multiplexer, idle: idle, loop: loop))
    }
}
