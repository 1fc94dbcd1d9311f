internal import Model
internal import NIOCore
internal import Wire

extension PostgresSession {
    // MARK: Portals

    mutating func bind(_ bytes: ByteBuffer, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let portal = body.readTerminated(), let name = body.readTerminated() else {
            throw Self.unread("Bind")
        }
        guard let statement = statements[try Self.key(name)] else {
            return refuse(Self.unknown("26000", "prepared statement", name), isQuery: false)
        }
        let key = try Self.key(portal)
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
        let bound = Portal(serial: serial, statement: statement, parameters: parameters)
        let previous = portals.updateValue(bound, forKey: key)
        if !key.isEmpty { named.formUnion(statement.masks) }
        var entry = Expected(.bind(name: key, serial: serial, previous: previous))
        entry.masks = statement.masks
        send(bytes, entry)
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

    mutating func describe(_ bytes: ByteBuffer, _ body: inout ByteBuffer) throws(PostgresFault) {
        switch try Self.named("Describe", &body) {
        case .statement(let key, let name):
            guard let statement = statements[key] else {
                return refuse(Self.unknown("26000", "prepared statement", name), isQuery: false)
            }
            send(bytes, Expected(.describeStatement(statement)))
        case .portal(let key, _):
            // psycopg has a cursor of SQL's described so: what its columns are called is all that comes of it.
            lastDescribed = portals[key]?.serial
            serial += 1
            send(bytes, Expected(.describePortal(lastDescribed ?? serial, isShown: true)))
        }
    }

    mutating func execute(_ bytes: ByteBuffer, _ body: inout ByteBuffer) throws(PostgresFault) {
        guard let name = body.readTerminated(), body.readableBytes == 4 else { throw Self.unread("Execute") }
        guard let portal = portals[try Self.key(name)] else {
            return refuse(Self.unknown("34000", "portal", name), isQuery: false)
        }
        guard let (id, masks) = fresh.removeValue(forKey: portal.statement.serial) else {
            return ask(.execute(bytes, portal, name: name), portal.statement.read.action)
        }
        execute(bytes, portal, name: name, id, masks)
    }

    mutating func execute(
        _ bytes: ByteBuffer,
        _ portal: Portal,
        name: ByteBuffer,
        _ id: RulingID,
        _ masks: Masks
    ) {
        var entry = Expected(.execute(portal.serial), id: id)
        entry.take(portal.statement.read, maskedAs(portal.statement.read, masks))
        entry.parameters = portal.parameters
        if !entry.masks.isEmpty || recordsResults, !entry.copies, lastDescribed != portal.serial {
            send(Outgoing.describePortal(name), Expected(.describePortal(portal.serial, isShown: false)))
        }
        executes(portal.statement.read, entry.masks)
        send(bytes, entry)
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
            portals[key] = nil
            send(bytes, Expected(.closePortal))
        }
    }

    mutating func callFunction(_ bytes: ByteBuffer, _ id: RulingID, _ masks: Masks) {
        guard masks.isEmpty, lasting.isEmpty else {
            finish(id, StatementOutcome())
            return refuse(UnreadStatement(Self.functionCall), isQuery: true)
        }
        isUnsettled = true
        send(bytes, Expected(.functionCall, id: id))
    }
}
