import Foundation
import Model
import Policy
import Testing

/// Corpus section C: every name that a connection bears is the same one.
@Suite struct AgreementTests {
    @Test func `C01 another Host inside TLS is refused`() throws {
        let nginx = try Nginx()
        let house = try House([
            web(.https, "allowed.test", nginx.secure), web(.https, "other.test", nginx.secure),
        ])
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl([
            "-w", "%{http_code}", "-H", "Host: other.test:\(nginx.secure)",
            "https://allowed.test:\(nginx.secure)/v1/x",
        ])
        #expect(got.output.hasSuffix("421"), "\(got.output)")
        #expect(nginx.accessLog.isEmpty)
    }

    @Test(arguments: [Scheme.https, .tls])
    func `C02 a server name that is not the host connected to is refused before the dial`(
        scheme: Scheme
    ) throws {
        let nginx = try Nginx()
        let words = scheme == .tls ? ["connect"] : ["GET /**"]
        let house = try House([rule(scheme, "allowed.test", nginx.secure, allow: words)])
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl(["-k", "-w", "%{http_code}", "https://denied.test:\(nginx.secure)/v1/x"])
        #expect(!got.output.hasSuffix("200"), "\(got.output)")
        #expect(house.recorder.first { $0.reason == .nameMismatch } != nil)
        #expect(house.recorder.allowed.isEmpty)
        #expect(nginx.accessLog.isEmpty)
    }

    @Test(arguments: [Scheme.https, .tls])
    func `C03 a ClientHello without server name for a named host is refused`(scheme: Scheme) throws {
        let nginx = try Nginx()
        let words = scheme == .tls ? ["connect"] : ["GET /**"]
        let house = try House([rule(scheme, "allowed.test", nginx.secure, allow: words)])
        try house.capture("allowed.test", nginx.secure)
        // An address as URL host makes curl leave the server name out.
        let got = try house.curl([
            "-k", "-H", "Host: allowed.test:\(nginx.secure)", "https://127.0.0.1:\(nginx.secure)/v1/x",
        ])
        #expect(!got.output.hasPrefix("hello"))
        #expect(house.recorder.first { $0.reason == .nameMismatch } != nil)
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `tls rules forward without interception, to the server's own certificate`() throws {
        let nginx = try Nginx()
        let house = try House([rule(.tls, "allowed.test", nginx.secure, allow: ["connect"])])
        try house.capture("allowed.test", nginx.secure)
        let authority = try #require(Certificates.shared).authority
        let got = try house.curl(["--cacert", authority, "https://allowed.test:\(nginx.secure)/anything"])
        #expect(got.output == "root\n", "\(got.errors)")
        #expect(house.recorder.records.map(\.action) == ["connect"])
        #expect(house.recorder.records.first?.resource == "tls://allowed.test:\(nginx.secure)")
    }

    @Test func `Where https and tls both match, interception wins`() throws {
        let nginx = try Nginx()
        let house = try House([
            rule(.tls, "allowed.test", nginx.secure, allow: ["connect"]),
            web(.https, "allowed.test", nginx.secure),
        ])
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl(["-w", "%{http_code}", "https://allowed.test:\(nginx.secure)/anything"])
        #expect(got.output.hasSuffix("403"), "\(got.errors)")
    }

    @Test func `C07 each request on a kept-alive connection is decided, pipelined ones too`() throws {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture("allowed.test", nginx.plain)
        let client = try RawClient(port: house.port)
        let host = "allowed.test:\(nginx.plain)"
        client.send(
            "GET /v1/1 HTTP/1.1\r\nHost: \(host)\r\n\r\nGET /admin HTTP/1.1\r\nHost: \(host)\r\n\r\n"
                + "GET /v1/2 HTTP/1.1\r\nHost: \(host)\r\n\r\nGET /v1/3 HTTP/1.1\r\nHost: denied.test\r\n\r\n"
        )
        let text = client.text()
        #expect(
            text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) } == [
                "200", "403", "200", "421",
            ]
        )
        #expect(house.recorder.records.map(\.verdict) == [.allow, .deny, .allow, .deny])
        #expect(nginx.accessLog.contains("/v1/1") && nginx.accessLog.contains("/v1/2"))
        #expect(!nginx.accessLog.contains("/admin") && !nginx.accessLog.contains("/v1/3"))
    }

    @Test func `C08 an absolute form that disagrees with Host is 400`() throws {
        let house = try House([web(.http, "allowed.test", 80)])
        house.captureProxy()
        let client = try RawClient(port: house.port)
        client.send("GET http://allowed.test/v1/x HTTP/1.1\r\nHost: denied.test\r\n\r\n")
        #expect(client.text().hasPrefix("HTTP/1.1 400 "))
    }

    @Test func `C17 a NUL in the CONNECT host is 400 and the connection ends`() throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.captureProxy()
        let client = try RawClient(port: house.port)
        client.send("CONNECT denied.test\u{0}.allowed.test:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(client.text().hasPrefix("HTTP/1.1 400 "))
    }

    @Test(arguments: ["notallowed.test", "allowed.test.denied.test", "allowed-test", "x.allowed.test"])
    func `C18 a name that only looks like the allowed one is refused`(name: String) throws {
        let house = try House([web(.http, "allowed.test", 80)])
        try house.capture(name, 80)
        let got = try house.curl(["-w", "%{http_code}", "http://\(name)/v1/x"])
        #expect(got.output.hasSuffix("403"), "\(got.errors)")
    }

    @Test(arguments: ["127.0.0.1:3128", "[::1]:3128", "93.184.216.66:443", "169.254.169.254:80"])
    func `C21 C23 B06 a tunnel to an address that no rule names carries nothing`(target: String) throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.captureProxy()
        let client = try RawClient(port: house.port)
        client.send("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n")
        let answer = client.text(until: "\r\n\r\n")
        if answer.hasPrefix("HTTP/1.1 200 ") {
            client.send("GET / HTTP/1.1\r\nHost: \(target)\r\nConnection: close\r\n\r\n")
            #expect(client.text().hasPrefix("HTTP/1.1 403 "))
        }
        #expect(house.recorder.first { $0.verdict == .deny } != nil)
        #expect(house.recorder.allowed.isEmpty)
    }

    @Test func `C21 an address spelled as one number is 400`() throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.captureProxy()
        let client = try RawClient(port: house.port)
        client.send("CONNECT 2852039166:443 HTTP/1.1\r\nHost: 2852039166:443\r\n\r\n")
        #expect(client.text().hasPrefix("HTTP/1.1 400 "))
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "GET /v1/x HTTP/1.1\r\nHost: allowed.test:443\r\nConnection: close\r\n\r\n",
    ])
    func `C22 something other than TLS in a tunnel to a TLS port is refused`(opening: String) throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.captureProxy()
        let client = try RawClient(port: house.port)
        client.send("CONNECT allowed.test:443 HTTP/1.1\r\nHost: allowed.test:443\r\n\r\n" + opening)
        let text = client.text()
        #expect(text.hasPrefix("HTTP/1.1 200 "))
        #expect(!text.contains("hello"))
        #expect(house.recorder.first { $0.verdict == .deny } != nil)
        #expect(house.recorder.allowed.isEmpty)
    }

    @Test func `C26 a redirect is handed to the client, and following it is a decision of its own`() throws {
        let nginx = try Nginx()
        let house = try House([rule(.http, "allowed.test", nginx.plain, allow: ["GET /redir"])])
        try house.capture("allowed.test", nginx.plain)
        let got = try house.curl(["-w", "%{http_code}", "http://allowed.test:\(nginx.plain)/redir"])
        #expect(got.output.hasSuffix("302"), "\(got.errors)")
        #expect(house.recorder.records.count == 1)
    }
}
