import HTTPProtocol
import Model
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Reflection
import Testing
import Wire

/// One conversation through NIOHTTP1's real decoders and encoders: octets in, octets out, every action checked by
/// the ledger.
final class Playbook {
    private(set) var asked: [Request] = []
    private(set) var refused: [Denial] = []
    private(set) var masked: [ReplyPart] = []
    private(set) var counted: [[MaskKind: Int]] = []
    private(set) var finished = 0
    private(set) var toUpstream = ""
    private(set) var toClient = ""
    /// The same, where it is no text.
    private(set) var octetsToClient: [UInt8] = []
    private(set) var isClosed = false
    private(set) var tunnel: Endpoint?
    /// Nil leaves the rulings to `rule`.
    var decide: ((Request) -> Ruling)?

    private var engine: HTTPEngine
    private var ledger = Ledger()
    private var pending: [RulingID] = []
    /// Sides whose decoder has given up.
    private var broken: Set<Side> = []
    private let client: EmbeddedChannel
    private let upstream: EmbeddedChannel

    init(
        _ origin: HTTPConnection.Origin = Playbook.captured("allowed.test"),
        scheme: Scheme = .http,
        port: UInt16? = nil,
        placeholders: [Placeholder] = [],
        masking spellings: SpellingsCache = SpellingsCache(),
        decide: ((Request) -> Ruling)? = { _ in .allowed(injection: nil) }
    ) throws {
        let connection = HTTPConnection(
            origin: origin,
            scheme: scheme,
            port: try port ?? #require(scheme.defaultPort),
            lineage: Self.lineage
        )
        engine = HTTPEngine(
            connection,
            watchingFor: try #require(PlaceholderPatterns(placeholders)),
            masking: spellings
        )
        self.decide = decide
        var responses = HTTPResponseEncoder.Configuration()
        responses.automaticallySetFramingHeaders = false
        var requests = HTTPRequestEncoder.Configuration()
        requests.automaticallySetFramingHeaders = false
        client = EmbeddedChannel(handlers: [
            HTTPResponseEncoder(configuration: responses),
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: HTTPLimits.decoder)),
        ])
        upstream = EmbeddedChannel(handlers: [
            HTTPRequestEncoder(configuration: requests),
            ByteToMessageHandler(
                HTTPResponseDecoder(
                    informationalResponseStrategy: .forward,
                    limitConfiguration: HTTPLimits.decoder
                )
            ),
        ])
    }

    static let lineage = Lineage(
        principal: Principal(localUser: "alice", uid: 1000),
        root: Hop(agent: AgentID(run: "0a1b2c3d", ordinal: 1), name: "ci", profile: "ci", profileDigest: "00")
    ).child(
        Hop(agent: AgentID(run: "0a1b2c3d", ordinal: 2), name: "tests", profile: "tests", profileDigest: "01")
    )

    static let denial = Denial(
        reason: .noRule,
        message: "GET http://allowed.test/ is not allowed",
        rule: nil,
        decidedBy: nil,
        remedy: "ask alice"
    )

    /// Caught on the way to a name, with the same server name.
    static func captured(_ name: String, serverName: String? = nil) -> HTTPConnection.Origin {
        .captured(
            DNSName(name).map { .name($0) } ?? .address(IPAddress(name) ?? IPAddress(v4: 0)),
            serverName: (serverName ?? name).isEmpty ? nil : DNSName(serverName ?? name)
        )
    }

    /// Octets from the client, whole or in pieces of `cut`.
    func client(_ text: String, cut: Int = .max) throws { try client(octets: Array(text.utf8), cut: cut) }

    func client(octets: [UInt8], cut: Int = .max) throws {
        try feed(octets, cut: cut, client, from: .client) { (part: HTTPServerRequestPart) in
            switch part {
            case .head(let head): .requestHead(head)
            case .body(let bytes): .body(bytes)
            case .end(let trailers): .end(trailers)
            }
        }
    }

    /// Octets from the upstream.
    func upstream(_ text: String, cut: Int = .max) throws { try upstream(octets: Array(text.utf8), cut: cut) }

    func upstream(octets: [UInt8], cut: Int = .max) throws {
        try feed(octets, cut: cut, upstream, from: .upstream, Self.message)
    }

    private static func message(_ part: HTTPClientResponsePart) -> HTTPMessage {
        switch part {
        case .head(let head): .responseHead(head)
        case .body(let bytes): .body(bytes)
        case .end(let trailers): .end(trailers)
        }
    }

    private func feed<Part>(
        _ octets: [UInt8],
        cut: Int,
        _ channel: EmbeddedChannel,
        from side: Side,
        _ message: (Part) -> HTTPMessage
    ) throws {
        var rest = octets[...]
        while !rest.isEmpty, !isClosed, tunnel == nil, !broken.contains(side) {
            let piece = rest.prefix(cut)
            rest = rest.dropFirst(piece.count)
            var fault: HTTPMessage.Unreadable?
            do {
                try channel.writeInbound(ByteBuffer(bytes: piece))
            } catch {
                fault = HTTPMessage.Unreadable(error)
                if fault == nil { throw error }
            }
            while let part = try channel.readInbound(as: Part.self) {
                try run(engine.received(message(part), from: side))
            }
            if let fault {
                broken.insert(side)
                try run(engine.received(.unreadable(fault), from: side))
                return
            }
        }
    }

    func clientEnds() throws { try run(engine.ended(.client)) }

    /// The upstream closes: the decoder learns first, as from a real channel.
    func upstreamEnds() throws {
        upstream.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        while let part = try upstream.readInbound(as: HTTPClientResponsePart.self) {
            try run(engine.received(Self.message(part), from: .upstream))
        }
        try run(engine.ended(.upstream))
    }

    /// Answers the oldest question.
    func rule(_ ruling: Ruling) throws {
        let id = pending.removeFirst()
        try ledger.ruled(id, ruling)
        try run(engine.ruled(id, ruling))
    }

    /// The driver holds too much of bodies.
    func refuseGathering() throws { try run(engine.refuseGathering(Self.denial)) }

    var wantsClientMessages: Bool { engine.wantsClientMessages }

    /// Octets of coded bodies that are looked through from here on, before the next turn.
    var room: Int {
        get { engine.room }
        set { engine.room = newValue }
    }

    /// Whether something waits for another turn.
    var isSearching: Bool { engine.isSearching(takingReply: true) }

    /// Another turn, with so much room.
    func turn(_ room: Int, takingReply: Bool = true) throws {
        engine.room = room
        try run(engine.searchOn(takingReply: takingReply))
    }

    /// Turns of so much room until nothing waits; how many there were, at most 10,000.
    func turns(_ room: Int) throws -> Int {
        var count = 0
        while isSearching, count < 10_000 {
            try turn(room)
            count += 1
        }
        return count
    }

    private func run(_ actions: [EngineAction<HTTPMessage>]) throws {
        for action in actions {
            try ledger.admit(action)
            switch action {
            case .ask(let id, let request):
                asked.append(request)
                pending.append(id)
            case .forward(let message, .client, _), .reply(let message): try send(toClient: message)
            case .forward(let message, .upstream, _): try send(toUpstream: message)
            case .masked(_, .credential(let part)): masked.append(part)
            case .masked(_, .kinds(let counts)): counted.append(counts)
            case .masked(_, .columns): break
            case .finished: finished += 1
            case .refused(_, _, let denial): refused.append(denial)
            case .handOver(let host, let port): tunnel = Endpoint(scheme: .tcp, host: host, port: port)
            case .close: isClosed = true
            }
        }
        while let decide, !pending.isEmpty, !isClosed { try rule(decide(asked[asked.count - pending.count])) }
    }

    private func send(toClient message: HTTPMessage) throws {
        let part: HTTPServerResponsePart =
            switch message {
            case .responseHead(let head): .head(head)
            case .body(let bytes): .body(.byteBuffer(bytes))
            case .end(let trailers): .end(trailers)
            case .requestHead, .unreadable: throw LedgerViolation.closed
            }
        try client.writeOutbound(part)
        while let bytes = try client.readOutbound(as: ByteBuffer.self) {
            toClient += String(buffer: bytes)
            octetsToClient += bytes.readableBytesView
        }
    }

    private func send(toUpstream message: HTTPMessage) throws {
        let part: HTTPClientRequestPart =
            switch message {
            case .requestHead(let head): .head(head)
            case .body(let bytes): .body(.byteBuffer(bytes))
            case .end(let trailers): .end(trailers)
            case .responseHead, .unreadable: throw LedgerViolation.closed
            }
        try upstream.writeOutbound(part)
        while let bytes = try upstream.readOutbound(as: ByteBuffer.self) {
            toUpstream += String(buffer: bytes)
        }
    }

    /// Status codes of what the client got, in order.
    var statuses: [Int] {
        toClient.components(after: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
    }
}

extension String {
    /// The pieces that follow each occurrence of a separator.
    func components(after separator: String) -> [Substring] {
        var pieces: [Substring] = []
        var rest = self[...]
        while let hit = rest.range(of: separator) {
            rest = rest[hit...]
            pieces.append(rest)
        }
        return pieces
    }
}

extension Substring {
    /// The index behind the first occurrence of a text.
    fileprivate func range(of text: String) -> Index? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

/// A request with CRLF line ends.
func lines(_ lines: String..., body: String = "") -> String {
    lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}
