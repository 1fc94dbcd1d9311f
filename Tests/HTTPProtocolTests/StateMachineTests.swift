import HTTPProtocol
import Model
import Testing
import Wire

struct StateMachineTests {
    static let get = lines("GET /v1/x HTTP/1.1", "Host: allowed.test")
    static let ok = lines("HTTP/1.1 200 OK", "Content-Length: 2", body: "hi")

    @Test(arguments: [1, 7, Int.max])
    func `A plain GET is asked about, forwarded re-serialised and answered`(cut: Int) throws {
        let play = try Playbook()
        try play.client(Self.get, cut: cut)
        #expect(play.asked.map(\.description) == ["GET http://allowed.test/v1/x"])
        #expect(play.toUpstream == "GET /v1/x HTTP/1.1\r\nhost: allowed.test\r\n\r\n")
        try play.upstream(Self.ok, cut: cut)
        #expect(play.toClient == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        #expect(play.finished == 1)
        #expect(!play.isClosed)
    }

    @Test(arguments: [1, 7, Int.max])
    func `A denied GET gets 403 with a JSON body, nothing goes upstream, the connection lives`(
        cut: Int
    ) throws {
        let play = try Playbook { _ in .denied(Playbook.denial) }
        try play.client(Self.get, cut: cut)
        #expect(play.toUpstream.isEmpty)
        #expect(play.statuses == [403])
        #expect(play.toClient.contains("content-type: application/json\r\ncache-control: no-store"))
        #expect(
            play.toClient.hasSuffix(
                #"{"error":"denied","agent":"0a1b2c3d.2","lineage":["user:alice","ci","tests"],"rule":null,"#
                    + #""decided_by":null,"reason":"no-rule","message":"GET http://allowed.test/ is not allowed","#
                    + #""how_to_ask":"ask alice"}"# + "\n"
            )
        )
        #expect(!play.isClosed)
        play.decide = { _ in .allowed(injection: nil) }
        try play.client(Self.get, cut: cut)
        #expect(!play.toUpstream.isEmpty)
    }

    @Test func `A denied HEAD gets no body`() throws {
        let play = try Playbook { _ in .denied(Playbook.denial) }
        try play.client(lines("HEAD / HTTP/1.1", "Host: allowed.test"))
        #expect(play.statuses == [403])
        #expect(play.toClient.hasSuffix("\r\n\r\n"))
    }

    @Test(arguments: [1, 11, Int.max])
    func `C07: pipelined requests are asked about and answered one at a time, in order`(cut: Int) throws {
        let play = try Playbook(decide: nil)
        let second = lines("GET /second HTTP/1.1", "Host: allowed.test")
        try play.client(Self.get + second, cut: cut)
        #expect(play.asked.count == 1)
        #expect(!play.wantsClientMessages)
        try play.rule(.allowed(injection: nil))
        #expect(play.asked.count == 1)
        try play.upstream(Self.ok)
        #expect(play.asked.count == 2)
        try play.rule(.denied(Playbook.denial))
        #expect(play.statuses == [200, 403])
        #expect(!play.toUpstream.contains("second"))
    }

    @Test func `C07: a second request to another host on the kept-alive connection is refused`() throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstream(Self.ok)
        try play.client(lines("GET / HTTP/1.1", "Host: denied.test"))
        #expect(play.statuses == [200, 421])
        #expect(play.refused.map(\.reason) == [.nameMismatch])
        #expect(play.isClosed)
        #expect(!play.toUpstream.contains("denied"))
    }

    @Test(arguments: [1, 5, Int.max])
    func `A body is held until the ruling, then goes on with its length`(cut: Int) throws {
        let play = try Playbook(decide: nil)
        try play.client(
            lines("POST / HTTP/1.1", "Host: allowed.test", "Content-Length: 5", body: "hello"),
            cut: cut
        )
        #expect(play.toUpstream.isEmpty)
        try play.rule(.allowed(injection: nil))
        #expect(play.toUpstream == "POST / HTTP/1.1\r\nhost: allowed.test\r\ncontent-length: 5\r\n\r\nhello")
    }

    @Test(arguments: [1, 3, Int.max])
    func `Chunked bodies with trailers pass both ways`(cut: Int) throws {
        let play = try Playbook()
        let head = ["Host: allowed.test", "Transfer-Encoding: chunked", "Trailer: X-Sum"]
        try play.client(
            lines(
                "POST / HTTP/1.1",
                head[0],
                head[1],
                head[2],
                body: "5\r\nhello\r\n0\r\nX-Sum: 1\r\nHost: x\r\n\r\n"
            ),
            cut: cut
        )
        #expect(
            play.toUpstream.hasPrefix(
                "POST / HTTP/1.1\r\nhost: allowed.test\r\ntransfer-encoding: chunked\r\n\r\n"
            )
        )
        #expect(play.toUpstream.hasSuffix("0\r\nX-Sum: 1\r\n\r\n"))
        try play.upstream(
            lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body: "2\r\nhi\r\n0\r\nX-Sum: 2\r\n\r\n"),
            cut: cut
        )
        #expect(play.toClient.hasSuffix("0\r\nX-Sum: 2\r\n\r\n"))
        #expect(play.finished == 1)
    }

    @Test func `A denied request's small body is thrown away, a large or unbounded one ends the connection`()
        throws
    {
        let play = try Playbook { _ in .denied(Playbook.denial) }
        try play.client(lines("POST / HTTP/1.1", "Host: allowed.test", "Content-Length: 5", body: "hello"))
        try play.client(Self.get)
        #expect(play.statuses == [403, 403])
        #expect(!play.isClosed)
        try play.client(lines("POST / HTTP/1.1", "Host: allowed.test", "Content-Length: 9000000"))
        #expect(play.toClient.contains("connection: close"))
        let piece = String(repeating: "x", count: HTTPLimits.drained)
        try play.client(piece)
        #expect(!play.isClosed)
        try play.client("x")
        #expect(play.isClosed)
        #expect(play.toUpstream.isEmpty)
    }

    @Test func `Expect 100-continue is answered here, after the ruling, and not passed on`() throws {
        let play = try Playbook(decide: nil)
        let head = lines(
            "PUT /f HTTP/1.1",
            "Host: allowed.test",
            "Content-Length: 2",
            "Expect: 100-continue"
        )
        try play.client(head)
        #expect(play.toClient.isEmpty)
        try play.rule(.allowed(injection: nil))
        #expect(play.toClient == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(!play.toUpstream.lowercased().contains("expect"))
        try play.client("ok")
        #expect(play.toUpstream.hasSuffix("\r\n\r\nok"))
        let other = try Playbook { _ in .denied(Playbook.denial) }
        try other.client(head)
        #expect(other.statuses == [403])
        #expect(other.isClosed)
    }

    @Test func `HTTP/1.0 clients get a length or the end of the connection, never chunks`() throws {
        let play = try Playbook()
        try play.client(lines("GET / HTTP/1.0", "Host: allowed.test", "Connection: keep-alive"))
        #expect(play.toUpstream.hasPrefix("GET / HTTP/1.1\r\n"))
        try play.upstream(
            lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body: "2\r\nhi\r\n0\r\n\r\n")
        )
        #expect(play.toClient == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhi")
        #expect(play.isClosed)
    }

    @Test(arguments: [
        ("HEAD", "200 OK", "Content-Length: 10"), ("HEAD", "200 OK", "Transfer-Encoding: chunked"),
        ("GET", "204 No Content", "X: y"), ("GET", "304 Not Modified", "Content-Length: 10"),
    ])
    func `Responses without a body stay in step`(method: String, status: String, field: String) throws {
        let play = try Playbook()
        let request = lines("\(method) / HTTP/1.1", "Host: allowed.test")
        try play.client(request)
        try play.upstream(lines("HTTP/1.1 \(status)", field))
        #expect(play.finished == 1)
        #expect(play.toClient.hasSuffix("\r\n\r\n"))
        #expect(!play.toClient.contains("\r\n0\r\n"))
        try play.client(request)
        try play.upstream(lines("HTTP/1.1 \(status)", field))
        #expect(play.finished == 2)
        #expect(!play.isClosed)
    }

    @Test func `A response without a length ends with the connection`() throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstream(lines("HTTP/1.1 200 OK", "X: y", body: "some"))
        try play.upstream("more")
        #expect(!play.isClosed)
        try play.upstreamEnds()
        #expect(play.toClient == "HTTP/1.1 200 OK\r\nX: y\r\nconnection: close\r\n\r\nsomemore")
        #expect(play.isClosed)
        #expect(play.finished == 1)
    }

    @Test func `An early response is passed on, the rest of the body is thrown away`() throws {
        let play = try Playbook()
        try play.client(lines("POST / HTTP/1.1", "Host: allowed.test", "Content-Length: 10", body: "hello"))
        try play.upstream(lines("HTTP/1.1 413 Too Large", "Content-Length: 0"))
        #expect(play.statuses == [413])
        #expect(play.finished == 1)
        try play.client("world")
        #expect(play.isClosed)
        #expect(play.toUpstream.hasSuffix("hello"))
    }

    @Test func `An upstream that ends before its response gets the client a 502`() throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstreamEnds()
        #expect(play.statuses == [502])
        #expect(play.refused.map(\.reason) == [.upstreamFailed])
        #expect(play.isClosed)
    }

    @Test func `An upstream that ends within its response ends the client's connection`() throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 10", body: "half"))
        try play.upstreamEnds()
        #expect(play.statuses == [200])
        #expect(play.isClosed)
        #expect(play.finished == 0)
    }

    @Test func `An upstream that ends between requests is no event`() throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstream(Self.ok)
        try play.upstreamEnds()
        #expect(!play.isClosed)
    }

    @Test func `A client that ends after its request gets the response, within it nothing`() throws {
        let play = try Playbook(decide: nil)
        try play.client(Self.get)
        try play.clientEnds()
        try play.rule(.allowed(injection: nil))
        #expect(!play.isClosed)
        try play.upstream(Self.ok)
        #expect(play.statuses == [200])
        #expect(play.isClosed)
        let other = try Playbook()
        try other.client(lines("POST / HTTP/1.1", "Host: allowed.test", "Content-Length: 5", body: "he"))
        try other.clientEnds()
        #expect(other.isClosed)
    }

    @Test(arguments: [
        lines("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "Connection: upgrade"),
        lines("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2", body: "ab"),
        lines(
            "HTTP/1.1 200 OK",
            "Content-Length: 1",
            "Transfer-Encoding: chunked",
            body: "1\r\na\r\n0\r\n\r\n"
        ),
        lines("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked", body: "1\r\na\r\n0\r\n\r\n"),
        lines("HTTP/1.1 999 What", "Content-Length: 0"),
        "SSH-2.0-OpenSSH_9.2\r\n",
        String(repeating: lines("HTTP/1.1 103 Early Hints", "Link: x"), count: 20),
    ])
    func `C39: a hostile upstream gets the client a 502 and the connection closed`(response: String) throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstream(response)
        #expect(play.statuses == [502])
        #expect(play.isClosed)
    }

    @Test func `C39: a second response that nobody asked for ends the connection`() throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstream(Self.ok + Self.ok)
        #expect(play.statuses == [200])
        #expect(play.isClosed)
    }

    @Test func `Interim responses are dropped, the final one passed on`() throws {
        let play = try Playbook()
        try play.client(Self.get)
        try play.upstream(lines("HTTP/1.1 103 Early Hints", "Link: x") + Self.ok)
        #expect(play.statuses == [200])
    }

    @Test(arguments: [("HTTP/1.1", "close", true), ("HTTP/1.1", "keep-alive", false)])
    func `Either side's wish to close is passed on and kept`(
        version: String,
        wish: String,
        closes: Bool
    ) throws {
        let play = try Playbook()
        try play.client(lines("GET / \(version)", "Host: allowed.test", "Connection: \(wish)"))
        try play.upstream(Self.ok)
        #expect(play.isClosed == closes)
        let other = try Playbook()
        try other.client(Self.get)
        try other.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 0", "Connection: \(wish)"))
        #expect(other.isClosed == closes)
        #expect(other.toClient.contains("connection: close") == closes)
    }

    @Test func `A ruling that nobody asked for poisons the engine`() throws {
        let patterns = try #require(PlaceholderPatterns([]))
        let connection = HTTPConnection(
            origin: Playbook.captured("allowed.test"),
            scheme: .http,
            port: 80,
            lineage: Playbook.lineage
        )
        var engine = HTTPEngine(connection, watchingFor: patterns)
        #expect(engine.ruled(RulingID(9), .allowed(injection: nil)) == [.close])
        #expect(engine.ruled(RulingID(9), .allowed(injection: nil)) == [])
    }
}
