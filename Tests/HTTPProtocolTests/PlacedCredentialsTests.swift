import HTTPProtocol
import Model
import Testing
import Wire

/// Credentials in the query and in cookies.
struct PlacedCredentialsTests {
    private static let value = CredentialsTests.value
    private static let secret = "s3cr3t/REAL+&=%x"
    private static let query = Injection(.query("key"), value: secret)
    private static let cookie = Injection(.cookie("sid"), value: "s3cr3t-REAL")

    /// What is sent on, for a request line's target and fields.
    private func sent(_ injection: Injection, _ target: String, _ fields: String...) throws -> String {
        let play = try CredentialsTests.play(.allowed(injection: injection))
        let head = (["GET \(target) HTTP/1.1", "Host: allowed.test"] + fields).joined(separator: "\r\n")
        try play.client(head + "\r\n\r\n")
        return play.toUpstream.isEmpty
            ? "\(play.statuses) \(play.refused.map(\.reason.rawValue).joined())" : play.toUpstream
    }

    @Test(arguments: [
        ("/x", "/x?key="), ("/x?", "/x?key="), ("/x?key=\(value)", "/x?key="),
        ("/x?a=1&key=\(value)&b=%2f", "/x?a=1&key=&b=%2f"),
        ("/x?key=mine&a=1&key=\(value)&key", "/x?key=&a=1"),
        ("/x?k%65y=mine", "/x?key="), ("/x?key=%67hp_" + value.dropFirst(4), "/x?key="),
        ("/x?Key=1&keys=2", "/x?Key=1&keys=2&key="), ("/x?a=b?key=c", "/x?a=b?key=c&key="),
        ("/x?&&a=1&", "/x?a=1&key="),
    ])
    func `F08 F17 F19: the parameter of that name is the credential, once, whatever stood there`(
        target: String,
        expected: String
    ) throws {
        let encoded = "s3cr3t%2FREAL%2B%26%3D%25x"
        let whole = expected.replacing("key=", with: "key=\(encoded)", maxReplacements: 1)
        let line = expected.hasPrefix("/x?a=b?") ? "/x?a=b?key=c&key=\(encoded)" : whole
        #expect(try sent(Self.query, target) == "GET \(line) HTTP/1.1\r\nhost: allowed.test\r\n\r\n")
    }

    @Test func `What is withheld is taken out, and nothing put in`() throws {
        func rest(_ place: CredentialPlace, _ target: String, _ fields: String...) throws -> String {
            let play = try CredentialsTests.play(.allowed(injection: Injection(withheldAt: place)))
            let head = (["GET \(target) HTTP/1.1", "Host: allowed.test"] + fields).joined(separator: "\r\n")
            try play.client(head + "\r\n\r\n")
            return play.toUpstream
        }
        let end = "HTTP/1.1\r\nhost: allowed.test\r\n"
        #expect(try rest(.query("key"), "/x?a=1&key=\(Self.value)") == "GET /x?a=1 \(end)\r\n")
        #expect(
            try rest(.field("authorization"), "/x", "Authorization: Bearer \(Self.value)")
                == "GET /x \(end)\r\n"
        )
        #expect(
            try rest(.cookie("sid"), "/x", "Cookie: a=1; sid=\(Self.value)")
                == "GET /x \(end)cookie: a=1\r\n\r\n"
        )
        // Elsewhere it is refused as ever.
        #expect(try rest(.query("key"), "/x", "X-Other: \(Self.value)").isEmpty)
    }

    @Test func `F19: a second parameter of the name behind a semicolon is refused: some servers read it`()
        throws
    {
        for target in ["/x?a=1;key=mine", "/x?a=1;k%65y=mine&key=\(Self.value)"] {
            #expect(try sent(Self.query, target) == "[403] placeholder-misused")
        }
    }

    @Test(arguments: [
        ("sid=\(value)", "sid="), ("a=1; sid=\(value); b=2", "a=1; b=2; sid="), ("sid=\"\(value)\"", "sid="),
        ("sid=mine; sid=\(value);;", "sid="), ("SID=1; a", "SID=1; a; sid="), ("", "sid="),
    ])
    func `F08 F19: the cookie of that name is the credential, once, beside the others`(
        field: String,
        expected: String
    ) throws {
        let whole = "GET / HTTP/1.1\r\nhost: allowed.test\r\ncookie: \(expected)s3cr3t-REAL\r\n\r\n"
        #expect(try sent(Self.cookie, "/", "Cookie: \(field)") == whole)
    }

    @Test func `Two Cookie fields are one when the credential is in`() throws {
        let whole = "GET / HTTP/1.1\r\nhost: allowed.test\r\ncookie: a=1; b=2; sid=s3cr3t-REAL\r\n\r\n"
        #expect(try sent(Self.cookie, "/", "Cookie: a=1; sid=x", "Cookie: b=2") == whole)
        #expect(try sent(Self.cookie, "/") == whole.replacing("a=1; b=2; ", with: ""))
    }

    @Test(arguments: [
        ("/?other=\(value)", ""), ("/?Key=\(value)", ""), ("/?key=1&x=\(value)", ""),
        ("/", "Cookie: key=\(value)"),
        ("/", "Authorization: Bearer \(value)"), ("/?k\u{65}y\u{301}=\(value)", ""),
    ])
    func `F05 F07 F08: a placeholder in another parameter, cookie or field is refused`(
        target: String,
        field: String
    ) throws {
        let got = try field.isEmpty ? sent(Self.query, target) : sent(Self.query, target, field)
        #expect(got.hasPrefix("[40"), "\(got)")
    }

    @Test func `F07: a placeholder in a cookie that no credential replaces is refused`() throws {
        for injection in [
            nil, Self.query, CredentialsTests.injection, Injection(.cookie("other"), value: "s3cr3t-REAL"),
        ] {
            let play = try CredentialsTests.play(.allowed(injection: injection))
            try play.client(lines("GET / HTTP/1.1", "Host: allowed.test", "Cookie: sid=\(Self.value)"))
            #expect(play.refused.map(\.reason) == [.placeholderMisused])
            #expect(play.toUpstream.isEmpty)
        }
    }

    @Test func `F09 F12: the value of a parameter is masked in Location and body, as it is and escaped`()
        throws
    {
        let play = try CredentialsTests.play(.allowed(injection: Self.query))
        try play.client(lines("GET /x?key=\(Self.value) HTTP/1.1", "Host: allowed.test"))
        let body = "key=\(Self.secret) s3cr3t%2FREAL%2B%26%3D%25x s3cr3t\\/REAL+&=%x"
        try play.upstream(
            lines(
                "HTTP/1.1 302 Found",
                "Location: https://denied.test/?k=s3cr3t%2fREAL%2B%26%3D%25x",
                "Content-Length: \(body.utf8.count)",
                body: body
            )
        )
        #expect(!play.toClient.lowercased().contains("s3cr3t"), "\(play.toClient)")
        #expect(play.toClient.contains("https://denied.test/?k=******%2A"), "\(play.toClient)")
        #expect(play.masked == [.header, .body])
    }

    @Test func `A certificate is no part of a message`() throws {
        let got = try sent(Injection(.clientCertificate, value: "pem"), "/")
        #expect(got == "[503] credential-unavailable", "\(got)")
    }
}
