internal import HTTPProtocol
internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import Policy
internal import PostgresProtocol
internal import Reflection
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
    /// What the client cancels by.
    var key: BackendKey?
    /// That of this session, where one is made.
    var role: SessionRoleLease?
    /// Which ones rules for the database may mask.
    var columns: Set<ColumnPattern> = []
    /// What goes on record of statements under way.
    var statements: [RulingID: StatementUnderWay] = [:]
    /// Octets of results that are not recorded yet.
    var unrecorded = 0
    /// Of the session as a whole.
    var reply: Reply?
    /// The number of its request.
    var session: UInt64 = 0
    /// Whether results are recorded: what profiles say of all that their agents do.
    var isRecorded = false
    private var recordingMasks: MaskKinds = []
    /// Reads a long text, which holds its loop up for long.
    private var apart: (@Sendable (LongText) -> Result<ReadStatements, UnreadStatement>)?
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
        let session = SQLRequest(
            database: ByteText(startup.database),
            deeds: startup.replication == nil ? [] : [SQLDeed(.replication)],
            opensReplication: startup.replication != nil
        )
        opening = Request(endpoint: endpoint, action: .sql(session))
    }

    var authoriser: Authoriser { parts.authoriser }
    var gatehouse: Gatehouse { parts.gatehouse }

    /// Whether more of a result can be taken.
    var takesResults: Bool {
        (context?.channel.isWritable ?? false) && unrecorded < GatewayLimits.recordedAhead
    }

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

    func failed(_ error: any Error) {
        guard !isOver else { return }
        let denial = UpstreamFault.denial(error, opening.endpoint)
        authoriser.refused(opening, denial)
        conclude(because: denial.message)
        let code = (error as? PostgresFault)?.code ?? "08006"
        refuse(PostgresError(denial, severity: "FATAL", code: code))
    }

    func begin(_ session: PostgresServer.Session) {
        guard let server, let context, !isOver, parts.resident.holds(opening, on: context.channel) else {
            return breakOff()
        }
        let (me, loop) = (NIOLoopBound(self, eventLoop: parts.loop), parts.loop)
        let key = session.greeting.key.map { key in
            gatehouse.keys.issue(
                for: parts.resident.id,
                PostgresCancellation(request: opening, key: key, security: server.security) {
                    loop.execute { me.value.authoriser.letGo(.cancelled) }
                }
            )
        }
        self.key = key
        let recording = StatementRecording(
            kinds: parts.resident.policy.maskedKinds(of: opening),
            hidesValues: !columns.isEmpty
        )
        let reader = StatementTexts(
            database: ByteText(startup.database),
            known: known(session),
            recording: recording,
            replication: startup.replication
        )
        apart = reader.apart
        var engine = PostgresSession(opening, reading: reader, longText: StatementCache.maximumText)
        engine.loggedIn(session.greeting)
        engine.catalog = session.columns
        engine.recording = recording
        engine.recordsResults = isRecorded
        recordingMasks = recording.kinds
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
        if isRecorded { recordResults() }
        for action in actions {
            guard !isOver else { return }
            do throws(LedgerViolation) { try ledger.admit(action) } catch { return breakOff() }
            switch action {
            case .ask(let id, let request): ask(id, request)
            case .forward(let octets, .upstream, let id): forwardUpstream(octets, under: id)
            case .forward(let octets, .client, let id):
                // Results of several statements come together; a stream by itself.
                reply?.received += UInt64(octets.readableBytes)
                statements[id]?.reply.received += UInt64(octets.readableBytes)
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
            self.dropLapsed()
            let read: Result<ReadStatements, UnreadStatement>
            switch result {
            case .success(let done): read = done
            case .failure(let error): read = .failure(UnreadStatement(.unreadStatement(because: error)))
            }
            self.perform(self.engine?.read(read) ?? [])
            self.flush()
            self.resumeReading()
        }
    }

    private func ask(_ id: RulingID, _ request: Request) {
        // It is decided already, and its connection made; where the policy has changed since, it is cut.
        guard request != opening, !request.doesNothing else { return rule(id, .allowed(injection: nil)) }
        let content: () -> RequestContent? = { self.engine?.askedContent(of: id, as: self.startup.user) }
        let isPreparing = engine?.isPreparing(id) ?? false
        authoriser.authorise(
            request,
            nil,
            recorded(id),
            holding: isPreparing ? .preparation : .statement(content)
        ) { outcome in
            switch consume outcome {
            case .denied(let denial): self.rule(id, .denied(denial))
            case .unread(let interest): self.rule(id, .read(interest))
            case .allowed(let authorised):
                let reply = Reply(to: request, authorised.exchange)
                guard !self.isOver else { return self.authoriser.replied(reply.ended(Self.gone)) }
                self.statements[id] = StatementUnderWay(
                    reply: reply,
                    recording: self.recording(reply),
                    approval: authorised.approval,
                    isStream: request.isStream
                )
                guard self.rests(on: request, isApproved: authorised.approval != nil) else {
                    return self.breakOff()
                }
                let ruling = Ruling.allowed(injection: nil, masks: authorised.masks)
                self.rule(id, ruling, columns: authorised.columns)
            }
        }
    }

    /// A stream goes on by itself: its session rests on what allowed both from now on, and another policy that does not cuts it;
    /// false where there is one already.
    private func rests(on request: Request, isApproved: Bool) -> Bool {
        guard let context else { return false }
        guard request.isStream, case .sql(let sql) = request.action else { return true }
        let both = SQLRequest(database: sql.database, deeds: [SQLDeed(.replication)] + sql.deeds)
        let resting = Request(endpoint: request.endpoint, action: .sql(both))
        return parts.resident.holds(resting, on: context.channel, isApproved: isApproved)
    }

    /// Before the engine hears of anything: an Execute may come long behind the Bind that was approved, and is asked about anew
    /// where that approval is not good any more.
    func dropLapsed() {
        for id in engine?.approvedPortals ?? [] {
            guard let spent = statements[id]?.approval, !authoriser.stands(spent) else { continue }
            perform(engine?.lapse(id) ?? [])
        }
    }

    /// What goes on record of the text under an id.
    private func recorded(_ id: RulingID) -> RecordedStatement? {
        engine?.recordedText(of: id).map { RecordedStatement(session: session, text: $0) }
    }

    private func rule(_ id: RulingID, _ ruling: Ruling, columns: Set<ColumnPattern> = []) {
        guard context != nil, !isOver, engine != nil else { return }
        lastActivity = .now()
        do throws(LedgerViolation) { try ledger.ruled(id, ruling) } catch { return breakOff() }
        dropLapsed()
        perform(engine?.ruled(id, ruling, columns: Set(columns.map { ColumnMask($0) })) ?? [])
        flush()
        resumeReading()
    }

    private func forwardUpstream(_ octets: ByteBuffer, under id: RulingID) {
        guard let server, ledger.allowedRequest(id)?.endpoint == opening.endpoint else { return breakOff() }
        statements[id]?.reply.sent += UInt64(octets.readableBytes)
        server.write(octets)
    }

    private func masked(_ id: RulingID, _ note: MaskNote) {
        guard let request = ledger.allowedRequest(id), let statement = statements[id] else { return }
        authoriser.masked(request, statement.reply.exchange, nil, note)
    }

    private func finished(_ id: RulingID) {
        guard let statement = statements.removeValue(forKey: id) else { return }
        let outcome = engine?.outcome(of: id)
        let reply = statement.ended(outcome, at: lastActivity)
        tell(outcome?.isCutStream ?? false ? reply.ended(Self.over) : reply, of: statement)
        guard statement.isStream, let context else { return }
        // It rests on what opened it again; where that is not allowed any more, it is being cut.
        _ = parts.resident.holds(opening, on: context.channel)
    }

    private func refused(_ id: RulingID, _ request: Request?, _ denial: Denial) {
        authoriser.refused(request, denial, recorded(id))
        guard let statement = statements.removeValue(forKey: id) else { return }
        tell(statement.reply.ended(denial.message), of: statement)
    }

    /// A statement is over: its reply goes on record, behind its results where those do.
    private func tell(_ reply: Reply, of statement: StatementUnderWay) {
        guard let recording = statement.recording else { return authoriser.replied(reply) }
        recording.finish(reply)
    }

    /// What records the results of a statement; nil where nobody demands it.
    private func recording(_ reply: Reply) -> RowRecording? {
        guard isRecorded else { return nil }
        let work = BodyWork(reply.exchange, of: parts.resident, gatehouse.bodies)
        let source = BodyWork.Source(
            form: .document(HTTPHeaders()),
            secrets: gatehouse.spellings.outward,
            kinds: recordingMasks
        )
        return RowRecording(work, source, of: self, on: parts.loop)
    }

    private func recordResults() {
        var taken: [RulingID] = []
        for (id, piece) in engine?.takeResults() ?? [] {
            statements[id]?.recording?.take(piece)
            if taken.last != id { taken.append(id) }
        }
        for id in taken { statements[id]?.recording?.submit() }
    }

    func writeClient(_ octets: ByteBuffer) {
        isUnflushed = true
        context?.write(wrapOutboundOut(octets), promise: nil)
    }

    static let gone = "the agent's connection ended"
    static let over = "the session ended"

    /// The session is over: what is under way goes on record as it is.
    func conclude(because cause: String) {
        if let key { gatehouse.keys.withdraw(key, of: parts.resident.id) }
        key = nil
        for case .masked(let id, let note) in engine?.abandoned() ?? [] { masked(id, note) }
        let stream = engine?.stream
        for (id, statement) in statements.sorted(by: { $0.key.number < $1.key.number }) {
            let messages = id == stream?.id ? stream?.messages : nil
            tell(statement.cut(because: cause, messages), of: statement)
        }
        statements = [:]
        if let reply { authoriser.replied(reply.ended(cause)) }
        reply = nil
        place.giveUp()
        server?.close()
        server = nil
        if let role { drop(role) }
        role = nil
    }
}
