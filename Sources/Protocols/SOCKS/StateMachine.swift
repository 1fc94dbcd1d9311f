import Model
package import NIOCore
package import Wire

/// SOCKS5 (RFC 1928) up to its reply: what follows is a connection of its own to the host that was named.
///
/// ```
///   greeting ──► request ── asked ──► asking ── ruled: allowed ──► handedOver
///       └───────────┴──────────────────┴── anything else ──► closed
/// ```
package struct SOCKSEngine: ProtocolEngine, ~Copyable {
    package typealias Message = ByteBuffer

    private enum State {
        case greeting
        case request
        case asking(RulingID, Host, port: UInt16)
        case over
    }

    private var state = State.greeting
    /// What has been read and not understood yet; after the hand-over, what belongs to the connection.
    package private(set) var bytes = ByteBuffer()

    package init() {}

    package var wantsClientMessages: Bool {
        switch state {
        case .greeting, .request: true
        case .asking, .over: false
        }
    }

    package mutating func received(_ message: ByteBuffer, from side: Side) -> [EngineAction<ByteBuffer>] {
        guard side == .client else { return close() }
        bytes.writeImmutableBuffer(message)
        return readOn()
    }

    package mutating func ruled(_ id: RulingID, _ ruling: Ruling) -> [EngineAction<ByteBuffer>] {
        guard case .asking(let asked, let host, let port) = state, asked == id else { return close() }
        switch ruling {
        case .allowed:
            state = .over
            return [.finished(id), .reply(Self.answer(.succeeded)), .handOver(host, port: port)]
        // There is no body to be read for it.
        case .denied, .read:
            return [.reply(Self.answer(.notAllowed))] + close()
        }
    }

    package mutating func ended(_ side: Side) -> [EngineAction<ByteBuffer>] {
        if case .over = state { [] } else { close() }
    }

    private mutating func readOn() -> [EngineAction<ByteBuffer>] {
        do {
            switch state {
            case .greeting:
                guard let isOpen = try SOCKSReader.greeting(&bytes) else { return [] }
                guard isOpen else { return refuse(Self.needsAuthentication, Self.noMethod) }
                state = .request
                return [.reply(ByteBuffer(bytes: [5, 0]))] + readOn()
            case .request:
                guard let (host, port) = try SOCKSReader.request(&bytes) else { return [] }
                let id = RulingID(1)
                state = .asking(id, host, port: port)
                let endpoint = Endpoint(scheme: .tcp, host: host, port: port)
                return [.ask(id, Request(endpoint: endpoint, action: .connect))]
            case .asking, .over:
                return []
            }
        } catch {
            return refuse(error.denial, Self.answer(error.reply))
        }
    }

    private mutating func refuse(_ denial: Denial, _ answer: ByteBuffer) -> [EngineAction<ByteBuffer>] {
        [.refused(RulingID(1), nil, denial), .reply(answer)] + close()
    }

    private mutating func close() -> [EngineAction<ByteBuffer>] {
        state = .over
        bytes = ByteBuffer()
        return [.close]
    }

    /// The bound address is nobody's business (RFC 1928 section 6).
    private static func answer(_ reply: SOCKSReply) -> ByteBuffer {
        ByteBuffer(bytes: [5, reply.rawValue, 0, 1, 0, 0, 0, 0, 0, 0])
    }

    /// RFC 1928 section 3: no acceptable methods.
    private static let noMethod = ByteBuffer(bytes: [5, 0xFF])

    private static var needsAuthentication: Denial {
        Denial(
            reason: .unsupported,
            message: "the SOCKS client does not offer to go without authentication",
            rule: nil,
            decidedBy: nil,
            remedy: "Leave user and password out: who asks is known from where the connection comes."
        )
    }
}
