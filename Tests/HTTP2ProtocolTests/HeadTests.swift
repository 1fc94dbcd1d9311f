import HTTP2Protocol
import NIOCore
import NIOHPACK
import NIOHTTP1
import Testing

struct HeadTests {
    private static let request = HPACKHeaders([
        (":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x?y=1"),
        ("accept", "*/*"),
    ])

    private static func read(_ block: HPACKHeaders, ends: Bool = true) throws -> HTTPRequestHead {
        try HTTP2Request.head(block, ends: ends, scheme: "https")
    }

    private static func with(_ changes: [(String, String)]) -> HPACKHeaders {
        var block = request
        for (name, value) in changes { block.replaceOrAdd(name: name, value: value) }
        return block
    }

    @Test func `a request is read as the same request of HTTP/1.1`() throws {
        let head = try Self.read(Self.request)
        #expect(head.method == .GET && head.uri == "/x?y=1" && head.version == .http1_1)
        #expect(head.headers.map { "\($0.name)=\($0.value)" } == ["host=a.test", "accept=*/*"])
    }

    @Test func `a body without a length is chunked there`() throws {
        #expect(try Self.read(Self.request, ends: false).headers["transfer-encoding"] == ["chunked"])
        let sized = Self.with([("content-length", "3")])
        #expect(try Self.read(sized, ends: false).headers["transfer-encoding"] == [])
        #expect(try Self.read(Self.request).headers["transfer-encoding"] == [])
    }

    @Test func `cookies in several fields are one field there`() throws {
        var block = Self.request
        block.add(name: "cookie", value: "a=1")
        block.add(name: "cookie", value: "b=2")
        #expect(try Self.read(block).headers["cookie"] == ["a=1; b=2"])
    }

    @Test(
        "C28 a request whose pseudo-header fields are not those of one request on this connection is refused",
        arguments: [
            [(":authority", "")], [(":path", "http://b.test/")], [(":path", "")], [(":path", "*")],
            [(":method", "CONNECT")], [(":protocol", "websocket")], [(":scheme", "http")],
            [(":scheme", "file")],
            [("host", "b.test")], [(":status", "200")], [(":unknown", "x")],
        ]
    )
    func malformedPseudoHeaders(changes: [(String, String)]) {
        #expect(throws: HTTP2Fault.self) { try Self.read(Self.with(changes)) }
    }

    private static let opening: HPACKHeaders = [
        ":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":authority": "a.test",
        ":path": "/live",
        "sec-websocket-version": "13", "sec-websocket-protocol": "chat",
    ]

    @Test("C32: an extended CONNECT is the opening of a WebSocket (RFC 8441), with a key of our own")
    func opening() throws {
        let head = try Self.read(Self.opening, ends: false)
        #expect(head.method == .GET && head.uri == "/live")
        #expect(head.headers["upgrade"] == ["websocket"] && head.headers["connection"] == ["Upgrade"])
        #expect(
            head.headers["sec-websocket-key"].count == 1 && head.headers["sec-websocket-version"] == ["13"]
        )
        #expect(!head.headers.contains(name: "transfer-encoding"))
        let consent: HTTPHeaders = [
            "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": "x", "a": "b",
        ]
        let block = HTTP2Response.block(
            of: HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: consent)
        )
        #expect(block == [":status": "200", "a": "b"])
    }

    @Test(
        "C32: an extended CONNECT for anything else, or one that ends, is refused",
        arguments: ["connect-udp", "h2c", ""]
    )
    func otherProtocol(spoken: String) {
        var block = Self.opening
        block.replaceOrAdd(name: ":protocol", value: spoken)
        #expect(throws: HTTP2Fault.self) { try Self.read(block, ends: false) }
        #expect(throws: HTTP2Fault.self) { try Self.read(Self.opening, ends: true) }
    }

    @Test(
        "C28 what a request needs may not be missing",
        arguments: [":method", ":scheme", ":authority", ":path"]
    )
    func missing(name: String) {
        var block = Self.request
        block.remove(name: name)
        #expect(throws: HTTP2Fault.self) { try Self.read(block) }
    }

    @Test("C28 C30 repeated, late, upper-case and connection-specific fields are refused")
    func malformedFields() {
        for extra in [
            (":path", "/z"), ("Upper", "x"), ("connection", "close"), ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"), ("te", "gzip"), ("keep-alive", "1"), ("proxy-connection", "x"),
        ] {
            var block = Self.request
            block.add(name: extra.0, value: extra.1)
            #expect(throws: HTTP2Fault.self, "\(extra)") { try Self.read(block) }
        }
    }

    @Test func `the same host beside the authority is taken once`() throws {
        #expect(try Self.read(Self.with([("host", "a.test")])).headers["host"] == ["a.test"])
    }

    @Test func `a request is written without what belongs to a connection, and grpc asks for trailers`() {
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .POST,
            uri: "/p.S/M",
            headers: [
                "Host": "a.test", "Content-Type": "application/grpc", "Transfer-Encoding": "chunked",
                "Connection": "close",
            ]
        )
        let block = HTTP2Request.block(of: head, scheme: "https")
        #expect(
            block.map { "\($0.name)=\($0.value)" } == [
                ":method=POST", ":scheme=https", ":authority=a.test", ":path=/p.S/M",
                "content-type=application/grpc", "te=trailers",
            ]
        )
    }

    @Test func `a secret is never entered into the compression table`() {
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: "/",
            headers: ["Host": "a.test", "Authorization": "Bearer x", "Accept": "a"]
        )
        let kinds = HTTP2Request.block(of: head, scheme: "https").filter { $0.name == "authorization" }
        #expect(kinds.count == 1 && kinds[0].indexable == .neverIndexed)
    }

    @Test func `a response is read with the framing that its stream gives it`() throws {
        let block = HPACKHeaders([(":status", "200"), ("content-type", "text/plain")])
        func framing(_ block: HPACKHeaders, ends: Bool, hasBody: Bool = true) throws -> [String] {
            let head = try HTTP2Response.head(block, ends: ends, hasBody: hasBody)
            return head.headers["transfer-encoding"] + head.headers["content-length"]
        }
        #expect(try framing(block, ends: false) == ["chunked"])
        #expect(try framing(block, ends: true) == ["0"])
        #expect(try framing(block, ends: true, hasBody: false) == [])
        #expect(try framing(HPACKHeaders([(":status", "204")]), ends: true) == [])
        #expect(try framing(HPACKHeaders([(":status", "103")]), ends: false) == [])
    }

    @Test(
        "C39 a response whose status is none is refused",
        arguments: ["", "20", "2000", "abc", "+20", "600"]
    )
    func malformedStatus(status: String) {
        #expect(throws: HTTP2Fault.self) {
            try HTTP2Response.head(HPACKHeaders([(":status", status)]), ends: true, hasBody: true)
        }
    }

    @Test func `a name that is not ASCII is refused before the library would have to write it`() throws {
        var octets = ByteBuffer(bytes: [0, 2, 0xC3, 0xA4, 1, 0x78])
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        let block = try decoder.decodeHeaders(from: &octets)
        #expect(block.first?.name == "\u{e4}")
        #expect(throws: HTTP2Fault.self) { try HTTP2Trailers.fields(block) }
    }

    @Test func `trailers hold no pseudo-header fields`() throws {
        #expect(throws: HTTP2Fault.self) { try HTTP2Trailers.fields(HPACKHeaders([(":status", "200")])) }
        let fields = try HTTP2Trailers.fields(HPACKHeaders([("grpc-status", "0")]))
        #expect(fields["grpc-status"] == ["0"])
        #expect(HTTP2Trailers.block(of: ["Grpc-Status": "0"]).map(\.name) == ["grpc-status"])
    }
}
