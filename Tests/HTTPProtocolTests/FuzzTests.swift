import HTTPProtocol
import Model
import TestSupport
import Testing
import Wire

struct FuzzTests {
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
        try Fuzz(
            "http1-requests",
            texts: Conversations.requests + [Conversations.requests.joined()],
            words: Conversations.words
        ).run { input, random in
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
        try Fuzz("http1-replies", texts: Conversations.replies, words: Conversations.words).run {
            input,
            random in
            let play = try Playbook(placeholders: [])
            try play.client(lines("GET /x HTTP/1.1", "Host: allowed.test"))
            for piece in input.pieces(of: 30, &random) { try play.upstream(octets: piece) }
            try play.upstreamEnds()
            try Finding.unless(play.asked.count == 1, "asked again")
            try Finding.unless(play.finished <= 1, "finished twice")
        }
    }

    private static let call = [
        "Host: allowed.test", "Content-Type: application/grpc", "Grpc-Encoding: gzip", "TE: trailers",
    ]

    @Test("Messages of a call: no trap, the same in pieces, and no token in one that is whole goes on unseen")
    func calls() throws {
        try Fuzz("grpc-messages", seeds: Calls.seeds).run { input, random in
            func play(_ pieces: [[UInt8]]) throws -> Playbook {
                let play = try Playbook()
                let head =
                    ["POST /pkg.Service/Echo HTTP/1.1"] + Self.call + ["Content-Length: \(input.count)"]
                try play.client(head.joined(separator: "\r\n") + "\r\n\r\n")
                for piece in pieces { try play.client(octets: piece) }
                return play
            }
            let (whole, cut) = (try play([input]), try play(input.pieces(of: 20, &random)))
            try Finding.unless(
                whole.refused.map(\.reason) == cut.refused.map(\.reason),
                "in pieces it is \(cut.refused)"
            )
            for (flag, octets) in Calls.read(input).messages {
                // Behind a message that cannot be undone nothing is read.
                guard let text = flag & 1 == 0 || octets.isEmpty ? octets : Calls.decoded(octets) else {
                    break
                }
                guard Calls.holds(text, " \(Calls.token) ") else { continue }
                try Finding.unless(!whole.refused.isEmpty, "a token went on")
            }
        }
    }

    @Test(
        "A call's compressed reply: no trap, the same in pieces, messages as they are, and no secret in them"
    )
    func callReplies() throws {
        try Fuzz("grpc-replies", seeds: Calls.seeds).run { input, random in
            func play(_ pieces: [[UInt8]]) throws -> (Playbook, body: [UInt8]) {
                let play = try CredentialsTests.play()
                try play.client(StateMachineTests.get)
                let head = ["HTTP/1.1 200 OK", "Connection: close"] + Self.call.dropFirst().prefix(2)
                try play.upstream(head.joined(separator: "\r\n") + "\r\n\r\n")
                for piece in pieces { try play.upstream(octets: piece) }
                try play.upstreamEnds()
                let behind = play.toClient.components(after: "\r\n\r\n").isEmpty
                let octets = play.octetsToClient
                let end = octets.indices.first { octets[$0...].starts(with: Array("\r\n\r\n".utf8)) }
                return (play, behind ? [] : Array(octets[((end ?? 0) + 4)...]))
            }
            let (whole, cut) = (try play([input]), try play(input.pieces(of: 20, &random)))
            try Finding.unless(whole.0.refused.isEmpty == cut.0.refused.isEmpty, "in pieces it is another")
            for (flag, octets) in Calls.read(whole.body).messages {
                try Finding.unless(flag & 1 == 0, "a message is compressed")
                try Finding.unless(!Calls.holds(octets, "s3cr3t-REAL"), "the secret is there")
            }
            guard whole.0.refused.isEmpty else { return }
            try Finding.unless(whole.body == cut.body, "in pieces it is another")
            try Finding.unless(Calls.read(whole.body).rest == 0, "the last message is not whole")
            try Finding.unless(
                Calls.read(whole.body).messages.count == Calls.read(input).messages.count,
                "other messages"
            )
        }
    }

    @Test(
        "Signatures of AWS: no trap, the same in pieces, one of ours in the place of all others, no look-alike"
    )
    func signatures() throws {
        let scope = "\(AWSRequestTests.id)/20150830/eu-central-1/s3/aws4_request"
        let presigned =
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=\(scope)&X-Amz-Date=20150830T000000Z&X-Amz-Signature=ff"
        let field =
            "Authorization: AWS4-HMAC-SHA256 Credential=\(scope), SignedHeaders=host;x-amz-date, Signature=00ff"
        let host = "Host: \(AWSRequestTests.host)"
        let texts = [
            lines(
                "GET /b/k?x-id=GetObject&acl HTTP/1.1",
                host,
                field,
                "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"
            ),
            lines("GET /b/k?a=%2fb&\(presigned) HTTP/1.1", host),
            lines("PUT /b/k HTTP/1.1", host, field, "Content-Length: 5", body: "hello"),
            lines("GET /b/k HTTP/1.1", host, field, "X-Amz-Security-Token: old", "X-Amz-Date: x"),
        ]
        let words = [
            "Authorization: ", "Credential=", "X-Amz-Credential=", "X-Amz-Security-Token=", "%2F", "/", ", ",
            "&",
            ";", "=", AWSRequestTests.id, scope, "\r\n", " ", "%", "X-Amz-%44ate=1&",
        ]
        try Fuzz("aws-signatures", texts: texts, words: words).run { input, random in
            func play(_ pieces: [[UInt8]]) throws -> Playbook {
                let play = try AWSRequestTests.play(
                    AWSRequestTests.injection("AKIDREAL:real-secret:real-t0k3n")
                )
                for piece in pieces { try play.client(octets: piece) }
                return play
            }
            let (whole, cut) = (try play([input]), try play(input.pieces(of: 40, &random)))
            try Finding.unless(whole.toUpstream == cut.toUpstream, "in pieces it is \(cut.toUpstream)")
            try Finding.unless(!whole.toClient.contains("real-"), "the client is told the key")
            try Finding.unless(!whole.toUpstream.contains("real-secret"), "the secret is sent")
            for head in whole.toUpstream.components(after: " HTTP/1.1\r\n") {
                let fields = head.lowercased()
                try Finding.unless(
                    fields.components(after: "\r\nauthorization: aws4-hmac-sha256 credential=akidreal/").count
                        == 1
                        && fields.components(after: "\r\nauthorization:").count == 1,
                    "not signed once: \(head)"
                )
                try Finding.unless(
                    fields.components(after: "x-amz-security-token: real-t0k3n\r\n").count == 1,
                    "not with the token: \(head)"
                )
            }
            try Finding.unless(!whole.toUpstream.contains(AWSRequestTests.id), "the look-alike is sent")
        }
    }
}
