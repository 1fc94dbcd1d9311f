internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Wire

/// Drives the HTTP engine for one client connection: decodes into it, does what it says, and nothing else.
///
/// Nothing is read from the client while the engine holds messages, or while the upstream cannot be written to. While
/// a decision or a dial is outstanding one read may come, and is held: to stop and start reading for each request costs
/// two system calls.
final class HTTPConversation: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// The request that is being relayed, and what is needed to send it once more.
    struct Exchange {
        let id: RulingID
        let request: Request
        /// For the record.
        let note: ExchangeNote
        /// Name of what was put in.
        var credential: String?
        /// What the connection was made under.
        var identity: ClientIdentity?
        /// Rules asked about it, and an approval was spent on it.
        var isApproved = false
        var head: HTTPRequestHead?
        var hasBody = false
        var requestEnded = false
        var retried = false
    }

    let authoriser: Authoriser
    let upstreams: Upstreams
    let gatehouse: Gatehouse
    /// The client's side is a stream of HTTP/2.
    let isStream: Bool
    var engine: HTTPEngine
    var ledger = Ledger()
    var context: ChannelHandlerContext?
    var link: (any Upstream)?
    var exchange: Exchange?
    var deciding = false
    /// Octets of the body that the engine holds until it is decided on.
    var held = 0
    var waitingToRead = false
    /// Which of its loop's bodies are looked through next, and whether it stands in that line.
    let turns: SearchTurns
    var waitsToSearch = false
    /// Of responses' bodies.
    private let unsent = UnsentPieces()
    /// Something was written to the client, and not flushed.
    var isUnflushed = false
    var ending = false
    var lastWrite: EventLoopFuture<Void>?
    /// A response has begun and is not complete.
    var answering = false
    /// Where a tunnel that has been granted leads, until it is handed over.
    var tunnel: (Host, UInt16)?
    var requests = 0
    var lastActivity = NIODeadline.now()
    var timer: Scheduled<Void>?

    init(_ connection: HTTPConnection, _ parts: ConnectionParts) {
        gatehouse = parts.gatehouse
        turns = parts.gatehouse.searches[ObjectIdentifier(parts.loop)]?.value ?? SearchTurns()
        isStream = connection.isStream
        authoriser = parts.authoriser
        upstreams = Upstreams(
            parts.resident,
            parts.gatehouse,
            loop: parts.loop,
            multiplexed: connection.isStream
        )
        engine = HTTPEngine(
            connection,
            watchingFor: parts.gatehouse.placeholders,
            masking: parts.gatehouse.spellings
        )
    }

    /// Whether the client's channel takes more of a response.
    var isClientWritable: Bool { (context?.channel.isWritable ?? false) && !unsent.isFull }

    /// Does what the engine says, in order.
    func perform(_ actions: [EngineAction<HTTPMessage>]) {
        for action in actions {
            do throws(LedgerViolation) { try ledger.admit(action) } catch { return breakOff() }
            switch action {
            case .ask(let id, let request): ask(id, request)
            case .forward(let message, .upstream, let id): forwardUpstream(message, under: id)
            case .forward(let message, .client, let id):
                note(message, under: id)
                writeClient(message)
            case .reply(let message): writeClient(message)
            case .masked(let id, let note): masked(id, note)
            case .finished(let id): finished(id)
            case .refused(let id, let request, let denial): refused(id, request, denial)
            case .close: close()
            case .handOver(let host, let port):
                // The decoder has still to say that the message is over; what it holds after that is the tunnel's.
                ending = true
                tunnel = (host, port)
            }
        }
    }

    private func ask(_ id: RulingID, _ request: Request) {
        requests += 1
        deciding = true
        authoriser.authorise(request, engine.askedFields, holding: .request) { outcome in
            switch consume outcome {
            case .denied(let denial): self.rule(id, .denied(denial))
            case .unread(let interest): self.rule(id, .read(interest))
            case .allowed(let authorised): self.lease(id, request, authorised, fresh: false)
            }
        }
    }

    private func lease(_ id: RulingID, _ request: Request, _ authorised: consuming Authorised, fresh: Bool) {
        guard context != nil, !ending else {
            return authoriser.replied(
                Reply(to: request, authorised.exchange).ended("the agent's connection ended")
            )
        }
        let (masks, sending) = (authorised.masks, authorised.sending)
        let material = authorised.material
        let most = authorised.maximumBody
        let credential = authorised.credential
        let reply = Reply(to: request, authorised.exchange)
        let isRecorded = authorised.isRecorded
        let isApproved = authorised.isApproved
        let isFresh = fresh || isApproved
        upstreams.lease(authorised, fresh: isFresh) { result in
            switch result {
            case .success(let link):
                guard self.context != nil, !self.ending else {
                    self.authoriser.replied(reply.ended("the agent's connection ended"))
                    return link.close()
                }
                self.link = link
                self.exchange = Exchange(
                    id: id,
                    request: request,
                    note: ExchangeNote(reply),
                    credential: credential,
                    identity: material?.identity,
                    isApproved: isApproved
                )
                if isRecorded { self.record(masks) }
                link.attach(self)
                self.rule(
                    id,
                    .allowed(
                        injection: material?.injection,
                        masks: masks,
                        sending: sending,
                        maximumBody: most
                    )
                )
            case .failure(let failure):
                self.authoriser.refused(request, after: reply.exchange, failure.denial)
                self.authoriser.replied(reply.ended(failure.denial.message))
                self.rule(id, .denied(failure.denial))
            }
        }
    }

    private func rule(_ id: RulingID, _ ruling: Ruling) {
        guard context != nil, !ending else { return }
        deciding = false
        lastActivity = .now()
        do throws(LedgerViolation) { try ledger.ruled(id, ruling) } catch { return breakOff() }
        advance { $0.ruled(id, ruling) }
        account()
        flush()
        resumeReading()
    }

    private func forwardUpstream(_ message: HTTPMessage, under id: RulingID) {
        guard let link, let exchange, exchange.id == id, ledger.allowedRequest(id) == exchange.request else {
            return breakOff()
        }
        switch message {
        case .requestHead(let head): self.exchange?.head = head
        case .body: self.exchange?.hasBody = true
        case .end: self.exchange?.requestEnded = true
        case .responseHead, .unreadable: return breakOff()
        }
        if let recording = exchange.note.recording, recordOut(message, recording) { return }
        link.write(message)
    }

    private func masked(_ id: RulingID, _ note: MaskNote) {
        guard let exchange, exchange.id == id else { return }
        authoriser.masked(exchange.request, exchange.note.reply.exchange, exchange.credential, note)
    }

    /// The exchange under way ends without the engine's doing: what it has still to say goes on record.
    func sayWhatWasMasked() {
        for case .masked(let id, let note) in engine.abandoned() { masked(id, note) }
    }

    private func finished(_ id: RulingID) {
        guard let link, let exchange, exchange.id == id else { return }
        self.link = nil
        // The end of the request may have been looked through in the same turn as that of its reply.
        link.flush()
        let isSent = exchange.note.recording?.isDrained ?? true
        // Last frames of a WebSocket go out once they are recorded, and then the connection is closed.
        guard isSent || exchange.note.reply.status != 101 else { return conclude(closing: link) }
        conclude()
        upstreams.release(link, of: exchange, complete: exchange.requestEnded && isSent)
    }

    private func refused(_ id: RulingID, _ request: Request?, _ denial: Denial) {
        let isUnderWay = exchange?.id == id
        authoriser.refused(request, after: isUnderWay ? exchange?.note.reply.exchange : nil, denial)
        guard let link, let exchange, isUnderWay else { return }
        self.link = nil
        conclude(because: denial.message)
        upstreams.release(link, of: exchange, complete: false)
    }

    private func writeClient(_ message: HTTPMessage) {
        guard let context else { return }
        isUnflushed = true
        switch message {
        case .responseHead(let head):
            answering = head.status.code >= 200
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if head.status == .switchingProtocols { turn(context) }
        case .body(let bytes):
            let sent = unsent.give(context.eventLoop)
            sent?.futureResult.assumeIsolated().whenComplete { _ in self.resumeReply() }
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: sent)
        case .end(let trailers):
            let promise = context.eventLoop.makePromise(of: Void.self)
            lastWrite = promise.futureResult
            answering = false
            context.write(wrapOutboundOut(.end(trailers)), promise: promise)
        case .requestHead, .unreadable: breakOff()
        }
    }
}
