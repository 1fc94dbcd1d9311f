package import Model
package import NIOCore
package import Wire

/// One session of PostgreSQL behind its login: what its client sends is read, decided and passed on, and what its server
/// answers is followed, masked and passed back.
///
/// ```
///   opening ── ruled: allowed ──► open ── Terminate, an end, a fault ──► over
///      └────── ruled: denied ──────────────────────────────────────────► over
///
///   of the client's messages, while it is open:
///     taking ── a statement ──► asking ── ruled ──► taking
///       │ ▲
///       │ └── the server has answered so much that it is settled, or there is room
///       └── a statement that another under way may make another, or too many under way ──► waiting
/// ```
///
/// What is denied never goes to the server. In its place goes what the server must fail (`Outgoing.failingQuery`), so that
/// it does itself what it does after an error: fail the transaction, skip until Sync, say ReadyForQuery. Its error is
/// replaced by ours. So the order of answers in a pipeline, and where a transaction stands, are always the server's own.
package struct PostgresSession<Reader: StatementReading>: ~Copyable, ProtocolEngine {
    package typealias Message = ByteBuffer

    /// What the next message of the client's waits for.
    enum Wait {
        case nothing
        /// That the session is ruled on.
        case opening
        case ruling(RulingID, Asked)
        /// That no more answers than this are owed.
        case answers(Int, FramePiece)
        /// That a long text is read, which the driver has taken or not yet.
        case reading(LongText, FramePiece, isTaken: Bool)
        case over
    }

    /// What was asked, to be done once it is ruled.
    enum Asked {
        case query(ByteBuffer, ReadStatements)
        case parse(ByteBuffer, name: [UInt8], ReadStatements, size: Int, types: [UInt32])
        case bind(ByteBuffer, Portal, to: [UInt8])
        case execute(ByteBuffer, Portal, name: ByteBuffer)
        case functionCall(ByteBuffer)

        var isQuery: Bool {
            switch self {
            case .query, .functionCall: true
            case .parse, .bind, .execute: false
            }
        }

        /// What its statements were read to do.
        var read: ReadStatements? {
            switch self {
            case .query(_, let read), .parse(_, _, let read, _, _): read
            case .bind(_, let portal, _), .execute(_, let portal, _): portal.statement.read
            case .functionCall: nil
            }
        }
    }

    /// Who may send data of a COPY.
    enum Copy {
        case none
        case fromClient
        case toClient
        /// Both do, of a stream of replication, until each says that its data are over; PostgreSQL may keep it alive once more
        /// behind that, which libpq passes over.
        case both(client: Bool, server: Bool)
        /// The data are over, the answer is not.
        case ending
    }

    /// The rows of the result under way.
    enum Rows {
        /// It has not been described.
        case unknown
        case pass
        case masked(RowPlan)
    }

    /// A result that cannot be masked.
    enum Withholding {
        case nothing
        /// It is read to its end, and then this is said.
        case result(PostgresError)
        /// The rest of the statements of its message is not shown either.
        case rest
    }

    /// What comes from where, resolved by the driver; columns that are not in it are masked where any source is.
    package var catalog: [ColumnPlace: SourceColumn] = [:]
    /// How parameters go on record.
    package var recording = StatementRecording()
    /// Whether results are recorded, as the client receives them.
    package var recordsResults = false
    var results: [(id: RulingID, piece: ResultPiece)] = []

    let opening: Request
    var reader: Reader
    /// Octets of the longest text that is read at once; longer ones the driver reads elsewhere.
    let longText: Int
    /// What was read so, until it is used.
    var ahead: (syntax: StatementSyntax, result: Result<ReadStatements, UnreadStatement>)?
    let id = RulingID(0)
    var lastID: UInt64 = 0
    /// Of the last statement, portal or description; what is sent later has the greater one.
    var serial: UInt64 = 0
    /// Of the last Parse or Bind that the server has carried out.
    var answered: UInt64 = 0
    /// The last one before the Sync that was sent last.
    var segment: UInt64 = 0

    var client = FrameReader(from: .client)
    var upstream = FrameReader(from: .upstream)
    var outbox = Outbox()
    var wait = Wait.opening

    var syntax = StatementSyntax()
    package internal(set) var status = TransactionStatus.idle
    var expected = CircularBuffer<Expected>()
    /// Of Parse, until an Execute takes it over or the server has answered: decided on once.
    var fresh: [UInt64: (id: RulingID, masks: Masks)] = [:]
    /// Of Bind, by portal, until an Execute takes it over or its segment ends: approved once.
    var bound: [UInt64: (id: RulingID, masks: Masks)] = [:]
    var statements: [[UInt8]: Prepared] = [:]
    var statementOctets = 0
    var portals: [[UInt8]: Portal] = [:]
    /// The client's messages are dropped until Sync, as the server drops them.
    var isSkipping = false
    /// Something under way may change how texts are read.
    var isUnsettled = false
    /// The open transaction may have changed it: an error undoes that at once.
    var mayRevert = false
    /// The portal that was described last, with no statement executed since.
    var lastDescribed: UInt64?
    /// Rulings that were allowed and are not finished, without the session's own.
    var openRulings = 0
    /// Masks of the statements of this transaction: a message at its end may speak of what they did.
    var transaction = Masks()
    /// Masks of what was left behind for later statements.
    var lasting = Masks()
    /// Masks of the statements and portals of the protocol's that have names: SQL's EXECUTE and FETCH use them as well.
    var named = Masks()

    var copy = Copy.none
    /// Of what comes from the server.
    var copyMask: CopyMask?
    var copyPending = false
    /// The server has the beginning of a message of data, and takes whatever comes next for its rest.
    var isAmidData = false
    var rows = Rows.unknown
    var described: (serial: UInt64, columns: [ResultColumn])?
    var withholding = Withholding.nothing
    /// What was masked in what was passed on of the statement under way: of each kind, and rows with each column that is
    /// masked whole.
    var found: [MaskKind: Int] = [:]
    var hidden: [String: UInt64] = [:]
    var outcome = StatementOutcome()
    /// Messages of the stream of replication under way; nil for none.
    var streamed: RecordedMessages?
    var outcomes: [RulingID: StatementOutcome] = [:]
    /// Texts of what was refused without a question.
    var unread: [RulingID: RecordedText] = [:]

    /// `opening` is the request of the session itself.
    package init(_ opening: Request, reading reader: Reader, longText: Int = .max) {
        self.opening = opening
        self.reader = reader
        self.longText = longText
    }

    /// Asks for the session itself; said once, before anything else.
    package mutating func begin() -> [EngineAction<ByteBuffer>] { [.ask(id, opening)] }

    /// What the server said at login, before the session's ruling is.
    package mutating func loggedIn(_ session: PostgresLoggedIn) {
        for parameter in session.parameters { note(parameter.name, parameter.value) }
    }

    package mutating func received(_ message: ByteBuffer, from side: Side) -> [EngineAction<ByteBuffer>] {
        if case .over = wait { return [] }
        switch side {
        case .client: client.append(message)
        case .upstream: upstream.append(message)
        }
        return go()
    }

    package mutating func ruled(_ id: RulingID, _ ruling: Ruling) -> [EngineAction<ByteBuffer>] {
        ruled(id, ruling, columns: [])
    }

    /// The same where the rules mask columns.
    package mutating func ruled(
        _ id: RulingID,
        _ ruling: Ruling,
        columns: Set<ColumnMask>
    ) -> [EngineAction<ByteBuffer>] {
        if case .over = wait { return [] }
        do throws(PostgresFault) {
            switch (ruling, wait) {
            case (.allowed(_, let kinds, _, _), .ruling(id, let asked)):
                wait = .nothing
                openRulings += 1
                var masks = Masks(kinds: kinds)
                masks.columns.formUnion(columns)
                try allowed(id, asked, masks)
            case (.denied(let denial), .ruling(id, let asked)):
                wait = .nothing
                refuse(asked, PostgresError(denial))
            case (.read(.content), .ruling(id, .parse(let bytes, let name, let read, let size, let types))):
                wait = .nothing
                guard !isSkipping else { break }
                let asked = AskedText(bytes)
                prepare(bytes, name, read, Masks(), size: size, types: types, asked: asked, under: nil)
            case (.allowed, .opening) where id == self.id: wait = .nothing
            case (.denied(let denial), .opening) where id == self.id:
                outbox.append(.reply(PostgresError(denial, severity: "FATAL", code: "28000").octets))
                close()
            case (.read, _), (.allowed, _), (.denied, _): close()
            }
        } catch {
            fail(error)
        }
        return go()
    }

    /// A text that is too long to be read between two messages, said once: `read` goes on when it is.
    package mutating func takeLongText() -> LongText? {
        guard case .reading(let text, let piece, isTaken: false) = wait else { return nil }
        wait = .reading(text, piece, isTaken: true)
        return text
    }

    /// What the text that was taken does.
    package mutating func read(
        _ result: Result<ReadStatements, UnreadStatement>
    ) -> [EngineAction<ByteBuffer>] {
        guard case .reading(let text, let piece, isTaken: true) = wait else { return [] }
        ahead = (text.syntax, result)
        wait = .nothing
        do throws(PostgresFault) { try take(piece) } catch { fail(error) }
        return go()
    }

    package mutating func ended(_ side: Side) -> [EngineAction<ByteBuffer>] {
        if case .over = wait { return [] }
        if side == .client, case .opening = wait {
        } else if side == .client {
            outbox.upstream(Outgoing.terminate, under: id, joining: true)
        }
        close()
        return drain()
    }

    package var wantsClientMessages: Bool {
        if case .nothing = wait { return !copyPending || isCopyingIn }
        return false
    }

    /// How the statement under an id ended; said once, when it is finished.
    package mutating func outcome(of id: RulingID) -> StatementOutcome? { outcomes.removeValue(forKey: id) }

    /// The text of what is asked, or was refused, under an id, as it goes on record.
    package mutating func recordedText(of id: RulingID) -> RecordedText? {
        if case .ruling(id, let asked) = wait { return asked.read?.recorded }
        return unread.removeValue(forKey: id)
    }

    /// What of results has been passed on, once; to be asked for behind every event where results are recorded.
    package mutating func takeResults() -> [(id: RulingID, piece: ResultPiece)] {
        defer { results = [] }
        return results
    }

    var isCopyingIn: Bool {
        switch copy {
        case .fromClient, .both(client: true, server: _): true
        case .none, .both, .toClient, .ending: false
        }
    }

    /// Both sides as far as they go: what one says may let the other go on.
    private mutating func go() -> [EngineAction<ByteBuffer>] {
        do throws(PostgresFault) {
            if case .over = wait { return drain() }
            if case .opening = wait { return drain() }
            try readUpstream()
            try readClient()
        } catch {
            fail(error)
        }
        return drain()
    }

    private mutating func drain() -> [EngineAction<ByteBuffer>] { outbox.drain() }

    private mutating func fail(_ fault: PostgresFault) {
        lastID += 1
        outbox.append(.refused(RulingID(lastID), opening, fault.denial))
        outbox.append(.reply(fault.answer))
        close()
    }

    /// Everything that is open ends with it.
    mutating func close() {
        wait = .over
        tellMasked()
        let stream = stream
        for entry in expected {
            guard let id = entry.id else { continue }
            let messages = id == stream?.id ? stream?.messages : nil
            finish(id, StatementOutcome(parameters: entry.parameters, messages: messages))
        }
        for entry in fresh.values { finish(entry.id, StatementOutcome()) }
        releaseAll()
        expected.removeAll()
        fresh = [:]
        outbox.append(.close)
    }

    mutating func finish(_ id: RulingID, _ outcome: StatementOutcome) {
        // Nobody asks for them.
        if outcomes.count > PostgresLimits.unanswered { outcomes = [:] }
        openRulings -= 1
        outcomes[id] = outcome
        outbox.append(.finished(id))
    }

    /// ParameterStatus.
    mutating func note(_ name: String, _ value: String) {
        switch name {
        case "client_encoding": syntax.encoding = value
        case "server_encoding": syntax.serverEncoding = value
        case "standard_conforming_strings": syntax.hasStandardStrings = value.isSame(as: "on")
        default: break
        }
    }
}
