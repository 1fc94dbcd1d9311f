internal import Model
internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import PostgresProtocol
internal import SwiftASN1
internal import X509

/// The gateway's connection to a PostgreSQL server: asks for TLS where the rules want it, logs in, and serves one
/// conversation; or cancels what another session does, or makes and drops roles.
///
/// ```
///   connecting ──► asking (SSLRequest) ──► handshake ──► login ──► catalog ──► serving
///        └───────────── sslmode: disable ─────────────────►└─────► roles
/// ```
final class PostgresServer: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Where it is, and how it is secured.
    struct Way {
        let endpoint: Endpoint
        let security: DatabaseSession.SSLMode
        /// Shown to it.
        let identity: ClientIdentity?
        let gatehouse: Gatehouse

        init(
            _ endpoint: Endpoint,
            _ security: DatabaseSession.SSLMode,
            identity: ClientIdentity? = nil,
            _ gatehouse: Gatehouse
        ) {
            self.endpoint = endpoint
            self.security = security
            self.identity = identity
            self.gatehouse = gatehouse
        }
    }

    enum Purpose {
        /// As whom, made when it is known how the server is secured; which columns rules may mask, whose
        /// origins are asked for.
        case session((_ security: PostgresSecurity) -> PostgresLoginSettings, columns: Set<ColumnMask>)
        case cancellation(BackendKey)
        /// As whom roles are made and dropped.
        case roles((_ security: PostgresSecurity) -> PostgresLoginSettings, RoleScript)
    }

    /// A session that is ready for its first statement.
    struct Session {
        let greeting: PostgresLoggedIn
        let columns: [ColumnPlace: SourceColumn]
    }

    private enum Phase {
        case connecting
        case asking
        case handshake
        case login(PostgresLogin)
        case catalog(PostgresLoggedIn, PostgresCatalog)
        case roles(RoleScript)
        case ready
        case serving(PostgresConversation)
        case over
    }

    private let way: Way
    private let purpose: Purpose
    private let loop: any EventLoop
    private let ready: EventLoopPromise<Session?>
    private var phase = Phase.connecting
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var waitingToRead = false
    private var isUnflushed = false

    init(_ way: Way, for purpose: Purpose, on loop: any EventLoop) {
        self.way = way
        self.purpose = purpose
        self.loop = loop
        ready = loop.makePromise(of: Session?.self)
    }

    var security: DatabaseSession.SSLMode { way.security }

    /// Where it was connected to.
    private(set) var address: SocketAddress?

    var isWritable: Bool { context?.channel.isWritable ?? false }

    /// Connects, and makes it ready; nil for what was only cancelled, and for roles.
    func dial(
        _ authorised: consuming Authorised,
        for resident: Resident
    ) -> EventLoopFuture<Session?>.Isolated {
        outcome(
            of: way.gatehouse.outward.dial(
                authorised.intoPermit(),
                for: resident,
                on: loop,
                initialise: enter
            )
        )
    }

    /// The same for roles, before the session for which they are goes where the permit says.
    func dial(
        beside authorised: borrowing Authorised,
        for resident: Resident
    ) -> EventLoopFuture<Session?>.Isolated {
        outcome(
            of: way.gatehouse.outward.dial(
                beside: authorised.permit,
                for: resident,
                on: loop,
                initialise: enter
            )
        )
    }

    /// The same to where such a one went.
    func dial(again address: SocketAddress) -> EventLoopFuture<Session?>.Isolated {
        outcome(
            of: way.gatehouse.outward.dial(again: address, at: way.endpoint, on: loop, initialise: enter)
        )
    }

    /// Has the server stop what this session does, over a connection of the gateway's own, whatever becomes of this one; nil
    /// where there is no session.
    func cancel(_ key: BackendKey) -> EventLoopFuture<Session?>.Isolated? {
        guard let address else { return nil }
        return PostgresServer(way, for: .cancellation(key), on: loop).dial(again: address)
    }

    private var enter: @Sendable (any Channel) -> EventLoopFuture<Void> {
        let me = NIOLoopBound(self, eventLoop: loop)
        return { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(me.value)
            }
        }
    }

    private func outcome(of dialled: EventLoopFuture<any Channel>) -> EventLoopFuture<Session?>.Isolated {
        let me = NIOLoopBound(self, eventLoop: loop)
        dialled.whenFailure { me.value.fail($0) }
        return ready.futureResult.assumeIsolated()
    }

    /// From now on its octets are this conversation's.
    func serve(_ conversation: PostgresConversation) {
        phase = .serving(conversation)
        resumeReading()
    }

    func write(_ octets: ByteBuffer) {
        isUnflushed = true
        context?.write(wrapOutboundOut(octets), promise: nil)
    }

    func flush() {
        guard isUnflushed else { return }
        isUnflushed = false
        context?.flush()
    }

    /// What was not flushed is not sent.
    func close() {
        phase = .over
        context?.close(promise: nil)
    }

    /// Reads again what was held back while the client could not be written to.
    func resumeReading() {
        guard waitingToRead, let context else { return }
        waitingToRead = false
        read(context: context)
    }
}

// The steps up to the first statement.
extension PostgresServer {
    private func start(_ context: ChannelHandlerContext) {
        address = context.channel.remoteAddress
        let me = NIOLoopBound(self, eventLoop: loop)
        let limits = way.gatehouse.limits
        let patience = if case .roles = purpose { limits.roles } else { limits.upstreamHandshake }
        timer = loop.scheduleTask(in: .milliseconds(patience)) {
            me.value.fail(ChannelError.connectTimeout(.milliseconds(patience)))
        }
        guard way.security != .disable else { return secured(nil, context) }
        phase = .asking
        context.writeAndFlush(wrapOutboundOut(PostgresEncryption.request), promise: nil)
    }

    private func answered(_ answer: ByteBuffer, _ context: ChannelHandlerContext) {
        switch PostgresEncryption(answer) {
        case .accepted: break
        case .declined:
            return fail(
                GatewayFailure("it speaks no TLS, and the rules say sslmode: \(way.security.rawValue)")
            )
        case .fault: return fail(GatewayFailure("its answer to the request for TLS cannot be read"))
        }
        phase = .handshake
        do {
            let pipeline = context.pipeline.syncOperations
            let tls = try way.gatehouse.tls.handler(
                for: way.endpoint.host,
                .postgres(way.security, identity: way.identity)
            )
            try pipeline.addHandler(tls, position: .before(self))
            if case .name(let name) = way.endpoint.host, way.security == .verifyFull {
                try pipeline.addHandler(CertificateName(name), position: .before(self))
            }
        } catch {
            fail(error)
        }
    }

    /// The connection is as secure as the rules want it.
    private func secured(_ certificate: NIOSSLCertificate?, _ context: ChannelHandlerContext) {
        switch purpose {
        case .cancellation(let key):
            finish(.success(nil))
            context.writeAndFlush(wrapOutboundOut(key.cancellation)).assumeIsolated().whenComplete { _ in
                self.close()
            }
        case .session(let settings, _), .roles(let settings, _):
            let security = PostgresSecurity(way.security, certificate: certificate)
            let login = PostgresLogin(settings(security))
            context.writeAndFlush(wrapOutboundOut(login.startup), promise: nil)
            phase = .login(login)
        }
    }

    private func goOn(_ login: PostgresLogin, _ octets: ByteBuffer, _ context: ChannelHandlerContext) {
        var login = login
        let (send, outcome) = login.received(octets)
        if send.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(send), promise: nil) }
        switch outcome {
        case .more: phase = .login(login)
        case .failed(let fault): fail(fault)
        case .ready(let greeting):
            switch purpose {
            case .session(_, let masks) where !masks.isEmpty:
                phase = .catalog(greeting, PostgresCatalog(masks: masks))
                context.writeAndFlush(wrapOutboundOut(PostgresCatalog.question), promise: nil)
            case .roles(_, let script):
                phase = .roles(script)
                context.writeAndFlush(wrapOutboundOut(script.opening), promise: nil)
            case .session, .cancellation:
                finish(.success(Session(greeting: greeting, columns: [:])))
            }
        }
    }

    private func goOn(_ script: RoleScript, _ octets: ByteBuffer, _ context: ChannelHandlerContext) {
        var script = script
        let (send, outcome) = script.received(octets)
        phase = .roles(script)
        if send.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(send), promise: nil) }
        switch outcome {
        case .more: break
        case .made: ready.succeed(nil)
        case .failed(let fault), .over(let fault?): fail(fault)
        case .over(nil):
            finish(.success(nil))
            close()
        }
    }

    private func goOn(_ greeting: PostgresLoggedIn, _ catalog: PostgresCatalog, _ octets: ByteBuffer) {
        var catalog = catalog
        switch catalog.received(octets) {
        case .more: phase = .catalog(greeting, catalog)
        case .failed(let fault): fail(fault)
        case .ready(let columns): finish(.success(Session(greeting: greeting, columns: columns)))
        }
    }

    private func finish(_ result: Result<Session?, any Error>) {
        timer?.cancel()
        timer = nil
        phase = .ready
        ready.completeWith(result)
    }

    private func fail(_ error: any Error) {
        switch phase {
        case .ready, .serving, .over: return
        case .connecting, .asking, .handshake, .login, .catalog, .roles: break
        }
        finish(.failure(error))
        close()
    }
}

// What the channel says.
extension PostgresServer {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        if case .connecting = phase { start(context) }
        context.fireChannelActive()
    }

    func read(context: ChannelHandlerContext) {
        switch phase {
        case .ready: waitingToRead = true
        case .serving(let conversation) where !conversation.takesResults: waitingToRead = true
        default: context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let octets = unwrapInboundIn(data)
        switch phase {
        case .serving(let conversation): conversation.received(octets, from: self)
        case .asking: answered(octets, context)
        case .login(let login): goOn(login, octets, context)
        case .catalog(let greeting, let catalog): goOn(greeting, catalog, octets)
        case .roles(let script): goOn(script, octets, context)
        case .connecting, .handshake: fail(GatewayFailure("it spoke before it was asked"))
        // Nothing was asked for yet: what it says now would be taken for an answer.
        case .ready: close()
        case .over: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .serving(let conversation) = phase { conversation.flushClient() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, case .serving(let conversation) = phase {
            conversation.resumeReading()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted) = event as? TLSUserEvent, case .handshake = phase {
            secured(try? context.pipeline.syncOperations.nioSSL_peerCertificate(), context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let shown = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        let certificate = shown.flatMap { try? Certificate(derEncoded: $0.toDERBytes()) }
        fail(UpstreamFault(error, certificate: certificate))
        if case .serving(let conversation) = phase { conversation.serverEnded(self) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        if case .serving(let conversation) = phase { conversation.serverEnded(self) }
        phase = .over
        context.fireChannelInactive()
    }
}
