internal import Model
internal import NIOCore
internal import Wire

extension PostgresSession {
    /// The client's messages, as long as none waits.
    mutating func readClient() throws(PostgresFault) {
        try resume()
        while case .nothing = wait, let tag = client.nextTag {
            if copyPending {
                guard isCopyingIn else { return }
                // What was begun when nobody read it, the server has no beginning of.
                if tag == Tag.copyData, client.isBetween || isAmidData {
                    guard let data = try passFromClient() else { return }
                    sendUnderStatement(data)
                    continue
                }
            }
            guard let piece = try client.next(whole: tag != Tag.copyData) else { return }
            try take(piece)
        }
    }

    /// Goes on with what waited for answers.
    private mutating func resume() throws(PostgresFault) {
        guard case .answers(let most, let piece) = wait, expected.count <= most, !copyPending else { return }
        wait = .nothing
        try take(piece)
    }

    mutating func take(_ piece: FramePiece) throws(PostgresFault) {
        try Self.checkEmpty(piece)
        switch piece.tag {
        case Tag.terminate where isStreaming:
            // The end of a stream as well.
            outbox.upstream(piece.bytes, under: id, joining: true)
            return close()
        case Tag.terminate:
            // What was sent before it is answered first.
            guard expected.isEmpty else { return waitForAnswers(0, piece) }
            outbox.upstream(piece.bytes, under: id, joining: true)
            return close()
        case Tag.copyData, Tag.copyDone, Tag.copyFail: return takeCopy(piece)
        case _ where isCopyingIn:
            // The server takes no heed of Sync and Flush while it reads data, and breaks off at anything else.
            guard !isStreaming, piece.tag == Tag.sync || piece.tag == Tag.flush else {
                throw .violation("the client sent a message of type \(piece.tag) amid the data of a COPY")
            }
            return
        case Tag.sync: return sync(piece.bytes)
        case _ where isSkipping:
            ahead = nil
            return
        default: break
        }
        guard expected.count < PostgresLimits.unanswered, openRulings < PostgresLimits.openRulings else {
            return waitForAnswers(PostgresLimits.openRulings / 2, piece)
        }
        if let octets = piece.dropped {
            let isQuery = piece.tag == Tag.query || piece.tag == Tag.functionCall
            return refuse(Self.tooLong(octets), isQuery: isQuery)
        }
        var body = piece.body
        switch piece.tag {
        case Tag.query: try query(piece, &body)
        case Tag.parse: try parse(piece, &body)
        case Tag.bind: try bind(piece, &body)
        case Tag.describe: try describe(piece, &body)
        case Tag.execute: try execute(piece, &body)
        case Tag.close: try closeNamed(piece.bytes, &body)
        case Tag.flush: outbox.upstream(piece.bytes, under: id, joining: true)
        case Tag.functionCall: ask(.functionCall(piece.bytes), reader.functionCall)
        default: throw .violation("the client sent a message of type \(piece.tag)")
        }
    }

    private static func checkEmpty(_ piece: FramePiece) throws(PostgresFault) {
        switch piece.tag {
        case Tag.sync, Tag.flush, Tag.terminate, Tag.copyDone:
            guard piece.bytes.readableBytes == FrameReader.header else {
                throw .violation("the client sent a message of type \(piece.tag) with something in it")
            }
        default: break
        }
    }

    /// The server need not answer before it is told to.
    mutating func waitForAnswers(_ most: Int, _ piece: FramePiece) {
        outbox.upstream(Outgoing.flush, under: id, joining: true)
        wait = .answers(most, piece)
    }

    /// Data behind a COPY that failed the server drops, and is spared; of what it has begun to read it gets the rest.
    private mutating func takeCopy(_ piece: FramePiece) {
        guard piece.begins ? isCopyingIn : isAmidData else { return }
        isAmidData = !piece.ends
        guard isCopyingIn, piece.tag != Tag.copyData else {
            return outbox.upstream(piece.bytes, under: id, joining: true)
        }
        sendUnderStatement(piece.bytes)
        if case .both(client: _, server: let server) = copy {
            copy = .both(client: false, server: server)
            return
        }
        if case .execute = expected.first?.kind { outbox.upstream(Outgoing.flush, under: id, joining: true) }
        copy = .ending
    }

    mutating func sendUnderStatement(_ bytes: ByteBuffer) {
        outbox.upstream(bytes, under: expected.first?.id ?? id, joining: false)
    }

    private mutating func sync(_ bytes: ByteBuffer) {
        isSkipping = false
        lastDescribed = nil
        releaseAll()
        segment = serial
        send(bytes, Expected(.sync))
    }

    mutating func send(_ bytes: ByteBuffer, _ entry: Expected) {
        var entry = entry
        entry.isUnsettled = entry.isUnsettled || isUnsettled
        outbox.upstream(bytes, under: entry.id ?? id, joining: entry.id == nil)
        expected.append(entry)
    }

    // MARK: Statements

    private mutating func query(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let text = body.readTerminated(), body.readableBytes == 0 else { throw Self.unread("Query") }
        guard let read = try read(text, piece) else { return }
        if read.executes, isBehindSync { return waitForAnswers(0, piece) }
        // It is masked as the encoding of its data wants it.
        if read.layout != nil, isUnsettled, !expected.isEmpty { return waitForAnswers(0, piece) }
        ask(.query(piece.bytes, read), read.action)
    }

    private mutating func parse(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let name = body.readTerminated(), let text = body.readTerminated(),
            let count = body.readInteger(as: Int16.self), count >= 0, body.readableBytes == 4 * Int(count)
        else { throw Self.unread("Parse") }
        let types = body.readTypes()
        let key = try Self.key(name)
        // What a name will stand for is not known before it is known what it stands for.
        if !key.isEmpty, let earlier = statements[key], !earlier.isConfirmed {
            return waitForAnswers(0, piece)
        }
        guard let read = try read(text, piece) else { return }
        let size = text.readableBytes
        guard statements.count < PostgresLimits.statements || statements[key] != nil,
            statementOctets + size <= PostgresLimits.statementOctets
        else {
            let many = PostgresError(
                code: "53400",
                message: "the session has too many prepared statements, or too long ones, for the gateway",
                hint: "close those that are not used any more, or use unnamed ones"
            )
            return refuse(many, isQuery: false)
        }
        ask(.parse(piece.bytes, name: key, read, size: size, types: types), read.action)
    }

    mutating func ask(_ asked: Asked, _ action: Action) {
        lastID += 1
        let id = RulingID(lastID)
        wait = .ruling(id, asked)
        outbox.append(.ask(id, Request(endpoint: opening.endpoint, action: action)))
    }

    /// What a text does; nil where it has to wait, or is refused.
    private mutating func read(
        _ text: ByteBuffer,
        _ piece: FramePiece
    ) throws(PostgresFault) -> ReadStatements? {
        var syntax = syntax
        let hangsOnSettings = text.readableBytesView.contains { $0 >= 0x80 || $0 == UInt8(ascii: "\\") }
        if hangsOnSettings, isUnsettled || mayRevert, !expected.isEmpty {
            waitForAnswers(0, piece)
            return nil
        }
        if hangsOnSettings, isUnsettled {
            guard text.readableBytesView.allSatisfy({ $0 < 0x80 }) else {
                let unread = UnreadStatement(Self.unsettled)
                refuse(unread, isQuery: piece.tag == Tag.query, reader.recordedUnread(text, syntax))
                return nil
            }
            syntax.hasStandardStrings = nil
        }
        guard let result = result(of: text, syntax, piece) else { return nil }
        switch result {
        case .success(let read): return read
        case .failure(let unread):
            refuse(unread, isQuery: piece.tag == Tag.query, reader.recordedUnread(text, syntax))
            return nil
        }
    }

    /// What was read of a text; nil where it is long, and read elsewhere meanwhile.
    private mutating func result(
        of text: ByteBuffer,
        _ syntax: StatementSyntax,
        _ piece: FramePiece
    ) -> Result<ReadStatements, UnreadStatement>? {
        guard text.readableBytes > longText else { return reader.read(text, syntax) }
        defer { ahead = nil }
        // What the server said meanwhile may make it another text.
        if let ahead, ahead.syntax == syntax { return ahead.result }
        wait = .reading(LongText(text: text, syntax: syntax), piece, isTaken: false)
        return nil
    }

    mutating func allowed(_ id: RulingID, _ asked: Asked, _ masks: Masks) throws(PostgresFault) {
        // The server has failed what came before in the meantime, and skips it.
        guard !isSkipping else { return finish(id, StatementOutcome()) }
        if let read = asked.read, case let exposed = masks.union(lasting).exposed(by: read), !exposed.isEmpty
        {
            finish(id, StatementOutcome())
            return refuse(UnreadStatement(.exposing(exposed)), isQuery: asked.isQuery)
        }
        switch asked {
        case .query(_, let read) where read.streams && !masks.union(lasting).isEmpty:
            finish(id, StatementOutcome())
            refuse(UnreadStatement(Self.unmaskableStream), isQuery: true)
        case .query(_, let read) where read.executes && holdsAsked:
            finish(id, StatementOutcome())
            refuse(UnreadStatement(Self.executesAsked), isQuery: true)
        case .query(let bytes, let read):
            let all = maskedAs(read, masks)
            var entry = Expected(.query, id: id)
            entry.take(read, all)
            copyPending = read.copies
            release(portals.removeValue(forKey: []))
            if let unnamed = statements[[]] { forget([], unnamed) }
            send(bytes, entry)
            executes(read, all)
        case .parse(let bytes, let name, let read, let size, let types):
            prepare(bytes, name, read, masks, size: size, types: types, asked: nil, under: id)
        case .bind(let bytes, let portal, let key): bind(bytes, portal, to: key, under: id, masks)
        case .execute(let bytes, let portal, let name): execute(bytes, portal, name: name, id, masks)
        case .functionCall(let bytes): callFunction(bytes, id, masks)
        }
    }

    /// Also as what was left behind, and, of EXECUTE and FETCH, as any statement and portal that has a name.
    func maskedAs(_ read: ReadStatements, _ masks: Masks) -> Masks {
        let all = masks.union(lasting)
        return read.takesUp ? all.union(named) : all
    }

    mutating func executes(_ read: ReadStatements, _ masks: Masks) {
        if read.changesSettings { unsettle() }
        transaction.formUnion(masks)
        if read.leavesBehind { lasting.formUnion(masks) }
        lastDescribed = nil
    }

    mutating func forget(_ name: [UInt8], _ statement: Prepared) {
        guard statements[name]?.serial == statement.serial else { return }
        statements[name] = nil
        statementOctets -= statement.size
    }
}

extension ByteBuffer {
    /// Types of parameters, to the end.
    mutating func readTypes() -> [UInt32] {
        var types: [UInt32] = []
        while let type = readInteger(as: UInt32.self) { types.append(type) }
        return types
    }
}

extension PostgresSession {
    // MARK: Refusals

    mutating func refuse(_ asked: Asked, _ error: PostgresError) {
        guard !isSkipping else { return }
        refuse(error, isQuery: asked.isQuery)
    }

    /// One of the engine's own, for the record.
    mutating func refuse(_ unread: UnreadStatement, isQuery: Bool, _ text: RecordedText? = nil) {
        lastID += 1
        // Nobody asks for them.
        if self.unread.count > PostgresLimits.unanswered { self.unread = [:] }
        self.unread[RulingID(lastID)] = text
        outbox.append(.refused(RulingID(lastID), opening.withoutDeeds, unread.denial))
        refuse(PostgresError(unread.denial, position: unread.position), isQuery: isQuery)
    }

    mutating func refuse(_ error: PostgresError, isQuery: Bool) {
        let bytes = isQuery ? Outgoing.failingQuery : Outgoing.failingParse
        send(bytes, Expected(.failure(isQuery: isQuery), refusal: error.octets))
        if !isQuery { isSkipping = true }
    }

    static func tooLong(_ octets: Int) -> PostgresError {
        PostgresError(
            code: "54000",
            message: "the message has \(octets) octets, and the gateway reads \(PostgresLimits.held)",
            hint: "send it in parts, or by COPY"
        )
    }

    static func unread(_ kind: String) -> PostgresFault {
        .violation("the client sent a \(kind) message that cannot be read")
    }

    static func unknown(_ code: String, _ kind: String, _ name: ByteBuffer) -> PostgresError {
        PostgresError(
            code: code,
            message:
                "\(kind) \"\(String(decoding: name.readableBytesView, as: Unicode.UTF8.self))\" does not exist",
            hint: "what SQL prepared or declared is used by SQL: EXECUTE, FETCH"
        )
    }

    private static var unsettled: Denial {
        Denial(
            reason: .unsupported,
            message: "how the database will read this text depends on a statement before it that is not over",
            rule: nil,
            decidedBy: nil,
            remedy: "send Sync in front of a text that is not ASCII, or give it parameters"
        )
    }

    static var functionCall: Denial {
        Denial(
            reason: .unsupported,
            message: "the result of the protocol's function call cannot be masked as a rule says",
            rule: nil,
            decidedBy: nil,
            remedy: "use SELECT"
        )
    }
}

extension Request {
    /// Of what is refused without a question nobody knows what it does, and what its session was opened for is not it.
    fileprivate var withoutDeeds: Request {
        guard case .sql(let sql) = action else { return self }
        return Request(endpoint: endpoint, action: .sql(SQLRequest(database: sql.database, deeds: [])))
    }
}
