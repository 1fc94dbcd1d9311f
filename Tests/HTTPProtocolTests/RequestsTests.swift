import HTTPProtocol
import Model
import Testing
import Wire

/// One request that must get an answer of our own and never reach an upstream.
struct Refusal: Sendable, CustomTestStringConvertible {
    let title: String
    let status: Int
    let request: String

    init(_ title: String, _ status: Int, _ request: String) {
        self.title = title
        self.status = status
        self.request = request
    }

    /// A GET with fields of its own beside Host.
    init(_ title: String, _ status: Int, fields: String..., body: String = "") {
        let head = ["POST / HTTP/1.1", "Host: allowed.test"] + fields
        self.init(title, status, head.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    var testDescription: String { title }
}

struct RequestsTests {
    static let tail = lines("GET /tail HTTP/1.1", "Host: allowed.test")

    static let framing: [Refusal] = [
        Refusal(
            "C10 CL.TE",
            400,
            fields: "Content-Length: 6",
            "Transfer-Encoding: chunked",
            body: "0\r\n\r\nG"
        ),
        Refusal(
            "C10 TE.CL",
            400,
            fields: "Transfer-Encoding: chunked",
            "Content-Length: 4",
            body: "0\r\n\r\n"
        ),
        Refusal(
            "C10 TE.TE",
            400,
            fields: "Transfer-Encoding: chunked",
            "Transfer-Encoding: x",
            body: "0\r\n\r\n"
        ),
        Refusal("C10 TE twice", 400, fields: "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        Refusal("C10 xchunked", 400, fields: "Transfer-Encoding: xchunked", body: "0\r\n\r\n"),
        Refusal("C10 chunked, identity", 400, fields: "Transfer-Encoding: chunked, identity"),
        Refusal("C10 gzip, chunked", 400, fields: "Transfer-Encoding: gzip, chunked", body: "0\r\n\r\n"),
        Refusal("C10 identity", 400, fields: "Transfer-Encoding: identity"),
        Refusal("C10 quoted", 400, fields: "Transfer-Encoding: \"chunked\""),
        Refusal("C10 vertical tab", 400, fields: "Transfer-Encoding: \u{0B}chunked"),
        Refusal("C10 space before colon", 400, fields: "Transfer-Encoding : chunked", body: "0\r\n\r\n"),
        Refusal("C10 folded", 400, fields: "Transfer-Encoding:\r\n chunked", body: "0\r\n\r\n"),
        Refusal("C10 underscore", 400, fields: "Transfer_Encoding: chunked"),
        Refusal("C10 underscored length", 400, fields: "Content_Length: 4"),
        Refusal("C11 two lengths", 400, fields: "Content-Length: 1", "Content-Length: 2", body: "ab"),
        Refusal("C11 twice the same", 400, fields: "Content-Length: 1", "Content-Length: 1", body: "a"),
        Refusal("C11 list", 400, fields: "Content-Length: 1, 1", body: "a"),
        Refusal("C11 negative", 400, fields: "Content-Length: -1"),
        Refusal("C11 plus", 400, fields: "Content-Length: +5", body: "hello"),
        Refusal("C11 hexadecimal", 400, fields: "Content-Length: 0x5", body: "hello"),
        Refusal("C11 space inside", 400, fields: "Content-Length: 1 2", body: "a"),
        Refusal("C11 empty", 400, fields: "Content-Length:"),
        Refusal("C11 overflow", 400, fields: "Content-Length: 18446744073709551617"),
        Refusal("C11 over Int64", 400, fields: "Content-Length: 9223372036854775808"),
        Refusal(
            "C10 HTTP/1.0 chunked",
            400,
            lines("POST / HTTP/1.0", "Host: allowed.test", "Transfer-Encoding: chunked")
        ),
        Refusal("C10 chunk size not hex", 400, fields: "Expect-Nothing: 1\r\nTransfer-Encoding: zchunked"),
    ]

    static let syntax: [Refusal] = [
        Refusal("C13 bare LF after the request line", 400, "GET / HTTP/1.1\nHost: allowed.test\r\n\r\n"),
        Refusal("C13 bare LF in a value", 400, fields: "X: a\nY: b"),
        Refusal("C13 bare CR in a value", 400, fields: "X: a\rY: b"),
        Refusal("C13 NUL in a value", 400, fields: "X: a\0b"),
        Refusal("C13 control in a value", 400, fields: "X: a\u{1}b"),
        Refusal("C13 DEL in a value", 400, fields: "X: a\u{7F}b"),
        Refusal("C13 NUL in the path", 400, "GET /a\0b HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
        Refusal("C13 CR in the path", 400, "GET /a\rb HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
        Refusal("C13 encoded NUL in the path", 400, lines("GET /a%00 HTTP/1.1", "Host: allowed.test")),
        Refusal("C13 octet over 127 in the path", 400, lines("GET /\u{E9} HTTP/1.1", "Host: allowed.test")),
        Refusal("obs-fold", 400, fields: "X: a\r\n b"),
        Refusal("space in a field name", 400, fields: "X Y: a"),
        Refusal("space in front of the first field", 400, "GET / HTTP/1.1\r\n Host: allowed.test\r\n\r\n"),
        Refusal("no field name", 400, fields: ": a"),
        Refusal("no colon", 400, fields: "nonsense"),
        Refusal("non-ASCII field name", 400, fields: "\u{E9}: a"),
        Refusal("HTTP/0.9", 400, "GET /\r\n\r\n"),
        Refusal("HTTP/0.9 named", 400, lines("GET / HTTP/0.9", "Host: allowed.test")),
        Refusal("HTTP/1.2", 400, lines("GET / HTTP/1.2", "Host: allowed.test")),
        Refusal("C27 HTTP/2 preface", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Refusal("lower-case method", 400, lines("get / HTTP/1.1", "Host: allowed.test")),
        Refusal("unknown method", 400, lines("FROBNICATE / HTTP/1.1", "Host: allowed.test")),
        Refusal("garbage", 400, "\u{16}\u{3}\u{1}\u{2}"),
        Refusal("fragment", 400, lines("GET /#x HTTP/1.1", "Host: allowed.test")),
        Refusal("asterisk GET", 400, lines("GET * HTTP/1.1", "Host: allowed.test")),
        Refusal("control in the query", 400, "GET /?a=\u{1} HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
    ]

    static let limits: [Refusal] = [
        Refusal(
            "one field too long",
            431,
            fields: "X: " + String(repeating: "a", count: HTTPLimits.field + 1)
        ),
        Refusal(
            "name and value together too long",
            431,
            fields: "X-Name: " + String(repeating: "a", count: HTTPLimits.field - 2)
        ),
        Refusal(
            "too many fields",
            431,
            fields: (0...HTTPLimits.fieldCount).map { "X\($0): a" }.joined(separator: "\r\n")
        ),
        Refusal(
            "field block too large",
            431,
            fields: (0..<40).map { "X\($0): " + String(repeating: "a", count: 2048) }.joined(
                separator: "\r\n"
            )
        ),
        Refusal(
            "target too long",
            414,
            lines(
                "GET /" + String(repeating: "a", count: HTTPLimits.target) + " HTTP/1.1",
                "Host: allowed.test"
            )
        ),
    ]

    static let hosts: [Refusal] = [
        Refusal("C01 another Host", 421, lines("GET / HTTP/1.1", "Host: denied.test")),
        Refusal("C01 two Hosts", 400, lines("GET / HTTP/1.1", "Host: allowed.test", "Host: denied.test")),
        Refusal(
            "C01 the same Host twice",
            400,
            lines("GET / HTTP/1.1", "Host: allowed.test", "Host: allowed.test")
        ),
        Refusal("C01 no Host", 400, "GET / HTTP/1.1\r\n\r\n"),
        Refusal("C01 no Host in HTTP/1.0", 400, "GET / HTTP/1.0\r\n\r\n"),
        Refusal("C01 empty Host", 400, lines("GET / HTTP/1.1", "Host: ")),
        Refusal("C01 Host list", 400, lines("GET / HTTP/1.1", "Host: allowed.test, denied.test")),
        Refusal("C01 userinfo", 400, lines("GET / HTTP/1.1", "Host: x@allowed.test")),
        Refusal("C01 another port", 421, lines("GET / HTTP/1.1", "Host: allowed.test:8080")),
        Refusal("C01 empty port", 400, lines("GET / HTTP/1.1", "Host: allowed.test:")),
        Refusal("C01 signed port", 400, lines("GET / HTTP/1.1", "Host: allowed.test:+80")),
        Refusal("C01 port over 65535", 400, lines("GET / HTTP/1.1", "Host: allowed.test:65616")),
        Refusal("C01 path in Host", 400, lines("GET / HTTP/1.1", "Host: allowed.test/x")),
        Refusal(
            "C01 underscored Host",
            400,
            lines("GET / HTTP/1.1", "Host: allowed.test", "HOST_: x", "Ho_st: x", "content_length: 1")
        ),
        Refusal("C17 NUL in Host", 400, "GET / HTTP/1.1\r\nHost: denied.test\0.allowed.test\r\n\r\n"),
        Refusal("C18 suffix", 421, lines("GET / HTTP/1.1", "Host: notallowed.test")),
        Refusal("C18 prefix", 421, lines("GET / HTTP/1.1", "Host: allowed.test.denied.test")),
        Refusal("C19 homograph", 400, lines("GET / HTTP/1.1", "Host: \u{430}llowed.test")),
        Refusal(
            "C19 64-octet label",
            400,
            lines("GET / HTTP/1.1", "Host: " + String(repeating: "a", count: 64) + ".test")
        ),
        Refusal("C21 decimal address", 400, lines("GET / HTTP/1.1", "Host: 2852039166")),
        Refusal("A10 mapped address", 421, lines("GET / HTTP/1.1", "Host: [::ffff:169.254.169.254]")),
        Refusal(
            "C08 absolute form against Host",
            400,
            lines("GET http://allowed.test/ HTTP/1.1", "Host: denied.test")
        ),
        Refusal("C08 both elsewhere", 421, lines("GET http://denied.test/ HTTP/1.1", "Host: denied.test")),
        Refusal(
            "C08 another scheme",
            421,
            lines("GET https://allowed.test:80/ HTTP/1.1", "Host: allowed.test:80")
        ),
        Refusal("C08 userinfo", 400, lines("GET http://x@allowed.test/ HTTP/1.1", "Host: allowed.test")),
        Refusal("C08 no host", 400, lines("GET http:///x HTTP/1.1", "Host: allowed.test")),
        Refusal("C08 ftp", 400, lines("GET ftp://allowed.test/x HTTP/1.1", "Host: allowed.test")),
        Refusal(
            "CONNECT off the proxy port",
            501,
            lines("CONNECT allowed.test:443 HTTP/1.1", "Host: allowed.test:443")
        ),
    ]

    static let unsupported: [Refusal] = [
        Refusal("C32 another protocol", 501, fields: "Connection: Upgrade", "Upgrade: irc"),
        Refusal("C32 a choice of protocols", 501, fields: "Connection: Upgrade", "Upgrade: websocket, irc"),
        Refusal("C27 h2c and another", 501, fields: "Connection: Upgrade", "Upgrade: h2c", "Upgrade: irc"),
        Refusal("Upgrade that Connection does not name", 501, fields: "Upgrade: irc"),
        Refusal("TRACE", 501, lines("TRACE / HTTP/1.1", "Host: allowed.test")),
        Refusal("another expectation", 417, fields: "Expect: 200-ok", "Content-Length: 0"),
    ]

    @Test(arguments: framing + syntax + limits + hosts + unsupported)
    func `Refused before anything is asked, explained, and the connection closed`(refusal: Refusal) throws {
        for cut in [1, 13, Int.max] {
            let play = try Playbook()
            try play.client(refusal.request + Self.tail, cut: cut)
            if !play.isClosed { try play.clientEnds() }
            #expect(play.statuses == [refusal.status], "\(refusal.title), cut \(cut)")
            #expect(play.toClient.contains("connection: close"))
            #expect(play.toClient.contains(#""message":""#))
            #expect(play.asked.isEmpty)
            #expect(play.toUpstream.isEmpty)
            #expect(play.refused.count == 1)
            #expect(play.isClosed)
        }
    }

    @Test(arguments: [
        ("allowed.test", "Allowed.TEST.", "allowed.test"),
        ("allowed.test", "allowed.test:80", "allowed.test"),
        ("93.184.216.34", "93.184.216.34", "93.184.216.34"),
        ("2606:2800::10", "[2606:2800:0::10]", "[2606:2800::10]"),
        ("my_host.test", "my_host.test", "my_host.test"),
    ])
    func `C19: Host is compared and sent in one spelling`(captured: String, host: String, sent: String) throws
    {
        let play = try Playbook(Playbook.captured(captured, serverName: ""))
        try play.client(lines("GET / HTTP/1.1", "Host: \(host)"))
        #expect(play.toUpstream == "GET / HTTP/1.1\r\nhost: \(sent)\r\n\r\n")
    }

    @Test func `A05: another port is part of the endpoint and of Host`() throws {
        let play = try Playbook(port: 8081)
        try play.client(lines("GET / HTTP/1.1", "Host: allowed.test:8081"))
        #expect(play.asked.map(\.endpoint.description) == ["http://allowed.test:8081"])
        #expect(play.toUpstream.contains("host: allowed.test:8081\r\n"))
        let other = try Playbook(port: 8081)
        try other.client(lines("GET / HTTP/1.1", "Host: allowed.test"))
        #expect(other.statuses == [421])
    }

    @Test(arguments: [
        ("allowed.test", "allowed.test", true), ("allowed.test", "denied.test", false),
        ("allowed.test", "", false),
        ("93.184.216.34", "", true), ("93.184.216.34", "allowed.test", false),
    ])
    func `C01, C02, C03, B18: the TLS server name is the captured name, or there is none for an address`(
        captured: String,
        serverName: String,
        agrees: Bool
    ) throws {
        let play = try Playbook(Playbook.captured(captured, serverName: serverName), scheme: .https)
        try play.client(lines("GET / HTTP/1.1", "Host: \(captured)"))
        #expect(play.asked.isEmpty == !agrees)
        #expect(play.statuses == (agrees ? [] : [421]))
    }

    @Test
    func `G11 and C38: hop-by-hop fields, those Connection names, and claims of identity are not passed on`()
        throws
    {
        let play = try Playbook()
        try play.client(
            lines(
                "GET / HTTP/1.1",
                "Host: allowed.test",
                "Connection: X-Audit, Authorization, close",
                "X-Audit: 1",
                "Authorization: mine",
                "Proxy-Authorization: Basic eA==",
                "Proxy-Connection: keep-alive",
                "Keep-Alive: timeout=5",
                "TE: trailers",
                "X-Agent: root",
                "X_Agent: root",
                "X-Forwarded-For: 1.2.3.4",
                "Forwarded: for=1.2.3.4",
                "baggage: a=b",
                "Txn-Token: x",
                "X-Bailey-Agent: root",
                "X-HTTP-Method-Override: DELETE",
                "Accept: */*",
                "Cookie: a=b"
            )
        )
        let sent =
            "GET / HTTP/1.1\r\nhost: allowed.test\r\nAuthorization: mine\r\nAccept: */*\r\nCookie: a=b\r\n\r\n"
        #expect(play.toUpstream == sent)
    }

    @Test func `A response's hop-by-hop fields are not passed on`() throws {
        let play = try Playbook()
        try play.client(StateMachineTests.get)
        try play.upstream(
            lines(
                "HTTP/1.1 200 A Phrase",
                "Connection: X-Hop",
                "X-Hop: 1",
                "Keep-Alive: timeout=5",
                "Alt-Svc: h3=\":443\"",
                "Proxy-Authenticate: Basic",
                "Content-Length: 0",
                "Server: x"
            )
        )
        #expect(play.toClient == "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 0\r\n\r\n")
    }

    @Test func `C12: a GET with a body sends that body, and not as a request of its own`() throws {
        let play = try Playbook()
        try play.client(
            lines(
                "GET / HTTP/1.1",
                "Host: allowed.test",
                "Content-Length: \(Self.tail.utf8.count)",
                body: Self.tail
            )
        )
        #expect(play.asked.count == 1)
        #expect(play.toUpstream.contains("content-length: \(Self.tail.utf8.count)\r\n"))
    }

    @Test func `A method that anticipates content says when there is none`() throws {
        let play = try Playbook()
        try play.client(lines("POST / HTTP/1.1", "Host: allowed.test"))
        #expect(play.toUpstream.contains("content-length: 0\r\n"))
    }

    @Test func `White space that the decoder lets through in the request line is not passed on`() throws {
        let play = try Playbook()
        try play.client(lines("GET  / HTTP/1.1", "Host: allowed.test"))
        #expect(play.toUpstream.hasPrefix("GET / HTTP/1.1\r\n"))
    }

    @Test func `OPTIONS * is asked about as *`() throws {
        let play = try Playbook()
        try play.client(lines("OPTIONS * HTTP/1.1", "Host: allowed.test"))
        #expect(play.asked.map(\.action.summary) == ["OPTIONS *"])
        #expect(play.toUpstream.hasPrefix("OPTIONS * HTTP/1.1\r\n"))
    }
}
