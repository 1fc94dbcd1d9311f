import HTTPProtocol
import Model
import NIOHTTP1
import Testing
import Wire

struct CredentialsTests {
    static let value = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    static let placeholder = Placeholder(credential: "github", variable: "GITHUB_TOKEN", value: value)
    static let injection = Injection(.field("authorization"), value: "Bearer s3cr3t-REAL")

    /// `base64("user:" + value)`, `base64(value + ":")` and so on, by Foundation-free hand.
    static func base64(_ text: String, alphabet: String = "+/") -> String {
        let digits = Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + alphabet).utf8)
        var result: [UInt8] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0..<4 {
                result.append(
                    index <= group.count ? digits[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "=")
                )
            }
        }
        return String(decoding: result, as: Unicode.UTF8.self)
    }

    /// Tokens may leave: a placeholder has the shape of one.
    static func play(
        _ ruling: Ruling = .allowed(injection: injection, sending: Sending(kinds: Sending.everything))
    ) throws -> Playbook {
        try Playbook(
            Playbook.captured("allowed.test"),
            scheme: .https,
            placeholders: [
                placeholder, Placeholder(credential: "other", variable: "X", value: "sk-other-0123456789"),
            ]
        ) { _ in ruling }
    }

    @Test(arguments: [
        "Bearer \(value)", "token \(value)", value, "bearer \(value.uppercased())",
        "Basic " + base64("x-access-token:\(value)"), "basic " + base64("\(value):x-oauth-basic"),
        "Basic " + base64("\(value):"), "Basic " + base64("u:" + value.lowercased()), "Bearer somebody-elses",
    ])
    func `The declared field's placeholder is replaced, whatever form it has`(field: String) throws {
        let play = try Self.play()
        try play.client(lines("GET / HTTP/1.1", "Host: allowed.test", "Authorization: \(field)"))
        #expect(
            play.toUpstream
                == "GET / HTTP/1.1\r\nhost: allowed.test\r\nauthorization: Bearer s3cr3t-REAL\r\n\r\n"
        )
    }

    @Test func `The credential replaces every field of its name, and Connection cannot strip it`() throws {
        let play = try Self.play()
        try play.client(
            lines(
                "GET / HTTP/1.1",
                "Host: allowed.test",
                "AUTHORIZATION: a",
                "authorization: b",
                "Connection: authorization, close"
            )
        )
        #expect(play.toUpstream.hasSuffix("\r\nauthorization: Bearer s3cr3t-REAL\r\n\r\n"))
        #expect(play.toUpstream.components(after: "uthorization:").count == 1)
    }

    @Test(arguments: [
        "Bearer \(value)", value, "Basic " + base64("u:\(value)"), "Bearer \(value.uppercased())",
    ])
    func `F05, F08: a placeholder that no credential replaces is refused, not sent as it is`(
        field: String
    ) throws {
        let other = Injection(.field("x-api-key"), value: "s3cr3t-REAL")
        for injection in [nil, other] {
            let play = try Self.play(.allowed(injection: injection))
            try play.client(lines("GET / HTTP/1.1", "Host: allowed.test", "Authorization: \(field)"))
            #expect(play.statuses == [403])
            #expect(play.toClient.contains(#""reason":"placeholder-misused""#))
            #expect(play.refused.map(\.reason) == [.placeholderMisused])
            #expect(play.toUpstream.isEmpty)
        }
    }

    static let misplaced: [Refusal] = [
        Refusal("F07 glued in the query", 403, lines("GET /?t=x\(value) HTTP/1.1", "Host: allowed.test")),
        Refusal("F07 a parameter's name", 403, lines("GET /?\(value)=1 HTTP/1.1", "Host: allowed.test")),
        Refusal("F07 a bare parameter", 403, lines("GET /?a=b&\(value) HTTP/1.1", "Host: allowed.test")),
        Refusal("F07 path", 403, lines("GET /x/\(value)/y HTTP/1.1", "Host: allowed.test")),
        Refusal(
            "F07 encoded path",
            403,
            lines("GET /%67hp_%30" + value.dropFirst(5) + " HTTP/1.1", "Host: allowed.test")
        ),
        Refusal(
            "F07 query in base64",
            403,
            lines("GET /?t=" + base64("a" + value) + " HTTP/1.1", "Host: allowed.test")
        ),
        Refusal("F07 User-Agent", 403, fields: "User-Agent: x/\(value)"),
        Refusal("F07 other case", 403, fields: "User-Agent: \(value.lowercased())x"),
        Refusal("F07 field name", 403, fields: "\(value): x"),
        Refusal("F07 glued in a cookie", 403, fields: "Cookie: a=b; t=x\(value)"),
        Refusal("F07 a cookie's name", 403, fields: "Cookie: \(value)=b"),
        Refusal("F07 base64 at offset 0", 403, fields: "X: {" + base64(value) + "}"),
        Refusal("F07 base64 at offset 1", 403, fields: "X: " + base64("a" + value + "b")),
        Refusal("F07 base64 at offset 2", 403, fields: "X: " + base64("ab" + value + "cd")),
        Refusal("F07 percent-encoded", 403, fields: "X: %67%68%70%5f" + value.dropFirst(4)),
        Refusal("F07 ends in an escape", 403, fields: "X: " + value.dropLast() + "%35"),
        Refusal("F07 beside the scheme word", 403, fields: "Authorization: Bearer \(value) \(value)"),
        Refusal("F07 glued", 403, fields: "Authorization: Bearer x\(value)"),
        Refusal("F07 as scheme word", 403, fields: "Authorization: \(value) \(value)"),
        Refusal("F07 user and password", 403, fields: "Authorization: Basic " + base64("\(value):\(value)")),
        Refusal("F07 glued in Basic", 403, fields: "Authorization: Basic " + base64("u:x\(value)")),
        Refusal("F07 Proxy-Authorization", 403, fields: "Proxy-Authorization: x \(value) y"),
        Refusal("another credential's", 403, fields: "User-Agent: x y sk-other-0123456789"),
    ]

    @Test(arguments: misplaced)
    func `F07: a placeholder anywhere else is refused before anything is asked`(refusal: Refusal) throws {
        let play = try Self.play()
        try play.client(refusal.request)
        #expect(play.statuses == [refusal.status])
        #expect(play.refused.map(\.reason) == [.placeholderMisused])
        #expect(play.asked.isEmpty)
        #expect(play.toUpstream.isEmpty)
        #expect(!play.toClient.contains(Self.value))
    }

    @Test func `F07: a placeholder in Host is refused`() throws {
        let play = try Self.play()
        try play.client(lines("GET / HTTP/1.1", "Host: \(Self.value).allowed.test"))
        #expect(play.refused.map(\.reason) == [.placeholderMisused])
    }

    @Test func `F07: a placeholder in a CONNECT target is refused`() throws {
        let play = try Playbook(.proxyPort, port: 3128, placeholders: [Self.placeholder])
        let target = "\(Self.value).denied.test:443"
        try play.client(lines("CONNECT \(target) HTTP/1.1", "Host: \(target)"))
        #expect(play.refused.map(\.reason) == [.placeholderMisused])
        #expect(play.tunnel == nil)
    }

    @Test(arguments: [1, 2, 3, 7, 39, 40, 1000])
    func `F07: a placeholder in a body cuts the connection, wherever the chunks end`(cut: Int) throws {
        let hidden = [
            "xx\(Self.value)yy", Self.base64("{\"t\":\"\(Self.value)\"}"), Self.base64("ab\(Self.value)"),
            "t=%67" + Self.value.dropFirst() + "&x", Self.value.uppercased() + "!",
        ]
        for body in hidden {
            let play = try Self.play()
            try play.client(
                lines(
                    "POST / HTTP/1.1",
                    "Host: allowed.test",
                    "Content-Length: \(body.utf8.count)",
                    body: body
                ),
                cut: cut
            )
            #expect(play.statuses == [403])
            #expect(play.refused.map(\.reason) == [.placeholderMisused])
            #expect(play.isClosed)
            #expect(!play.toUpstream.contains(body))
        }
    }

    @Test func `F07: a placeholder in a chunked body or its trailers cuts the connection`() throws {
        for body in [
            "14\r\n\(Self.value.prefix(20))\r\n14\r\n\(Self.value.suffix(20))\r\n",
            "0\r\nX: \(Self.value)\r\n\r\n",
        ] {
            let play = try Self.play()
            try play.client(
                lines("POST / HTTP/1.1", "Host: allowed.test", "Transfer-Encoding: chunked", body: body)
            )
            #expect(play.refused.map(\.reason) == [.placeholderMisused])
            #expect(play.isClosed)
        }
    }

    @Test func `An ordinary body is not mistaken for a placeholder`() throws {
        let play = try Self.play()
        let body = String(repeating: String(Self.value.dropLast()) + " ", count: 50)
        try play.client(
            lines("POST / HTTP/1.1", "Host: allowed.test", "Content-Length: \(body.utf8.count)", body: body),
            cut: 17
        )
        #expect(play.toUpstream.hasSuffix(body))
        #expect(play.refused.isEmpty)
    }

    @Test(arguments: [
        (Scheme.http, "authorization", "x"), (.https, "authorization", "x\r\nHost: y"), (.https, "a b", "x"),
        (.https, "", "x"),
    ])
    func `A credential goes over TLS only, into one well-formed field`(
        scheme: Scheme,
        field: String,
        value: String
    ) throws {
        let play = try Playbook(scheme: scheme) { _ in
            .allowed(injection: Injection(.field(field), value: value))
        }
        try play.client(StateMachineTests.get)
        #expect(play.statuses == [503])
        #expect(play.toUpstream.isEmpty)
    }

    @Test func `No description of an action shows what was put in`() throws {
        let patterns = try #require(PlaceholderPatterns([]))
        let connection = HTTPConnection(
            origin: Playbook.captured("allowed.test"),
            scheme: .https,
            port: 443,
            lineage: Playbook.lineage
        )
        var engine = HTTPEngine(connection, watchingFor: patterns)
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: "/",
            headers: ["host": "allowed.test"]
        )
        _ = engine.received(.requestHead(head), from: .client)
        let actions = engine.ruled(RulingID(1), .allowed(injection: Self.injection))
        var dumped = ""
        dump(actions, to: &dumped)
        dump(Self.injection, to: &dumped)
        dump(Ruling.allowed(injection: Self.injection), to: &dumped)
        let shown = "\(actions)" + String(reflecting: actions) + dumped + "\(Self.injection)"
        #expect(actions.count == 1)
        #expect(shown.contains("GET request"))
        #expect(!shown.contains("s3cr3t"))
    }

    @Test func `An empty placeholder cannot be watched for`() {
        #expect(PlaceholderPatterns([Placeholder(credential: "x", variable: "X", value: "")]) == nil)
    }
}
