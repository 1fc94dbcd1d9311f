import HTTPProtocol
import Model
import NIOCore
import NIOHTTP1
import Reflection
import Testing
import WebSocketProtocol
import Wire

/// A WebSocket's opening and frames, driven as the driver does.
final class WebSocketTalk {
    var engine: HTTPEngine
    var ledger = Ledger()
    var asked: [String] = []
    var refused: [Denial] = []
    var masked: [MaskNote] = []
    var toUpstream: [HTTPMessage] = []
    var toClient: [HTTPMessage] = []
    var finished = 0
    var isClosed = false
    var ruling = Ruling.allowed(injection: nil)

    init(placeholders: [Placeholder] = [], masking spellings: SpellingsCache = SpellingsCache()) throws {
        let connection = HTTPConnection(
            origin: Playbook.captured("allowed.test"),
            scheme: .https,
            port: 443,
            lineage: Playbook.lineage
        )
        engine = HTTPEngine(
            connection,
            watchingFor: try #require(PlaceholderPatterns(placeholders)),
            masking: spellings
        )
    }

    func send(_ message: HTTPMessage, from side: Side = .client) throws {
        try run(engine.received(message, from: side))
    }

    func ends(_ side: Side) throws { try run(engine.ended(side)) }

    func run(_ actions: [EngineAction<HTTPMessage>]) throws {
        for action in actions {
            try ledger.admit(action)
            switch action {
            case .ask(let id, let request):
                asked.append(request.description)
                try ledger.ruled(id, ruling)
                try run(engine.ruled(id, ruling))
            case .forward(let message, .upstream, _): toUpstream.append(message)
            case .forward(let message, .client, _), .reply(let message): toClient.append(message)
            case .masked(_, let note): masked.append(note)
            case .refused(_, _, let denial): refused.append(denial)
            case .finished: finished += 1
            case .close: isClosed = true
            case .handOver: Issue.record("nothing is handed over here")
            }
        }
    }

    func sent(to messages: [HTTPMessage]) -> HTTPHeaders {
        for message in messages.reversed() {
            switch message {
            case .requestHead(let head): return head.headers
            case .responseHead(let head): return head.headers
            default: continue
            }
        }
        return [:]
    }

    var status: UInt? {
        toClient.lazy.compactMap {
            if case .responseHead(let head) = $0 { head.status.code } else { nil }
        }.last
    }
}

extension WebSocketTalk {
    static let clientKey = "dGhlIHNhbXBsZSBub25jZQ=="

    static func head(
        _ changes: [(String, String?)] = [],
        method: HTTPMethod = .GET
    ) -> HTTPRequestHead {
        var headers: HTTPHeaders = [
            "Host": "allowed.test", "Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": clientKey,
            "Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "one, two",
        ]
        for (name, value) in changes {
            headers.remove(name: name)
            if let value { headers.add(name: name, value: value) }
        }
        return HTTPRequestHead(version: .http1_1, method: method, uri: "/live?q", headers: headers)
    }

    static func opened(
        _ changes: [(String, String?)] = [],
        injecting injection: Injection? = nil,
        placeholders: [Placeholder] = []
    ) throws -> WebSocketTalk {
        let talk = try WebSocketTalk(placeholders: placeholders)
        talk.ruling = .allowed(injection: injection)
        try talk.send(.requestHead(head(changes)))
        try talk.send(.end(nil))
        return talk
    }

    /// The server's consent, with changes.
    static func consent(to talk: WebSocketTalk, _ changes: [(String, String?)] = []) throws -> HTTPMessage {
        let key = try #require(talk.sent(to: talk.toUpstream).first(name: "sec-websocket-key"))
        var headers: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "Upgrade", "Server": "x",
            "Sec-WebSocket-Accept": try #require(WebSocketKey(key)).accept,
        ]
        for (name, value) in changes {
            headers.remove(name: name)
            if let value { headers.add(name: name, value: value) }
        }
        return .responseHead(
            HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        )
    }
}
