import HTTPProtocol
import Model
import NIOHTTP1
import Testing
import Wire

struct ReplySearchTests {
    static let secret = "s3cr3t-REAL"
    static let stars = "***********"

    private static func play(_ request: String = StateMachineTests.get) throws -> Playbook {
        let play = try CredentialsTests.play()
        try play.client(request)
        return play
    }

    @Test(arguments: [1, 2, 5, 1000])
    func `F09, F12: the credential is masked in names and values of fields, and in a body of known length`(
        cut: Int
    ) throws {
        let play = try Self.play()
        let body = "x=\(Self.secret)&\(Self.secret)"
        try play.upstream(
            lines(
                "HTTP/1.1 200 \(Self.secret)",
                "Location: https://x/?t=\(Self.secret)",
                "X-\(Self.secret): 1",
                "Content-Length: \(body.utf8.count)",
                body: body
            ),
            cut: cut
        )
        #expect(
            play.toClient
                == lines(
                    "HTTP/1.1 200 OK",
                    "Location: https://x/?t=\(Self.stars)",
                    "X-\(Self.stars): 1",
                    "content-length: \(body.utf8.count)",
                    body: "x=\(Self.stars)&\(Self.stars)"
                )
        )
        #expect(play.masked == [.header, .body])
        #expect(play.finished == 1)
    }

    @Test func `F11: chunk borders do not hide it, and trailers are masked`() throws {
        let play = try Self.play()
        let chunks = Self.secret.map { "1\r\n\($0)\r\n" }.joined()
        try play.upstream(
            lines(
                "HTTP/1.1 200 OK",
                "Transfer-Encoding: chunked",
                body: chunks + "0\r\nX-T: \(Self.secret)\r\n\r\n"
            )
        )
        #expect(play.toClient.contains("\(Self.stars)\r\n0\r\nX-T: \(Self.stars)\r\n\r\n"))
        #expect(play.masked == [.body, .trailer])
    }

    @Test func `What could begin it at the end of a body is passed on`() throws {
        let play = try Self.play()
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 8", body: "a s3cr3t"))
        #expect(play.toClient.hasSuffix("a s3cr3t"))
        #expect(play.masked.isEmpty)
        let open = try Self.play()
        try open.upstream(lines("HTTP/1.1 200 OK", body: "b s3cr3t"))
        #expect(open.toClient.hasSuffix("b "))
        try open.upstreamEnds()
        #expect(open.toClient.hasSuffix("b s3cr3t"))
    }

    @Test func `F11: with a credential put in, no range is asked for, and no coding that cannot be undone`()
        throws
    {
        let request = lines(
            "GET / HTTP/1.1",
            "Host: allowed.test",
            "Range: bytes=1-1",
            "If-Range: x",
            "Accept-Encoding: gzip, dcb, *"
        )
        let play = try Self.play(request)
        #expect(play.toUpstream.contains("accept-encoding: gzip\r\n"))
        #expect(!play.toUpstream.lowercased().contains("range"))
        // The control: without one all of it is passed on.
        let other = try Playbook()
        try other.client(request)
        #expect(
            other.toUpstream.contains("Range: bytes=1-1\r\nIf-Range: x\r\nAccept-Encoding: gzip, dcb, *\r\n")
        )
    }

    @Test(arguments: ["HEAD / HTTP/1.1", "GET / HTTP/1.1"])
    func `Where there is no body, its coding is left out all the same`(line: String) throws {
        let play = try Self.play(lines(line, "Host: allowed.test"))
        let status = line.begins(with: "HEAD") ? "200 OK" : "304 Not Modified"
        try play.upstream(
            lines(
                "HTTP/1.1 \(status)",
                "Content-Encoding: gzip",
                "Content-Length: 9",
                "ETag: \"a\"",
                "Digest: b"
            )
        )
        #expect(play.toClient == lines("HTTP/1.1 \(status)", "etag: W/\"a\""))
        #expect(play.finished == 1)
    }

    @Test(arguments: ["compress", "gzip, gzip, gzip", "gzip, x"])
    func `A reply that cannot be searched is a 502 that says so`(coding: String) throws {
        let play = try Self.play()
        try play.upstream(
            lines("HTTP/1.1 200 OK", "Content-Encoding: \(coding)", "Content-Length: 1", body: "x")
        )
        #expect(play.statuses == [502])
        #expect(play.toClient.contains("cannot be searched"))
        #expect(play.refused.map(\.reason) == [.upstreamFailed])
        #expect(play.isClosed)
    }

    @Test func `A body that is not coded as it says cuts the connection`() throws {
        for body in ["plain", ""] {
            let play = try Self.play()
            try play.upstream(
                lines(
                    "HTTP/1.1 200 OK",
                    "Content-Encoding: gzip",
                    "Content-Length: \(body.utf8.count)",
                    body: body
                )
            )
            #expect(play.toClient.contains("transfer-encoding: chunked"))
            #expect(play.refused.isEmpty == body.isEmpty)
            #expect(play.toClient.hasSuffix("0\r\n\r\n") == body.isEmpty)
        }
    }

    @Test func `Without a credential nothing is looked for or changed`() throws {
        let play = try Playbook()
        try play.client(StateMachineTests.get)
        let reply = lines(
            "HTTP/1.1 200 OK",
            "Content-Encoding: compress",
            "content-length: 11",
            body: Self.secret
        )
        try play.upstream(reply)
        #expect(play.toClient == reply)
        #expect(play.masked.isEmpty)
    }

    @Test(arguments: ["12345", String(repeating: "a", count: 4097)])
    func `A credential that cannot be looked for is not sent`(value: String) throws {
        let play = try CredentialsTests.play(
            .allowed(injection: Injection(.field("authorization"), value: "Bearer \(value)"))
        )
        try play.client(StateMachineTests.get)
        #expect(play.statuses == [503])
        #expect(play.toUpstream.isEmpty)
        #expect(!play.toClient.contains(value))
    }
}
