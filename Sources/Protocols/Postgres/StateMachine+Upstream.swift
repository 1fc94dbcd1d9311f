internal import Model
internal import NIOCore
internal import Wire

extension PostgresSession {
    /// The server's messages that are there.
    mutating func readUpstream() throws(PostgresFault) {
        while !isOver, let tag = upstream.nextTag {
            if tag == Tag.dataRow || tag == Tag.copyData, try passRun(of: tag) { continue }
            guard !isOver, let piece = try upstream.next(whole: holdsWhole(tag)) else { return }
            if piece.begins { try answer(piece) } else { pass(piece.bytes) }
        }
    }

    private var isOver: Bool { if case .over = wait { true } else { false } }

    private func holdsWhole(_ tag: UInt8) -> Bool {
        switch tag {
        case Tag.notice, Tag.notification, Tag.functionResult: !messageMasks.isEmpty
        default: true
        }
    }

    /// Masks of the statement whose results come, and of what was left behind.
    private var masks: Masks { expected.first?.masks.union(lasting) ?? lasting }

    /// The same of messages, which may speak of what an earlier statement of the transaction did.
    private var messageMasks: Masks { masks.union(transaction) }

    private mutating func pass(_ bytes: ByteBuffer) { outbox.client(bytes, under: id) }

    /// Rows, or data of a COPY.
    private mutating func pass(result bytes: ByteBuffer) {
        keep(.messages(bytes))
        outbox.client(bytes, under: isStream ? expected.first?.id ?? id : id)
    }

    private mutating func keep(_ piece: ResultPiece) {
        if recordsResults, let id = expected.first?.id { results.append((id, piece)) }
    }

    /// Passes rows or data of COPY; false where no whole message is there yet.
    private mutating func passRun(of tag: UInt8) throws(PostgresFault) -> Bool {
        try check(tag)
        guard case .nothing = withholding else {
            // Not shown: dropped in parts, however long.
            return try upstream.run(of: tag) != nil
        }
        if tag == Tag.copyData, !masks.kinds.isEmpty || copyMask != nil { return try passCopy() }
        guard tag == Tag.dataRow, case .masked(let plan) = rows else {
            let before = upstream.passed
            guard let run = try upstream.run(of: tag) else { return false }
            if tag == Tag.copyData, isStream { countReceived(upstream.passed &- before) }
            pass(result: run)
            return true
        }
        guard let run = try upstream.wholeRun(of: tag) else { return false }
        let masked = try plan.apply(run)
        count(masked.found)
        count(masked.count, with: plan.hidden)
        pass(result: masked.rows)
        return true
    }

    /// Passes data of a COPY, masked.
    private mutating func passCopy() throws(PostgresFault) -> Bool {
        guard var run = try upstream.wholeRun(of: Tag.copyData) else { return false }
        if let masked = try copyMask?.apply(run) {
            count(masked.count, with: copyMask?.hidden ?? [])
            run = masked.messages
        }
        if !masks.kinds.isEmpty {
            let masked = try Masks.copy(run, masks.kinds)
            count(masked.found)
            run = masked.messages
        }
        pass(result: run)
        return true
    }

    /// Whether rows, or data of a COPY, may come.
    private mutating func check(_ tag: UInt8) throws(PostgresFault) {
        if tag == Tag.copyData {
            switch copy {
            case .toClient, .both: return
            case .none, .fromClient, .ending: throw outOfTurn(tag)
            }
        }
        guard case .unknown = rows else { return }
        switch expected.first?.kind {
        case .query where masks.isEmpty: rows = .pass
        case .execute(let serial):
            guard !masks.isEmpty || recordsResults else {
                rows = .pass
                return
            }
            guard let described, described.serial == serial else { throw outOfTurn(tag) }
            keep(.columns(described.columns))
            plan(described.columns, read: expected.first?.results)
        default: throw outOfTurn(tag)
        }
    }

    private mutating func plan(_ columns: [ResultColumn], read: [ResultMask]?) {
        let masks = masks
        let plan = RowPlan(columns, kinds: masks.kinds, masks: masks.columns, catalog, read: read)
        rows = plan.map { .masked($0) } ?? .pass
        makeRoom(for: plan?.hidden ?? [])
    }

    private func outOfTurn(_ tag: UInt8) -> PostgresFault {
        .violation("the database sent a message of type \(tag) that answers nothing")
    }

    private mutating func answer(_ piece: FramePiece) throws(PostgresFault) {
        var body = piece.body
        switch piece.tag {
        case Tag.parameterStatus:
            guard let name = body.readText(), let value = body.readText() else { throw outOfTurn(piece.tag) }
            note(name, value)
            pass(piece.bytes)
        case Tag.notice:
            if let notice = piece.ends ? try messageMasks.message(piece.bytes, isError: false) : piece.bytes {
                pass(notice)
            }
        case Tag.notification: pass(try masked(piece))
        case Tag.error: try fail(piece.bytes, ErrorFields(body))
        case Tag.ready: try ready(piece.bytes)
        case Tag.rowDescription: try describe(piece)
        case Tag.noData: try answerDescription(piece)
        case Tag.parameterDescription:
            guard case .describeStatement(let statement) = expected.first?.kind else {
                throw outOfTurn(piece.tag)
            }
            body.moveReaderIndex(forwardBy: min(2, body.readableBytes))
            statement.types = body.readTypes()
            pass(piece.bytes)
        case Tag.parseComplete, Tag.bindComplete, Tag.closeComplete: try complete(piece)
        case Tag.commandComplete, Tag.emptyQuery, Tag.portalSuspended: try end(piece, &body)
        case Tag.copyIn, Tag.copyOut: try beginCopy(piece, &body)
        case Tag.copyBoth: try beginStream(piece, &body)
        case Tag.copyDone:
            switch copy {
            case .toClient: copy = .ending
            case .both(client: let sends, server: true): copy = .both(client: sends, server: false)
            case .none, .fromClient, .both, .ending: throw outOfTurn(piece.tag)
            }
            show(piece.bytes)
        case Tag.functionResult:
            guard case .functionCall = expected.first?.kind else { throw outOfTurn(piece.tag) }
            pass(piece.bytes)
        default: throw outOfTurn(piece.tag)
        }
    }

    /// A payload of another session.
    private func masked(_ piece: FramePiece) throws(PostgresFault) -> ByteBuffer {
        let kinds = messageMasks.kinds
        guard piece.ends, !kinds.isEmpty else { return piece.bytes }
        let body = piece.body
        let batch = try MaskBatch(body, kinds)
        guard let fresh = try batch.masked(0..<body.readableBytes) else { return piece.bytes }
        var bytes = piece.bytes
        bytes.setBuffer(fresh, at: body.readerIndex)
        return bytes
    }

    /// What belongs to a result, unless it is withheld.
    private mutating func show(_ bytes: ByteBuffer) {
        if case .nothing = withholding { pass(bytes) }
    }

    private mutating func describe(_ piece: FramePiece) throws(PostgresFault) {
        guard let head = expected.first, case .query = head.kind else { return try answerDescription(piece) }
        guard case .unknown = rows else { throw outOfTurn(piece.tag) }
        if masks.isEmpty, !recordsResults {
            rows = .pass
        } else {
            let columns = try ResultColumn.read(piece.body, isUTF8: namesAreUTF8(head))
            keep(.columns(columns))
            plan(columns, read: head.results)
        }
        show(piece.bytes)
    }

    private mutating func answerDescription(_ piece: FramePiece) throws(PostgresFault) {
        guard let head = expected.first else { throw outOfTurn(piece.tag) }
        switch head.kind {
        case .describeStatement: pass(piece.bytes)
        case .describePortal(let serial, let isShown):
            let isUTF8 = namesAreUTF8(head)
            described =
                piece.tag == Tag.noData ? nil : (serial, try ResultColumn.read(piece.body, isUTF8: isUTF8))
            if isShown { pass(piece.bytes) }
        default: throw outOfTurn(piece.tag)
        }
        expected.removeFirst()
    }

    /// ParseComplete, BindComplete, CloseComplete.
    private mutating func complete(_ piece: FramePiece) throws(PostgresFault) {
        switch (expected.first?.kind, piece.tag) {
        case (.parse(let name, let serial, _), Tag.parseComplete):
            answered = serial
            if let statement = statements[name], statement.serial == serial { statement.isConfirmed = true }
            if let fresh = fresh.removeValue(forKey: serial) { finish(fresh.id, StatementOutcome()) }
        case (.closeStatement(let name, let serial), Tag.closeComplete):
            if let statement = statements[name], statement.serial == serial { forget(name, statement) }
        case (.bind(_, let serial, _), Tag.bindComplete): answered = serial
        case (.closePortal, Tag.closeComplete): break
        default: throw outOfTurn(piece.tag)
        }
        pass(piece.bytes)
        expected.removeFirst()
    }
}

extension PostgresSession {
    /// CommandComplete, EmptyQueryResponse, PortalSuspended.
    private mutating func end(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        if piece.tag == Tag.commandComplete {
            guard let tag = body.readTerminated(), body.readableBytes == 0 else { throw outOfTurn(piece.tag) }
            outcome.add(String(decoding: tag.readableBytesView, as: Unicode.UTF8.self))
        }
        guard let head = expected.first else { throw outOfTurn(piece.tag) }
        switch head.kind {
        case .query where piece.tag != Tag.portalSuspended: break
        case .execute: copyPending = copyPending && !head.copies
        default: throw outOfTurn(piece.tag)
        }
        rows = .unknown
        copy = .none
        if case .result(let error) = withholding { return withhold(error, head) }
        show(piece.bytes)
        if case .execute = head.kind { conclude(head) }
    }

    /// Pops a statement, and says how it ended.
    private mutating func conclude(_ entry: Expected) {
        tellMasked()
        expected.removeFirst()
        defer { outcome = StatementOutcome() }
        guard let id = entry.id else { return }
        outcome.parameters = entry.parameters
        outcome.messages = streamed
        streamed = nil
        finish(id, outcome)
    }

    /// What could not be masked has come to its end, unseen.
    private mutating func withhold(_ error: PostgresError, _ head: Expected) {
        outbox.append(.reply(error.octets))
        outcome.fail(error.code)
        guard case .execute = head.kind else {
            withholding = .rest
            return
        }
        withholding = .nothing
        conclude(head)
        // Nothing was sent behind a COPY.
        isSkipping = true
    }

    private mutating func beginCopy(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let head = expected.first, head.copies, mayBeginCopy(head),
            let format = body.readInteger(as: UInt8.self), format <= 1
        else { throw outOfTurn(piece.tag) }
        switch head.kind {
        case .query, .execute: break
        default: throw outOfTurn(piece.tag)
        }
        if piece.tag == Tag.copyIn {
            copy = .fromClient
            return pass(piece.bytes)
        }
        copy = .toClient
        copyMask = nil
        if case .nothing = withholding, !maskCopy(head, &body, isBinary: format == 1) {
            withholding = .result(Self.unmaskable)
        }
        show(piece.bytes)
    }

    /// Says what is done to the columns of a COPY; false where that cannot be said.
    private mutating func maskCopy(_ head: Expected, _ body: inout ByteBuffer, isBinary: Bool) -> Bool {
        let masks = masks
        // Of what is searched in binary the types are not known.
        if isBinary, !masks.kinds.isEmpty { return false }
        guard !masks.columns.isEmpty else { return true }
        // By another encoding the server may tell fields apart otherwise.
        guard !head.isUnsettled, let results = head.results, let layout = head.layout,
            ["UTF8", "SQL_ASCII"].holds(bytes: syntax.encoding),
            body.readInteger(as: Int16.self).map(Int.init) == results.count
        else { return false }
        let treatments = results.map { result -> CopyMask.Treatment in
            guard !result.masks.isDisjoint(with: masks.columns.masks) else { return .pass }
            return result.isText ? .fill : .null
        }
        guard treatments.contains(where: { $0 != .pass }) else { return true }
        let names = results.flatMap { $0.masks.intersection(masks.columns.masks) }.map(\.name)
        let mask = CopyMask(layout, treatments, hidden: Set(names))
        guard mask.isBinary == isBinary else { return false }
        copyMask = mask
        makeRoom(for: mask.hidden)
        return true
    }

    private mutating func ready(_ bytes: ByteBuffer) throws(PostgresFault) {
        guard bytes.readableBytes == FrameReader.header + 1,
            let octet = bytes.getInteger(at: bytes.readerIndex + FrameReader.header, as: UInt8.self),
            let status = TransactionStatus(rawValue: octet), let head = expected.first
        else { throw outOfTurn(Tag.ready) }
        switch head.kind {
        case .query, .sync, .functionCall: break
        case .failure(isQuery: true) where head.refusal == nil: break
        default: throw outOfTurn(Tag.ready)
        }
        self.status = status
        copy = .none
        copyPending = copyPending && !head.copies
        rows = .unknown
        withholding = .nothing
        conclude(head)
        if expected.isEmpty { settle() }
        pass(bytes)
    }

    /// ErrorResponse.
    private mutating func fail(_ bytes: ByteBuffer, _ fields: ErrorFields) throws(PostgresFault) {
        guard let head = expected.first else { return pass(bytes) }
        outcome.fail(fields.code)
        copy = .none
        rows = .unknown
        if head.copies { copyPending = false }
        if let refusal = head.refusal {
            outbox.append(.reply(refusal))
            expected[expected.startIndex].refusal = nil
        } else if case .nothing = withholding {
            if let error = try messageMasks.message(bytes, isError: true) { pass(error) }
        } else if case .result(let error) = withholding {
            outbox.append(.reply(error.octets))
        }
        guard !head.isSimple else {
            if case .result = withholding { withholding = .rest }
            return
        }
        withholding = .nothing
        drop()
    }

    private mutating func ruling(of entry: Expected) -> RulingID? {
        switch entry.kind {
        case .parse(_, let serial, _): fresh.removeValue(forKey: serial)?.id
        case .bind(_, let serial, _): bound.removeValue(forKey: serial)?.id
        case .query, .describeStatement, .describePortal, .execute, .closeStatement, .closePortal, .sync,
            .functionCall, .failure:
            entry.id
        }
    }

    private mutating func restore(_ name: [UInt8], _ serial: UInt64, _ previous: Prepared?) {
        guard let statement = statements[name], statement.serial == serial else { return }
        forget(name, statement)
        guard let previous else { return }
        statements[name] = previous
        statementOctets += previous.size
    }

    /// The server skips everything until Sync.
    private mutating func drop() {
        tellMasked()
        let sync = expected.firstIndex(where: \.isSync)
        let count = expected.distance(from: expected.startIndex, to: sync ?? expected.endIndex)
        isSkipping = isSkipping || sync == nil
        if expected.prefix(count).contains(where: \.copies) { copyPending = false }
        // The latest first: each names what was there before.
        for entry in expected.prefix(count).reversed() {
            if case .parse(let name, let serial, let previous) = entry.kind {
                restore(name, serial, previous)
            }
            // The portal that was there is, when a savepoint behind it is rolled back to.
            if case .bind(let name, let serial, let previous) = entry.kind, portals[name]?.serial == serial {
                portals[name] = previous
            }
        }
        // The error is that of the first statement.
        for entry in expected.prefix(count) {
            guard let id = ruling(of: entry) else { continue }
            outcome.parameters = entry.parameters
            finish(id, outcome)
            outcome = StatementOutcome()
        }
        expected.removeFirst(count)
        outcome = StatementOutcome()
    }
}
