internal import Model
package import NIOCore
package import Wire

extension PostgresSession {
    // MARK: Portals

    /// A name may stand for something else than what was sent for it last.
    ///
    /// A Parse or Bind that fails leaves the name what it was. The server skips what comes behind it, but only to the next
    /// Sync (PostgreSQL 15, "Extended Query").
    private func isInDoubt(_ serial: UInt64) -> Bool { serial > answered && serial <= segment }

    /// The server may fail something and still carry out what is sent now.
    var isBehindSync: Bool { expected.contains(where: \.isSync) }

    mutating func bind(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let place = body.readTerminated(), let name = body.readTerminated() else {
            throw Self.unread("Bind")
        }
        guard let statement = statements[try Self.key(name)] else {
            return refuse(Self.unknown("26000", "prepared statement", name), isQuery: false)
        }
        guard !isInDoubt(statement.serial) else { return waitForAnswers(0, piece) }
        let key = try Self.key(place)
        guard portals.count < PostgresLimits.portals || portals[key] != nil else {
            let many = PostgresError(
                code: "53400",
                message: "the session has more than \(PostgresLimits.portals) named portals",
                hint: "close those that are not used any more"
            )
            return refuse(many, isQuery: false)
        }
        serial += 1
        let parameters = recording.parameters(
            body,
            types: statement.types,
            isHidden: statement.read.holdsSecrets
        )
        let portal = Portal(
            serial: serial,
            statement: statement,
            parameters: parameters,
            asked: statement.asked?.with(body, types: statement.types, isHidden: statement.read.holdsSecrets)
        )
        guard statement.asked != nil else {
            return bind(piece.bytes, portal, to: key, under: nil, statement.masks)
        }
        guard bound.count < PostgresLimits.approvedPortals else {
            let many = PostgresError(
                code: "53400",
                message: "more than \(PostgresLimits.approvedPortals) portals were approved and not executed",
                hint: "execute each before the next is bound, or send Sync"
            )
            return refuse(many, isQuery: false)
        }
        // Asked about here, not at Execute: to plan it with its parameters runs functions.
        ask(.bind(piece.bytes, portal, to: key), statement.read.action)
    }

    /// Sends a Bind: under the session's own ruling, or that of what was approved.
    mutating func bind(
        _ bytes: ByteBuffer,
        _ portal: Portal,
        to key: [UInt8],
        under id: RulingID?,
        _ masks: Masks
    ) {
        let previous = portals.updateValue(portal, forKey: key)
        release(previous)
        if !key.isEmpty { named.formUnion(masks) }
        // To plan it runs functions.
        if portal.statement.read.changesSettings { unsettle() }
        var entry = Expected(.bind(name: key, serial: portal.serial, previous: previous))
        entry.masks = masks
        outbox.upstream(bytes, under: id ?? self.id, joining: id == nil)
        expected.append(entry)
        if let id { bound[portal.serial] = (id, masks) }
    }

    /// Sends a Parse; one that rules ask about under the session's own ruling.
    mutating func prepare(
        _ bytes: ByteBuffer,
        _ name: [UInt8],
        _ read: ReadStatements,
        _ masks: Masks,
        size: Int,
        types: [UInt32],
        asked: AskedText?,
        under id: RulingID?
    ) {
        serial += 1
        let statement = Prepared(
            serial: serial,
            read: read,
            masks: masks,
            size: size,
            types: types,
            asked: asked
        )
        let previous = statements.updateValue(statement, forKey: name)
        statementOctets += size - (previous?.size ?? 0)
        if !name.isEmpty { named.formUnion(masks) }
        if let id { fresh[serial] = (id, masks) }
        var entry = Expected(.parse(name: name, serial: serial, previous: name.isEmpty ? nil : previous))
        entry.masks = masks
        outbox.upstream(bytes, under: id ?? self.id, joining: id == nil)
        expected.append(entry)
    }

    /// What was approved for a portal is not carried out any more: another Execute is asked about anew.
    mutating func release(_ portal: Portal?) {
        guard let portal, let entry = bound.removeValue(forKey: portal.serial) else { return }
        finish(entry.id, StatementOutcome(parameters: portal.parameters))
    }

    /// What was approved at Bind and waits for its Execute: whether that is still good is for the driver to say, before each event.
    package var approvedPortals: [RulingID] { bound.values.map(\.id).sorted { $0.number < $1.number } }

    /// What was approved under an id is good no more: its Execute is asked about anew.
    package mutating func lapse(_ id: RulingID) -> [EngineAction<ByteBuffer>] {
        guard let serial = bound.first(where: { $0.value.id == id })?.key else { return [] }
        bound[serial] = nil
        let portal = portals.values.first { $0.serial == serial }
        finish(id, StatementOutcome(parameters: portal?.parameters))
        return outbox.drain()
    }

    mutating func releaseAll() {
        let all = bound.values.map(\.id).sorted { $0.number < $1.number }
        bound = [:]
        for id in all { finish(id, StatementOutcome()) }
    }

    /// Statements are prepared that SQL's EXECUTE could carry out without being asked about.
    var holdsAsked: Bool { statements.contains { !$0.key.isEmpty && $0.value.asked != nil } }

    static var executesAsked: Denial {
        Denial(
            reason: .approvalNeeded,
            message:
                "EXECUTE could carry out a statement that rules ask about, and that the session has prepared by the protocol, "
                + "without anybody being asked",
            rule: nil,
            decidedBy: nil,
            remedy: "execute it by the protocol, where each execution is asked about, or close it before"
        )
    }

    /// What the server takes a name for: it looks at so many octets (dynahash.c, keys of NAMEDATALEN).
    ///
    /// It reads them in `client_encoding`, so that one that is not ASCII is another name in another encoding.
    static func key(_ name: ByteBuffer) throws(PostgresFault) -> [UInt8] {
        guard name.readableBytesView.allSatisfy({ $0 < 0x80 }) else {
            throw PostgresFault(
                .unsupported,
                "the client named a prepared statement or a portal in other octets than ASCII",
                code: "0A000",
                remedy: "name it in ASCII"
            )
        }
        return Array(name.readableBytesView.prefix(PostgresLimits.name))
    }

    /// What Describe and Close are about.
    private static func named(_ kind: String, _ body: inout ByteBuffer) throws(PostgresFault) -> Named {
        guard let type = body.readInteger(as: UInt8.self), let name = body.readTerminated(),
            body.readableBytes == 0
        else { throw unread(kind) }
        switch type {
        case UInt8(ascii: "S"): return .statement(try key(name), name)
        case UInt8(ascii: "P"): return .portal(try key(name), name)
        default: throw unread(kind)
        }
    }

    mutating func describe(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        switch try Self.named("Describe", &body) {
        case .statement(let key, let name):
            guard let statement = statements[key] else {
                return refuse(Self.unknown("26000", "prepared statement", name), isQuery: false)
            }
            guard !isInDoubt(statement.serial) else { return waitForAnswers(0, piece) }
            send(piece.bytes, Expected(.describeStatement(statement)))
        case .portal(let key, _):
            // psycopg has a cursor of SQL's described so: what its columns are called is all that comes of it.
            lastDescribed = portals[key]?.serial
            guard !isInDoubt(lastDescribed ?? 0) else { return waitForAnswers(0, piece) }
            serial += 1
            send(piece.bytes, Expected(.describePortal(lastDescribed ?? serial, isShown: true)))
        }
    }

    mutating func execute(_ piece: FramePiece, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let name = body.readTerminated(), body.readableBytes == 4 else { throw Self.unread("Execute") }
        guard let portal = portals[try Self.key(name)] else {
            return refuse(Self.unknown("34000", "portal", name), isQuery: false)
        }
        guard !isInDoubt(portal.serial), !portal.statement.read.executes || !isBehindSync else {
            return waitForAnswers(0, piece)
        }
        if let (id, masks) = bound.removeValue(forKey: portal.serial) {
            return execute(piece.bytes, portal, name: name, id, masks)
        }
        guard let (id, masks) = fresh.removeValue(forKey: portal.statement.serial) else {
            return ask(.execute(piece.bytes, portal, name: name), portal.statement.read.action)
        }
        execute(piece.bytes, portal, name: name, id, masks)
    }

    mutating func execute(
        _ bytes: ByteBuffer,
        _ portal: Portal,
        name: ByteBuffer,
        _ id: RulingID,
        _ masks: Masks
    ) {
        if portal.statement.read.executes, holdsAsked {
            finish(id, StatementOutcome())
            return refuse(UnreadStatement(Self.executesAsked), isQuery: false)
        }
        var entry = Expected(.execute(portal.serial), id: id)
        entry.take(portal.statement.read, maskedAs(portal.statement.read, masks))
        entry.parameters = portal.parameters
        if !entry.masks.isEmpty || recordsResults, !entry.copies, lastDescribed != portal.serial {
            send(Outgoing.describePortal(name), Expected(.describePortal(portal.serial, isShown: false)))
        }
        send(bytes, entry)
        executes(portal.statement.read, entry.masks)
        if entry.copies {
            copyPending = true
            outbox.upstream(Outgoing.flush, under: self.id, joining: true)
        }
    }

    mutating func closeNamed(_ bytes: ByteBuffer, _ body: inout ByteBuffer) throws(PostgresFault) {
        switch try Self.named("Close", &body) {
        case .statement(let key, _):
            send(bytes, Expected(.closeStatement(name: key, serial: statements[key]?.serial)))
        case .portal(let key, _):
            release(portals.removeValue(forKey: key))
            send(bytes, Expected(.closePortal))
        }
    }

    mutating func callFunction(_ bytes: ByteBuffer, _ id: RulingID, _ masks: Masks) {
        guard masks.isEmpty, lasting.isEmpty else {
            finish(id, StatementOutcome())
            return refuse(UnreadStatement(Self.functionCall), isQuery: true)
        }
        unsettle()
        send(bytes, Expected(.functionCall, id: id))
    }
}
