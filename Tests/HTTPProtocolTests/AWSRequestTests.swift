import HTTPProtocol
import Model
import Testing
import Wire

/// What becomes of a client's signature of AWS; that the new one is right, `AWSSignerTests` and boto3's requests show.
struct AWSRequestTests {
    static let id = "AKIA2345672345672345"
    static let host = "s3.eu-central-1.amazonaws.com"
    private static let moment: Int64 = 1_440_938_160
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private static func authorization(_ scope: String = "eu-central-1/s3", id: String = id) -> String {
        "Authorization: AWS4-HMAC-SHA256 Credential=\(id)/20150830/\(scope)/aws4_request, "
            + "SignedHeaders=host;x-amz-date, Signature=00ff"
    }

    static func injection(_ key: String = "AKIDREAL:real-secret", scope: AWSScope? = nil) -> Injection {
        Injection(.awsSignature, value: key, signing: Injection.Signing(scope: scope, seconds: moment))
    }

    private func play(_ injection: Injection? = injection(), to host: String = host) throws -> Playbook {
        try Self.play(injection, to: host)
    }

    static func play(_ injection: Injection? = injection(), to host: String = host) throws -> Playbook {
        try Playbook(
            Playbook.captured(host),
            scheme: .https,
            placeholders: [
                Placeholder(credential: "aws", variable: "AWS_ACCESS_KEY_ID", value: Self.id),
                Placeholder(
                    credential: "aws",
                    variable: "AWS_SECRET_ACCESS_KEY",
                    value: "look+alike/0123456789012345678901234567"
                ),
            ]
        ) { request in
            // As the gateway does.
            if injection?.place == .awsSignature, !request.body.tells(.digest) { return .read(.digest) }
            return .allowed(injection: injection)
        }
    }

    private func request(
        _ line: String,
        _ fields: String...,
        host: String = host,
        body: String = ""
    ) -> String {
        ([line + " HTTP/1.1", "Host: \(host)"] + fields).joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    @Test func `F08: the client's signature goes, and one with the real key takes its place`() throws {
        let play = try play()
        try play.client(
            request(
                "GET /b/k?x-id=GetObject",
                Self.authorization(),
                "X-Amz-Date: 20200101T000000Z",
                "X-Amz-Security-Token: old",
                "X-Amz-Content-Sha256: \(Self.empty)",
                "Range: bytes=0-1"
            )
        )
        let sent = play.toUpstream
        #expect(sent.contains("Credential=AKIDREAL/20150830/eu-central-1/s3/aws4_request"), "\(sent)")
        #expect(sent.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="))
        #expect(sent.contains("x-amz-date: 20150830T123600Z\r\n"))
        #expect(
            sent.contains("Range: bytes=0-1\r\n"),
            "nothing of the key comes back, so nothing is searched"
        )
        #expect(sent.components(after: "uthorization:").count == 1)
        for gone in [Self.id, "00ff", "20200101", "Security-Token", "real-secret"] {
            #expect(!sent.contains(gone))
        }
    }

    @Test
    func
        `F09: the token of a temporary key is masked in the reply, and what is never sent is not looked for`()
        throws
    {
        let reply = lines(
            "HTTP/1.1 200 OK",
            "X-Echo: t0k3n-REAL real-secret",
            "content-length: 10",
            body: "t0k3n-REAL"
        )
        let temporary = try play(Self.injection("ASIAREAL:real-secret:t0k3n-REAL"), to: Self.host)
        let asked = request("GET /b", Self.authorization(), "X-Amz-Content-Sha256: \(Self.empty)")
        try temporary.client(asked)
        try temporary.upstream(reply)
        #expect(
            temporary.toClient
                == reply.replacing("t0k3n-REAL", with: "**********"),
            "the secret that signs was not sent: the server cannot have it from here"
        )
        #expect(temporary.masked == [.header, .body])
        // The control: nothing is sent of a lasting key.
        let lasting = try play(Self.injection("ASIAREAL:t0k3n-REAL"))
        try lasting.client(asked)
        try lasting.upstream(reply)
        #expect(lasting.toClient == reply && lasting.masked.isEmpty)
    }

    @Test(arguments: [("s3", true), ("s3-object-lambda", false), ("execute-api", false)])
    func `With a temporary key ranges are asked for of S3 alone`(service: String, isAsked: Bool) throws {
        let scope = try #require(AWSScope(region: "us-east-1", service: service))
        let play = try play(Self.injection("ASIAREAL:real-secret:t0k3n-REAL", scope: scope), to: "minio.test")
        try play.client(
            request(
                "GET /b/k",
                "X-Amz-Content-Sha256: \(Self.empty)",
                "Range: bytes=1-1",
                host: "minio.test"
            )
        )
        #expect(play.toUpstream.contains("/us-east-1/\(service)/aws4_request"))
        #expect(play.toUpstream.contains("Range: bytes=1-1") == isAsked)
    }

    @Test func `A token that cannot be looked for is not sent`() throws {
        let play = try play(Self.injection("ASIAREAL:real-secret:" + String(repeating: "t", count: 4097)))
        try play.client(request("GET /b", Self.authorization(), "X-Amz-Content-Sha256: \(Self.empty)"))
        #expect(play.statuses == [503] && play.toUpstream.isEmpty)
    }

    @Test func `A temporary key brings its token, signed`() throws {
        let play = try play(Self.injection("ASIAREAL:real-secret:t0k3n-REAL"))
        try play.client(request("GET /b", Self.authorization(), "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD"))
        #expect(play.toUpstream.contains("x-amz-security-token: t0k3n-REAL\r\n"))
        #expect(
            play.toUpstream.contains(
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"
            )
        )
        #expect(play.toUpstream.contains("x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"))
    }

    @Test func `The parameters of a presigned URL go, and the rest of its query stays`() throws {
        let play = try play()
        let signed =
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=\(Self.id)%2F20150830%2Feu-central-1%2Fs3%2Faws4_request"
            + "&X-Amz-Date=20150830T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=ff"
        try play.client(request("GET /b/k?response-content-type=a%2fb&acl&\(signed)"))
        #expect(
            play.toUpstream.hasPrefix("GET /b/k?response-content-type=a%2Fb&acl HTTP/1.1\r\n"),
            "\(play.toUpstream)"
        )
        #expect(play.toUpstream.contains("x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"))
        #expect(play.toUpstream.contains("authorization: AWS4-HMAC-SHA256 Credential=AKIDREAL/"))
    }

    @Test(arguments: [1, 7, 4096])
    func `A body without a digest is held until its digest is made, and goes on as it came`(cut: Int) throws {
        let play = try play(to: "dynamodb.eu-central-1.amazonaws.com")
        let body = "{\"TableName\": \"t\"}"
        let head = request(
            "POST /",
            Self.authorization("eu-central-1/dynamodb"),
            "Content-Length: \(body.utf8.count)",
            host: "dynamodb.eu-central-1.amazonaws.com"
        )
        try play.client(head + body.dropLast(), cut: cut)
        #expect(play.toUpstream.isEmpty, "nothing leaves before the digest is there")
        try play.client(String(body.suffix(1)), cut: cut)
        #expect(play.toUpstream.hasSuffix("\r\n\r\n" + body))
        #expect(play.asked.count == 2)
        #expect(!play.toUpstream.contains("x-amz-content-sha256"), "only S3 has it")
        try play.upstream(lines("HTTP/1.1 200 OK", "Content-Length: 2", body: "{}"))
        #expect(play.statuses == [200] && play.finished == 1)
    }

    @Test func `A client that waits for 100 Continue gets it before its body is read`() throws {
        let play = try play(to: "sts.amazonaws.com")
        let head = request(
            "POST /",
            Self.authorization("us-east-1/sts"),
            "Content-Length: 3",
            "Expect: 100-continue",
            host: "sts.amazonaws.com"
        )
        try play.client(head)
        #expect(play.statuses == [100] && play.toUpstream.isEmpty)
        try play.client("a=b")
        #expect(play.statuses == [100], "once")
        #expect(play.toUpstream.hasSuffix("\r\n\r\na=b"))
    }

    static let refusedRequests:
        [(name: String, status: Int, reason: Denial.Reason, fields: [String], host: String)] = [
            ("another region", 403, .nameMismatch, [authorization("us-east-1/s3")], host),
            ("another service", 403, .nameMismatch, [authorization("eu-central-1/iam")], host),
            ("no host of AWS", 403, .nameMismatch, [authorization()], "minio.test"),
            ("not signed", 400, .malformed, [], host),
            (
                "signed chunk by chunk", 501, .unsupported,
                [authorization(), "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD"], host
            ),
            (
                "signed chunk by chunk with trailers", 501, .unsupported,
                [authorization(), "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"], host
            ),
            ("no digest", 400, .malformed, [authorization(), "X-Amz-Content-Sha256: abc"], host),
            (
                "two digests", 400, .malformed,
                [
                    authorization(), "X-Amz-Content-Sha256: \(empty)",
                    "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD",
                ], host
            ),
            ("two signatures", 400, .malformed, [authorization(), authorization()], host),
            (
                "signature version 4a", 501, .unsupported,
                ["Authorization: AWS4-ECDSA-P256-SHA256 Credential=x/20150830/s3/aws4_request, Signature=0"],
                host
            ),
            (
                "S3 Express", 501, .unsupported, [authorization("eu-central-1/s3express")],
                "b--euc1-az1--x-s3.s3express-euc1-az1.eu-central-1.amazonaws.com"
            ),
        ]

    @Test(arguments: refusedRequests)
    func `What cannot be signed for its host is refused by name`(
        name: String,
        status: Int,
        reason: Denial.Reason,
        fields: [String],
        host: String
    ) throws {
        let play = try play(to: host)
        try play.client(
            (["GET /b/k HTTP/1.1", "Host: \(host)"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
        )
        #expect(play.statuses == [status], "\(play.toClient)")
        #expect(play.refused.map(\.reason) == [reason])
        #expect(play.toUpstream.isEmpty)
    }

    @Test func `A scope in the credential signs what the host says nothing of, and nothing else`() throws {
        let scope = try #require(AWSScope(region: "us-east-1", service: "s3"))
        for (field, isSent) in [
            (Self.authorization("us-east-1/s3"), true), ("X-A: unsigned", true),
            (Self.authorization(), false),
        ] {
            let play = try play(Self.injection(scope: scope), to: "minio.test")
            try play.client(request("GET /b/k", field, host: "minio.test"))
            #expect(
                play.toUpstream.contains("Credential=AKIDREAL/20150830/us-east-1/s3/aws4_request") == isSent
            )
            #expect(play.statuses == (isSent ? [] : [403]))
        }
    }

    @Test(arguments: [
        authorization() + ", x=\(id)", "Authorization: Bearer \(id)", "X-A: \(id)",
        "Authorization: AWS4-HMAC-SHA256 Credential=\(id)/x, SignedHeaders=a, Signature=b",
    ])
    func `F05 F07: the look-alike of a key's id anywhere but in a signature is refused`(field: String) throws
    {
        let play = try play()
        try play.client(request("GET /b/k", field))
        #expect(
            play.statuses == [403] && play.refused.map(\.reason) == [.placeholderMisused],
            "\(play.toClient)"
        )
        #expect(play.toUpstream.isEmpty)
    }

    @Test func `F05: a signature with look-alikes is not sent where no rule signs`() throws {
        for injection in [nil, Injection(.field("authorization"), value: "Bearer s3cr3t-REAL")] {
            let play = try play(injection)
            try play.client(request("GET /b/k", Self.authorization(), "X-Amz-Content-Sha256: \(Self.empty)"))
            #expect(play.statuses == [403] && play.toUpstream.isEmpty)
        }
    }

    @Test func `F07: the look-alike of a secret is sent nowhere`() throws {
        let play = try play()
        try play.client(
            request("GET /b/k", Self.authorization(), "X-A: look+alike/0123456789012345678901234567")
        )
        #expect(play.refused.map(\.reason) == [.placeholderMisused])
    }

    @Test func `F07: a placeholder in a body that is held is refused, and the next request is served`() throws
    {
        let play = try play(to: "sts.amazonaws.com")
        let fields = [Self.authorization("us-east-1/sts"), "Content-Length: 40"]
        try play.client(
            request(
                "POST /",
                fields[0],
                fields[1],
                host: "sts.amazonaws.com",
                body: "a=\(Self.id)" + String(repeating: "b", count: 18)
            )
        )
        #expect(play.statuses == [403] && play.toUpstream.isEmpty)
        #expect(play.refused.map(\.reason) == [.placeholderMisused])
    }

    @Test func `A body over the limit is refused when its length says so, or when it comes to it`() throws {
        let long = HTTPLimits.gathered + 1
        let play = try play(to: "sts.amazonaws.com")
        try play.client(
            request(
                "POST /",
                Self.authorization("us-east-1/sts"),
                "Content-Length: \(long)",
                host: "sts.amazonaws.com"
            )
        )
        #expect(play.statuses == [413] && play.refused.map(\.reason) == [.malformed])
        let other = try self.play(to: "sts.amazonaws.com")
        try other.client(
            request(
                "POST /",
                Self.authorization("us-east-1/sts"),
                "Transfer-Encoding: chunked",
                host: "sts.amazonaws.com"
            )
        )
        let megabyte = String(repeating: "x", count: 1 << 20)
        for _ in 0...(HTTPLimits.gathered >> 20) where !other.isClosed {
            try other.client("100000\r\n\(megabyte)\r\n")
        }
        #expect(other.statuses == [413] && other.toUpstream.isEmpty)
    }

    @Test func `A client that goes away in the middle of a body that is held is on record`() throws {
        let play = try play(to: "sts.amazonaws.com")
        try play.client(
            request(
                "POST /",
                Self.authorization("us-east-1/sts"),
                "Content-Length: 9",
                host: "sts.amazonaws.com",
                body: "abc"
            )
        )
        try play.clientEnds()
        #expect(play.isClosed && play.refused.map(\.reason) == [.malformed] && play.toUpstream.isEmpty)
    }
}
