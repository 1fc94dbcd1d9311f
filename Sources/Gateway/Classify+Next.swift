internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import Wire

extension Classifier {
    /// TLS with a certificate of our own for the name that the client asks for, also when it will be refused:
    /// the refusal is then explained in HTTP.
    func intercept(_ serverName: DNSName?) {
        do {
            let host = serverName.map(Host.name) ?? arrival.host
            let context = try parts.gatehouse.contexts.context(for: host)
            converse(over: .https, serverName: serverName, through: NIOSSLServerHandler(context: context))
        } catch {
            reject(.malformed("no certificate could be made for \(arrival.host): \(error)"))
        }
    }

    /// An HTTP conversation, in the clear or behind a TLS handler.
    func converse(over scheme: Scheme, serverName: DNSName?, through tls: NIOSSLServerHandler? = nil) {
        decided = true
        let connection = HTTPConnection(
            origin: .captured(arrival.host, serverName: serverName),
            scheme: scheme,
            port: arrival.port,
            lineage: parts.resident.lineage
        )
        hand(over: { context in
            let pipeline = context.pipeline.syncOperations
            if let tls {
                try pipeline.addHandler(tls)
                // TLS has its own end of stream; half-closing TCP under it would hide a truncation.
                try context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
                return try pipeline.addHandler(Negotiation(connection, self.parts))
            }
            try pipeline.addHTTP(HTTPConversation(connection, self.parts))
        })
    }

    /// A conversation with a database, behind TLS where the client began with that; also when it will be refused.
    func enterPostgres(isEncrypted: Bool = false) {
        decided = true
        var denial: Denial?
        if !schemes.contains(.postgres) {
            let refusal = Denial.noDatabase(arrival.host, arrival.port)
            parts.authoriser.refused(nil, refusal)
            denial = refusal
        }
        let door = PostgresDoor(arrival, parts, refusing: denial, isEncrypted: isEncrypted)
        hand(over: { context in
            let pipeline = context.pipeline.syncOperations
            if isEncrypted {
                let contexts = self.parts.gatehouse.contexts
                let tls = NIOSSLServerHandler(
                    context: try contexts.context(for: self.arrival.host, speaking: .postgres)
                )
                try pipeline.addHandler(tls)
                // TLS has its own end of stream; half-closing TCP under it would hide a truncation.
                try context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            }
            try pipeline.addHandler(door)
        })
    }

    /// Adds what comes next, hands on the bytes seen so far, and leaves.
    func hand(over add: (ChannelHandlerContext) throws -> Void) {
        guard let context else { return }
        do {
            try add(context)
            let reading = waitingToRead
            if bytes.readableBytes > 0 {
                context.fireChannelRead(wrapInboundOut(bytes))
                context.fireChannelReadComplete()
            }
            if inputEnded { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
            let channel = context.channel
            context.pipeline.syncOperations.removeHandler(self).assumeIsolated().whenComplete { _ in
                if reading { channel.read() }
            }
        } catch {
            reset()
        }
    }

    /// Decides the connection as a whole and forwards its bytes as they are.
    func forward(_ scheme: Scheme) {
        decided = true
        let request = Request(endpoint: arrival.endpoint(scheme), action: .connect)
        parts.authoriser.authorise(request, holding: .connection) { outcome in
            switch consume outcome {
            case .denied: self.reset()
            case .unread: self.reset()
            case .allowed(let authorised): self.connect(authorised, request)
            }
        }
    }

    private func connect(_ authorised: consuming Authorised, _ request: Request) {
        guard context != nil else { return }
        let (client, upstream) = TunnelEnd.pair(idle: .milliseconds(parts.gatehouse.limits.idle))
        let far = NIOLoopBound(upstream, eventLoop: parts.loop)
        let (exchange, isApproved) = (authorised.exchange, authorised.isApproved)
        let dialled = parts.gatehouse.outward.dial(
            authorised.intoPermit(),
            for: parts.resident,
            on: parts.loop
        ) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                try channel.pipeline.syncOperations.addHandler(far.value)
            }
        }
        dialled.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel):
                guard let near = self.context?.channel,
                    self.parts.resident.holds(request, on: near, isApproved: isApproved)
                else {
                    channel.close(promise: nil)
                    return self.reset()
                }
                self.hand(over: { try $0.pipeline.syncOperations.addHandler(client) })
            case .failure(let error):
                let denial = (error as? DialFailure)?.denial ?? .upstreamFailed(request.endpoint, "\(error)")
                self.parts.authoriser.refused(request, after: exchange, denial)
                self.reset()
            }
        }
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Decoder, encoder and the conversation, at the inner end of the pipeline.
    func addHTTP(_ conversation: HTTPConversation) throws {
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: .engine)
        try addHandler(ByteToMessageHandler(decoder))
        var encoding = HTTPResponseEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false
        try addHandler(HTTPResponseEncoder(configuration: encoding))
        try addHandler(conversation)
    }
}
