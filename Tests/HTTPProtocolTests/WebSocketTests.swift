import HTTPProtocol
import Model
import NIOCore
import NIOHTTP1
import Reflection
import Testing
import WebSocketProtocol
import Wire

/// The opening by its heads, then frames as bodies, as the driver hands them in.
struct WebSocketTests {
    @Test func `The opening is asked about by its own word; the gateway's own goes on, without extensions`()
        throws
    {
        let talk = try WebSocketTalk.opened()
        #expect(talk.asked == ["websocket https://allowed.test/live"])
        let sent = talk.sent(to: talk.toUpstream)
        #expect(sent["upgrade"] == ["websocket"] && sent["connection"] == ["Upgrade"])
        #expect(sent["sec-websocket-version"] == ["13"])
        #expect(sent["sec-websocket-protocol"] == ["one, two"])
        #expect(!sent.contains(name: "sec-websocket-extensions"))
        #expect(
            sent["sec-websocket-key"].count == 1 && sent["sec-websocket-key"] != [WebSocketTalk.clientKey]
        )
    }

    @Test func `The server's consent is checked, and the client gets its own; then frames pass`() throws {
        let talk = try WebSocketTalk.opened()
        try talk.send(WebSocketTalk.consent(to: talk, [("sec-websocket-protocol", "two")]), from: .upstream)
        let told = talk.sent(to: talk.toClient)
        #expect(talk.status == 101)
        #expect(told["sec-websocket-accept"] == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])
        #expect(told["sec-websocket-protocol"] == ["two"] && told["server"] == ["x"])
        try talk.send(.body(ByteBuffer(bytes: [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])))
        try talk.send(.body(ByteBuffer(bytes: [0x81, 2, 0x68, 0x69])), from: .upstream)
        #expect(talk.toClient.last == .body(ByteBuffer(bytes: [0x81, 2, 0x68, 0x69])))
        guard case .body(let frame) = talk.toUpstream.last else { return #expect(Bool(false)) }
        #expect(frame.readableBytes == 8 && talk.engine.wantsClientMessages)
        // Both close.
        try talk.send(.body(ByteBuffer(bytes: [0x88, 0x80, 0, 0, 0, 0])))
        #expect(!talk.isClosed)
        try talk.send(.body(ByteBuffer(bytes: [0x88, 0])), from: .upstream)
        #expect(talk.isClosed && talk.finished == 1 && talk.toClient.last == .end(nil))
    }

    @Test(arguments: [Side.client, .upstream])
    func `The end of a connection is the end of both`(side: Side) throws {
        let talk = try WebSocketTalk.opened()
        try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
        try talk.ends(side)
        #expect(talk.isClosed && talk.finished == 1 && talk.refused.isEmpty)
    }

    @Test func `A client that sends frames before the consent is held`() throws {
        let talk = try WebSocketTalk.opened()
        try talk.send(.body(ByteBuffer(bytes: [0x81, 0x80, 0, 0, 0, 0])))
        #expect(talk.toUpstream.count == 2 && !talk.engine.wantsClientMessages)
        try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
        #expect(talk.toUpstream.count == 3)
    }

    @Test(arguments: [
        [("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")], [("sec-websocket-accept", nil)],
        [("upgrade", "h2c")], [("upgrade", nil)], [("connection", "keep-alive")],
        [("sec-websocket-extensions", "permessage-deflate")], [("sec-websocket-protocol", "three")],
        [("sec-websocket-protocol", "one, two")],
    ])
    func `C39: a consent that is none is a 502`(changes: [(String, String?)]) throws {
        let talk = try WebSocketTalk.opened()
        try talk.send(WebSocketTalk.consent(to: talk, changes), from: .upstream)
        #expect(talk.status == 502 && talk.isClosed)
        #expect(talk.refused.map(\.reason) == [.upstreamFailed])
    }

    @Test func `Any other answer than consent is an answer, after which the connection ends`() throws {
        let talk = try WebSocketTalk.opened()
        let head = HTTPResponseHead(
            version: .http1_1,
            status: .unauthorized,
            headers: ["content-length": "0"]
        )
        try talk.send(.responseHead(head), from: .upstream)
        try talk.send(.end(nil), from: .upstream)
        #expect(talk.status == 401 && talk.isClosed && talk.finished == 1)
        #expect(talk.sent(to: talk.toClient)["connection"] == ["close"])
    }

    @Test(arguments: [
        [("sec-websocket-version", "8")], [("sec-websocket-version", nil)], [("sec-websocket-key", nil)],
        [("sec-websocket-key", "short")], [("connection", "keep-alive")], [("content-length", "1")],
        [("transfer-encoding", "chunked")], [("sec-websocket-protocol", "a, a")],
        [("sec-websocket-protocol", "a b")],
    ])
    func `An opening that is not as the RFC has it is refused before anything is asked`(
        changes: [(String, String?)]
    ) throws {
        let talk = try WebSocketTalk.opened(changes)
        #expect(talk.status == 400 && talk.asked.isEmpty && talk.isClosed)
        #expect(talk.refused.map(\.reason) == [.malformed])
    }

    @Test func `An opening is a GET`() throws {
        let talk = try WebSocketTalk()
        try talk.send(.requestHead(WebSocketTalk.head(method: .POST)))
        #expect(talk.status == 400 && talk.asked.isEmpty)
    }

    @Test func `C27: a wish for HTTP/2 in the clear is not heard, and the connection ends after the answer`()
        throws
    {
        let play = try Playbook()
        try play.client(
            lines(
                "GET / HTTP/1.1",
                "Host: allowed.test",
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMA"
            )
        )
        #expect(play.toUpstream == "GET / HTTP/1.1\r\nhost: allowed.test\r\n\r\n")
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 2", body: "ok"))
        #expect(play.statuses == [200] && play.isClosed && play.toClient.contains("connection: close"))
    }

    @Test func `F11: what was put in is masked in frames, and said once`() throws {
        let injection = Injection(.field("authorization"), value: "Bearer s3cr3t-REAL")
        let talk = try WebSocketTalk.opened(injecting: injection)
        try talk.send(WebSocketTalk.consent(to: talk, [("x-echo", "s3cr3t-REAL")]), from: .upstream)
        #expect(talk.sent(to: talk.toClient)["x-echo"] == ["***********"])
        for frame in [
            [0x01, 6] + Array("s3cr3t".utf8), [0x89, 11] + Array("s3cr3t-REAL".utf8),
            [0x80, 5] + Array("-REAL".utf8),
        ] {
            try talk.send(.body(ByteBuffer(bytes: frame)), from: .upstream)
        }
        let told = talk.toClient.compactMap {
            if case .body(let bytes) = $0 { String(buffer: bytes) } else { nil }
        }
        .joined()
        #expect(!told.contains("s3cr3t") && told.contains("\u{B}***********"))
        #expect(talk.masked == [.credential(.header), .credential(.body)])
    }

    @Test func `A provider's token in a message is refused, also when the message is cut in it`() throws {
        let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
        for cut in [token.utf8.count, 10] {
            let talk = try WebSocketTalk.opened()
            try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
            let pieces = [token.utf8.prefix(cut), token.utf8.dropFirst(cut)].filter { !$0.isEmpty }
            for (index, piece) in pieces.enumerated() {
                let isLast = index == pieces.count - 1
                let first: UInt8 = (index == 0 ? 1 : 0) | (isLast ? 0x80 : 0)
                let frame = [first, 0x80 | UInt8(piece.count), 0, 0, 0, 0] + Array(piece)
                try talk.send(.body(ByteBuffer(bytes: frame)))
            }
            #expect(talk.refused.map(\.reason) == [.secretLeaving] && talk.isClosed)
        }
    }

    @Test func `A credential's value is refused on its way out, also when it is cut over two messages`()
        throws
    {
        let spellings = SpellingsCache()
        let secret = "s3cr3t-REAL-and-long"
        let host = Host.name(try #require(DNSName("allowed.test")))
        #expect(spellings.spellings(ofField: "Bearer \(secret)", sentTo: host) != nil)
        for cut in [secret.utf8.count, 7] {
            let talk = try WebSocketTalk(masking: spellings)
            try talk.send(.requestHead(WebSocketTalk.head()))
            try talk.send(.end(nil))
            try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
            for piece in [secret.utf8.prefix(cut), secret.utf8.dropFirst(cut)] {
                let frame = [0x81, 0x80 | UInt8(piece.count), 0, 0, 0, 0] + Array(piece)
                try talk.send(.body(ByteBuffer(bytes: frame)))
            }
            #expect(talk.refused.map(\.reason) == [.secretLeaving] && talk.isClosed)
        }
    }

    @Test func `F09: what a host is sent while a WebSocket is open is masked in its later messages`() throws {
        let spellings = SpellingsCache()
        let secret = "s3cr3t-REAL"
        let talk = try WebSocketTalk(masking: spellings)
        try talk.send(.requestHead(WebSocketTalk.head()))
        try talk.send(.end(nil))
        try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
        func message() throws -> String {
            talk.toClient = []
            try talk.send(
                .body(ByteBuffer(bytes: [0x81, UInt8(secret.utf8.count)] + Array(secret.utf8))),
                from: .upstream
            )
            guard case .body(let bytes)? = talk.toClient.first else { return "" }
            return String(decoding: bytes.readableBytesView.dropFirst(2), as: UTF8.self)
        }
        #expect(try message() == secret, "the control: nothing was sent yet")
        let host = Host.name(try #require(DNSName("allowed.test")))
        for value in [secret, "another-REAL", "third-REAL", "fourth-REAL", "fifth-REAL"] {
            #expect(spellings.spellings(ofField: "Bearer \(value)", sentTo: host) != nil)
            #expect(try message() == String(repeating: "*", count: secret.utf8.count), "\(value)")
        }
    }

    @Test func `Words of two messages that make a token's form by chance are none`() throws {
        let talk = try WebSocketTalk.opened()
        try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
        for piece in ["ghp_16C7e42F292c", "6912E7710c838347Ae178B4a"] {
            let frame = [0x81, 0x80 | UInt8(piece.utf8.count), 0, 0, 0, 0] + Array(piece.utf8)
            try talk.send(.body(ByteBuffer(bytes: frame)))
        }
        #expect(talk.refused.isEmpty && !talk.isClosed)
    }

    @Test func `F05: a placeholder in a message is refused, also when the message is cut in it`() throws {
        let placeholder = Placeholder(credential: "token", variable: "TOKEN", value: "PLACEHOLDER")
        for cut in [[0x81], [0x01, 0x80]] as [[UInt8]] {
            let talk = try WebSocketTalk.opened(placeholders: [placeholder])
            try talk.send(WebSocketTalk.consent(to: talk), from: .upstream)
            let halves = cut.count == 1 ? ["PLACEHOLDER"] : ["PLACE", "HOLDER"]
            for (first, text) in zip(cut, halves) {
                let frame = [first, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8)
                try talk.send(.body(ByteBuffer(bytes: frame)))
            }
            #expect(talk.refused.map(\.reason) == [.placeholderMisused] && talk.isClosed)
        }
    }
}
