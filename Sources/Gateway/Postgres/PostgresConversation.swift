internal import Model
internal import NIOCore
internal import Policy
internal import PostgresProtocol
internal import Statements
internal import Wire

/// Drives the PostgreSQL engine for one client's session: opens it, decodes into it, does what it says, and nothing else.
///
/// ```
///   the session is decided ──► server dialled, logged in to ──► greeting ──► statements, each decided
/// ```
///
/// Nothing is read from the client before its session is there, while the engine holds messages, or while the server
/// cannot be written to.
final class PostgresConversation: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The session's own request.
    let opening: Request
    let startup: PostgresStartup
    let parts: ConnectionParts
    /// What came behind the first packet.
    private var rest: ByteBuffer
    var engine: PostgresSession<StatementTexts>?
    var ledger = Ledger()
    var server: PostgresServer?
    var context: ChannelHandlerContext?
    private var key: BackendKey?
    /// Which ones rules for the database may mask.
    private var columns: Set<ColumnPattern> = []
    /// What goes on record of statements under way.
    var statements: [RulingID: Reply] = [:]
    /// Of the session as a whole.
    var reply: Reply?
    /// Reads a long text, which holds its loop up for long.
    private var apart: (@Sendable (LongText) -> Result<ReadStatements, Denial>)?
    private let place = BlockingWork.Place()
    var waitingToRead = false
    var isUnflushed = false
    var isOver = false
    var lastActivity = NIODeadline.now()
    var timer: Scheduled<Void>?

    init(_ endpoint: Endpoint, _ startup: PostgresStartup, _ rest: ByteBuffer, _ parts: ConnectionParts) {
        self.startup = startup
        self.rest = rest
        self.parts = parts
        let session = SQLRequest(database: ByteText(startup.database), deeds: [])
        opening = Request(endpoint: endpoint, action: .sql(session))
    }

    var authoriser: Authoriser { parts.authoriser }
    var gatehouse: Gatehouse { parts.gatehouse }

    /// Whether more of a result can be taken.
    var clientIsWritable: Bool { context?.channel.isWritable ?? false }

    /// Decides the session, and connects to its server.
    func open() {
        authoriser.authorise(opening) { outcome in
            switch consume outcome {
            case .denied(let denial): self.refuse(PostgresError(denial, severity: "FATAL", code: "28000"))
            case .unread: self.breakOff()
            case .allowed(let authorised): self.connect(authorised)
            }
        }
    }

    private func connect(_ authorised: consuming Authorised) {
        let reply = Reply(to: opening, authorised.exchange)
        guard context != nil, !isOver else { return authoriser.replied(reply.ended(Self.gone)) }
        self.reply = reply
        let session = authorised.session
        let injection = authorised.material?.injection
        let login = { (security: PostgresSecurity) in
            PostgresLoginSettings(self.startup, injection, session, security)
        }
        columns = parts.resident.policy.maskedColumns(of: opening)
        let server = PostgresServer(
            PostgresServer.Way(opening.endpoint, session.sslMode, gatehouse),
            for: .session(login, columns: Set(columns.map { ColumnMask($0) })),
            on: parts.loop
        )
        self.server = server
        server.dial(authorised, for: parts.resident).whenComplete { result in
            switch result {
            case .success(let session?): self.begin(session)
            case .success(nil): self.breakOff()
            case .failure(let error): self.failed(error)
            }
        }
    }

    private func failed(_ error: any Error) {
        guard !isOver else { return }
        let denial = UpstreamFault.denial(error, opening.endpoint)
        authoriser.refused(opening, denial)
        conclude(because: denial.message)
        let code = (error as? PostgresFault)?.code ?? "08006"
        refuse(PostgresError(denial, severity: "FATAL", code: code))
    }

    private func begin(_ session: PostgresServer.Session) {
        guard let server, let context, !isOver, parts.resident.holds(opening, on: context.channel) else {
            return breakOff()
        }
        let key = session.greeting.key.map { key in
            gatehouse.keys.issue(
                for: parts.resident.id,
                PostgresCancellation(request: opening, key: key, security: server.security)
            )
        }
        self.key = key
        let reader = StatementTexts(database: ByteText(startup.database), known: known(session))
        apart = reader.apart
        var engine = PostgresSession(opening, reading: reader, longText: StatementCache.maximumText)
        engine.loggedIn(session.greeting)
        engine.catalog = session.columns
        let actions = engine.begin()
        self.engine = consume engine
        if let negotiation = startup.negotiation { writeClient(negotiation) }
        writeClient(session.greeting.greeting(key: key))
        perform(actions)
        server.serve(self)
        if rest.readableBytes > 0 {
            let octets = rest
            rest = ByteBuffer()
            received(octets)
        }
        flush()
        resumeReading()
    }

    /// What was read before: of the loop, or, where columns are masked that only this session knows, of it alone.
    private func known(_ session: PostgresServer.Session) -> KnownStatements {
        guard columns.isEmpty else { return KnownStatements(KnownTables(session.columns, masks: columns)) }
        return gatehouse.texts[ObjectIdentifier(parts.loop)]?.value ?? KnownStatements()
    }

    /// Does what the engine says, in order.
    func perform(_ actions: [EngineAction<ByteBuffer>]) {
        for action in actions {
            guard !isOver else { return }
            do throws(LedgerViolation) { try ledger.admit(action) } catch { return breakOff() }
            switch action {
            case .ask(let id, let request): ask(id, request)
            case .forward(let octets, .upstream, let id): forwardUpstream(octets, under: id)
            case .forward(let octets, .client, _):
                // Results of several statements come together.
                reply?.received += UInt64(octets.readableBytes)
                writeClient(octets)
            case .reply(let octets): writeClient(octets)
            case .masked(let id, let note): masked(id, note)
            case .finished(let id): finished(id)
            case .refused(let id, let request, let denial): refused(id, request, denial)
            case .close: close()
            case .handOver: breakOff()
            }
        }
        readApart()
    }

    /// Has a long text read on a thread for such, in its agent's turn: nobody else on this loop waits for it.
    private func readApart() {
        guard !isOver, let apart, let text = engine?.takeLongText() else { return }
        let reading = gatehouse.work.run(for: parts.resident, on: parts.loop, place) { apart(text) }
        reading.assumeIsolated().whenComplete { result in
            guard !self.isOver, self.context != nil else { return }
            self.lastActivity = .now()
            let read: Result<ReadStatements, Denial>
            switch result {
            case .success(let done): read = done
            case .failure(let error): read = .failure(.unreadStatement(because: error))
            }
            self.perform(self.engine?.read(read) ?? [])
            self.flush()
            self.resumeReading()
        }
    }

    private func ask(_ id: RulingID, _ request: Request) {
        // It is decided already, and its connection made; where the policy has changed since, it is cut.
        guard request != opening else { return rule(id, .allowed(injection: nil)) }
        authoriser.authorise(request) { outcome in
            switch consume outcome {
            case .denied(let denial): self.rule(id, .denied(denial))
            case .unread: self.breakOff()
            case .allowed(let authorised):
                let reply = Reply(to: request, authorised.exchange)
                guard !self.isOver else { return self.authoriser.replied(reply.ended(Self.gone)) }
                self.statements[id] = reply
                let ruling = Ruling.allowed(injection: nil, masks: authorised.masks)
                self.rule(id, ruling, columns: authorised.columns)
            }
        }
    }

    private func rule(_ id: RulingID, _ ruling: Ruling, columns: Set<ColumnPattern> = []) {
        guard context != nil, !isOver, engine != nil else { return }
        lastActivity = .now()
        do throws(LedgerViolation) { try ledger.ruled(id, ruling) } catch { return breakOff() }
        perform(engine?.ruled(id, ruling, columns: Set(columns.map { ColumnMask($0) })) ?? [])
        flush()
        resumeReading()
    }

    private func forwardUpstream(_ octets: ByteBuffer, under id: RulingID) {
        guard let server, ledger.allowedRequest(id)?.endpoint == opening.endpoint else { return breakOff() }
        statements[id]?.sent += UInt64(octets.readableBytes)
        server.write(octets)
    }

    private func masked(_ id: RulingID, _ note: MaskNote) {
        guard let request = ledger.allowedRequest(id), let reply = statements[id] else { return }
        authoriser.masked(request, reply.exchange, nil, note)
    }

    private func finished(_ id: RulingID) {
        guard let reply = statements.removeValue(forKey: id) else { return }
        authoriser.replied(reply.with(engine?.outcome(of: id)))
    }

    private func refused(_ id: RulingID, _ request: Request?, _ denial: Denial) {
        authoriser.refused(request, denial)
        guard let reply = statements.removeValue(forKey: id) else { return }
        authoriser.replied(reply.ended(denial.message))
    }

    func writeClient(_ octets: ByteBuffer) {
        isUnflushed = true
        context?.write(wrapOutboundOut(octets), promise: nil)
    }

    static let gone = "the agent's connection ended"

    /// The session is over: what is under way goes on record as it is.
    func conclude(because cause: String) {
        if let key { gatehouse.keys.withdraw(key, of: parts.resident.id) }
        key = nil
        for (_, reply) in statements.sorted(by: { $0.key.number < $1.key.number }) {
            authoriser.replied(reply.ended(cause))
        }
        statements = [:]
        if let reply { authoriser.replied(reply.ended(cause)) }
        reply = nil
        place.giveUp()
        server?.close()
        server = nil
    }
}
