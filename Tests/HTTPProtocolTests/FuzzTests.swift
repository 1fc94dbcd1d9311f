import HTTPProtocol
import Model
import TestSupport
import Testing
import Wire

struct FuzzTests {
    private static let requests = [
        lines("GET /v1/../x?y=%2e HTTP/1.1", "Host: allowed.test", "Accept: */*", "Connection: keep-alive"),
        lines("POST /a HTTP/1.1", "Host: allowed.test", "Content-Length: 5", body: "hello"),
        lines(
            "POST /a HTTP/1.1",
            "Host: allowed.test",
            "Transfer-Encoding: chunked",
            body: "5\r\nhello\r\n0\r\nX: y\r\n\r\n"
        ),
        lines(
            "POST /x.git/git-receive-pack HTTP/1.1",
            "Host: allowed.test",
            "Content-Length: 8",
            "Content-Type: application/x-git-receive-pack-request",
            body: "0000PACK"
        ),
        lines(
            "POST /m HTTP/1.1",
            "Host: allowed.test",
            "Content-Type: application/json",
            "Content-Length: 13",
            body: #"{"model":"x"}"#
        ),
        lines(
            "GET /live HTTP/1.1",
            "Host: allowed.test",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        ),
        lines("CONNECT allowed.test:443 HTTP/1.1", "Host: allowed.test:443"),
    ]
    private static let words = [
        "\r\n", "\r\n\r\n", ": ", "Content-Length: 0", "Transfer-Encoding: chunked", "Host: other.test",
        "%2e%2e", "/", "..",
        "%2F", "\\", ";", " HTTP/1.1", "HTTP/1.0", "chunked", "0\r\n\r\n", "Expect: 100-continue", "GET ",
        "\t", "_",
    ]

    /// Reads bodies first where it can, then decides by the text of the request.
    private static func rule(_ request: Request) -> Ruling {
        if request.kind == .gitPush, !request.body.tells(.push) { return .read(.push) }
        if let pointer = JSONPointer("/model"), request.body.length != 0, request.kind == .plain,
            !request.body.tells(.json([pointer]))
        {
            return .read(.json([pointer]))
        }
        return request.summary.utf8.count.isMultiple(of: 7)
            ? .denied(Playbook.denial) : .allowed(injection: nil)
    }

    private static func play(_ pieces: [[UInt8]]) throws -> Playbook {
        let play = try Playbook(placeholders: [CredentialsTests.placeholder], decide: rule)
        for piece in pieces { try play.client(octets: piece) }
        return play
    }

    @Test(
        "Requests of HTTP/1.1, chunks, git and JSON in them: no trap, the same in pieces, nothing goes on unasked"
    )
    func requests() throws {
        try Fuzz("http1-requests", texts: Self.requests + [Self.requests.joined()], words: Self.words).run {
            input,
            random in
            let whole = try Self.play([input])
            let cut = try Self.play(input.pieces(of: 40, &random))
            try Finding.unless(
                whole.asked == cut.asked,
                "in pieces others are asked: \(whole.asked) \(cut.asked)"
            )
            try Finding.unless(
                whole.refused.map(\.reason) == cut.refused.map(\.reason),
                "in pieces others are refused: \(whole.refused) \(cut.refused)"
            )
            let sent = whole.toUpstream.components(after: "host: allowed.test\r\n").count
            try Finding.unless(sent <= whole.asked.count, "\(sent) went on of \(whole.asked.count)")
            for case .http(_, let path, _) in whole.asked.map(\.action) where path != "*" {
                try Finding.unless(URLPath.normalise(path) == path, "\(path) is not normal")
            }
        }
    }

    @Test("Replies of HTTP/1.1: no trap, and nothing of a client's but what the reply is")
    func replies() throws {
        let texts = [
            StateMachineTests.ok, lines("HTTP/1.1 204 No Content", "X: y"),
            lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body: "2\r\nhi\r\n0\r\nT: u\r\n\r\n"),
            lines("HTTP/1.1 200 OK", "Connection: close", body: "until the end"),
            lines("HTTP/1.1 100 Continue") + lines("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"),
        ]
        try Fuzz("http1-replies", texts: texts, words: Self.words).run { input, random in
            let play = try Playbook(placeholders: [])
            try play.client(lines("GET /x HTTP/1.1", "Host: allowed.test"))
            for piece in input.pieces(of: 30, &random) { try play.upstream(octets: piece) }
            try play.upstreamEnds()
            try Finding.unless(play.asked.count == 1, "asked again")
            try Finding.unless(play.finished <= 1, "finished twice")
        }
    }
}
