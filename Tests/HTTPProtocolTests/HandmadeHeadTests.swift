import HTTPProtocol
import Model
import NIOCore
import NIOHTTP1
import Testing
import Wire

/// Heads that NIOHTTP1 would not deliver: the engine does not rely on it.
struct HandmadeHeadTests {
    static let host = ("host", "allowed.test")

    static func actions(_ head: HTTPRequestHead) throws -> [EngineAction<HTTPMessage>] {
        let patterns = try #require(PlaceholderPatterns([]))
        let connection = HTTPConnection(
            origin: Playbook.captured("allowed.test"),
            scheme: .http,
            port: 80,
            lineage: Playbook.lineage
        )
        var engine = HTTPEngine(connection, watchingFor: patterns)
        return engine.received(.requestHead(head), from: .client)
    }

    static func isRefused(_ actions: [EngineAction<HTTPMessage>]) -> Bool {
        guard case .refused(_, _, let denial)? = actions.first, actions.last == .close else { return false }
        return denial.reason == .malformed
    }

    static let fields: [[(String, String)]] = [
        [("content-length", "1"), ("transfer-encoding", "chunked")],
        [("content-length", "1"), ("content-length", "1")],
        [("content-length", "+5")], [("content-length", "-1")], [("content-length", "1,1")],
        [("content-length", " 1")],
        [("content-length", "")], [("content-length", "1_0")], [("content-length", "\u{661}")],
        [("content-length", "18446744073709551616")], [("transfer-encoding", "xchunked")],
        [("transfer-encoding", " chunked")], [("transfer-encoding", "\tchunked")],
        [("transfer-encoding", "chunked;a=b")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], [("transfer-encoding", "")],
        [("x", "a\r\nb: c")], [("x", "a\nb")], [("x", "a\rb")], [("x", "a\0b")], [("x", "a\u{7F}")],
        [("", "a")],
        [("x y", "a")], [("x:", "a")], [("x\r\ny", "a")], [("\u{E9}", "a")], [("x\0", "a")],
        [("host", "other.test")],
        [("Host", "allowed.test")],
    ]

    @Test(arguments: fields)
    func `C10, C11, C13: fields that could be read in two ways are refused`(fields: [(String, String)]) throws
    {
        let headers = HTTPHeaders([Self.host] + fields)
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/", headers: headers)
        #expect(Self.isRefused(try Self.actions(head)))
    }

    @Test(arguments: [
        "", "x", "get", "GE T", "GET\r\n", "G\0", "G\u{CB}T", String(repeating: "A", count: 33),
    ])
    func `A method that is no upper-case token is refused`(method: String) throws {
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .RAW(value: method),
            uri: "/",
            headers: HTTPHeaders([Self.host])
        )
        #expect(Self.isRefused(try Self.actions(head)))
    }

    @Test(arguments: [
        "", " /", "/ ", "/a b", "/a\tb", "/a\r\nHost: x", "/a\0", "/\u{E9}", "/?\u{E9}", "/?a b", "a", "?a",
        "//[",
    ])
    func `C13: a target that is no URL is refused, or is sent as one path`(target: String) throws {
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: target,
            headers: HTTPHeaders([Self.host])
        )
        let actions = try Self.actions(head)
        if target == "//[" {
            guard case .ask(_, let request)? = actions.first else {
                Issue.record("not asked")
                return
            }
            #expect(request.action == .http(method: "GET", path: "/%5B", query: nil))
        } else {
            #expect(Self.isRefused(actions))
        }
    }

    @Test(arguments: [
        HTTPVersion.http0_9, .http2, .http3, HTTPVersion(major: 1, minor: 2), .init(major: 0, minor: 0),
    ])
    func `Another version is refused`(version: HTTPVersion) throws {
        let head = HTTPRequestHead(
            version: version,
            method: .GET,
            uri: "/",
            headers: HTTPHeaders([Self.host])
        )
        #expect(Self.isRefused(try Self.actions(head)))
    }

    /// An engine whose one request, with a body of `length`, was allowed.
    static func relaying(length: String) throws -> HTTPEngine {
        let patterns = try #require(PlaceholderPatterns([]))
        let connection = HTTPConnection(
            origin: Playbook.captured("allowed.test"),
            scheme: .http,
            port: 80,
            lineage: Playbook.lineage
        )
        var engine = HTTPEngine(connection, watchingFor: patterns)
        let headers = HTTPHeaders([Self.host, ("content-length", length)])
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/", headers: headers)
        _ = engine.received(.requestHead(head), from: .client)
        _ = engine.ruled(RulingID(1), .allowed(injection: nil))
        return engine
    }

    @Test func `C10: a body longer or shorter than its length is not passed on as a whole message`() throws {
        let five = HTTPMessage.body(ByteBuffer(string: "hello"))
        var long = try Self.relaying(length: "4")
        #expect(long.received(five, from: .client) == [.close])
        var short = try Self.relaying(length: "6")
        #expect(short.received(five, from: .client) == [.forward(five, to: .upstream, under: RulingID(1))])
        #expect(short.received(.end(nil), from: .client) == [.close])
    }

    @Test func `C39: a response body longer or shorter than its length is not passed on as a whole message`()
        throws
    {
        let five = HTTPMessage.body(ByteBuffer(string: "hello"))
        for (length, excess) in [("4", true), ("6", false)] {
            var engine = try Self.relaying(length: "0")
            _ = engine.received(.end(nil), from: .client)
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": length])
            #expect(engine.received(.responseHead(head), from: .upstream).count == 1)
            #expect((engine.received(five, from: .upstream) == [.close]) == excess)
            if !excess { #expect(engine.received(.end(nil), from: .upstream) == [.close]) }
        }
    }
}
