import Foundation
import Model
import Policy
import Synchronization
import Testing

/// What cannot be recorded, fetched or trusted is refused.
@Suite struct FailClosedTests {
    @Test(arguments: [Scheme.http, .https])
    func `Without a durable record nothing reaches the upstream, and the client is told`(
        scheme: Scheme
    ) throws {
        let nginx = try Nginx()
        let port = scheme == .http ? nginx.plain : nginx.secure
        let house = try House([web(scheme, "allowed.test", port)])
        house.recorder.failFromNowOn()
        try house.capture("allowed.test", port)
        let got = try house.curl(["-w", "%{http_code}", "\(scheme.rawValue)://allowed.test:\(port)/v1/x"])
        #expect(got.output.contains("audit-unavailable"), "\(got.output) \(got.errors)")
        #expect(!got.output.contains("no space left"), "why is the operator's to know")
        #expect(!got.output.hasSuffix("200"))
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `Without a durable record no tunnel is opened`() throws {
        let nginx = try Nginx()
        let house = try House([rule(.tcp, "allowed.test", nginx.plain, allow: ["connect"])])
        house.recorder.failFromNowOn()
        try house.capture("allowed.test", nginx.plain)
        let client = try RawClient(port: house.port)
        client.send("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(client.receive() ?? [] == [])
        #expect(nginx.accessLog.isEmpty)
    }

    static func vault(_ port: UInt16, value: String? = "Bearer s3cr3t-REAL") -> Vault {
        let pattern = HostPattern(scheme: .https, hosts: .name(DNSName("allowed.test") ?? home), port: port)
        var vault = Vault()
        vault.placeholders = [
            Placeholder(credential: "token", variable: "TOKEN", value: "PLACEHOLDER-0123456789")
        ]
        vault.bindings["token"] = CredentialBinding(hosts: [pattern], place: .field("authorization"))
        vault.values["token"] = value
        return vault
    }

    @Test func `A credential is put in on its bound host, over TLS`() throws {
        let nginx = try Nginx()
        let house = try House(
            [web(.https, "allowed.test", nginx.secure, credential: "token")],
            vault: Self.vault(nginx.secure)
        )
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl([
            "-H", "Authorization: Bearer PLACEHOLDER-0123456789", "https://allowed.test:\(nginx.secure)/v1/x",
        ])
        // The server says what it got; the agent sees that masked, and it is on record besides the request.
        #expect(got.output == "hello GET /v1/x auth=Bearer ***********\n", "\(got.errors)")
        #expect(house.recorder.records.map(\.credential) == ["token", "token"])
    }

    @Test func `A credential that is at hand is put in without asking its source`() throws {
        let nginx = try Nginx()
        var vault = Self.vault(nginx.secure)
        let asked = Mutex(0)
        vault.keeps = true
        vault.delay = { asked.withLock { $0 += 1 } }
        let house = try House([web(.https, "allowed.test", nginx.secure, credential: "token")], vault: vault)
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl(["https://allowed.test:\(nginx.secure)/v1/x"])
        #expect(got.output == "hello GET /v1/x auth=Bearer ***********\n", "\(got.errors)")
        #expect(asked.withLock { $0 } == 0)
    }

    @Test func `F05 a placeholder on its way to another host is refused and recorded`() throws {
        let nginx = try Nginx()
        let house = try House([web(.https, "other.test", nginx.secure)], vault: Self.vault(nginx.secure))
        try house.capture("other.test", nginx.secure)
        let got = try house.curl([
            "-H", "Authorization: Bearer PLACEHOLDER-0123456789", "https://other.test:\(nginx.secure)/v1/x",
        ])
        #expect(got.output.contains("placeholder-misused"), "\(got.output)")
        #expect(house.recorder.first { $0.reason == .placeholderMisused } != nil)
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `A credential is never put in where it is not bound, nor in the clear`() throws {
        let nginx = try Nginx()
        let house = try House(
            [web(.http, "allowed.test", nginx.plain, credential: "token")],
            vault: Self.vault(nginx.secure)
        )
        try house.capture("allowed.test", nginx.plain)
        let got = try house.curl(["http://allowed.test:\(nginx.plain)/v1/x"])
        #expect(got.output.contains("credential-unavailable"), "\(got.output)")
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `F21 a credential whose source is down refuses the request`() throws {
        let nginx = try Nginx()
        let house = try House(
            [web(.https, "allowed.test", nginx.secure, credential: "token")],
            vault: Self.vault(nginx.secure, value: nil)
        )
        try house.capture("allowed.test", nginx.secure)
        let got = try house.curl(["https://allowed.test:\(nginx.secure)/v1/x"])
        #expect(got.output.contains("credential-unavailable"), "\(got.output)")
        #expect(!got.output.contains("the source is down"), "why is the operator's to know")
        #expect(house.recorder.denied.first?.message?.contains("the source is down") == true)
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `A connection from the agent's own namespace is served`() throws {
        let house = try House([web(.http, "allowed.test", 80)], cookie: try Sockets.namespaceCookie())
        try house.capture("allowed.test", 80)
        let client = try RawClient(port: house.port)
        client.send("GET /no HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n\r\n")
        #expect(client.text().hasPrefix("HTTP/1.1 403 "))
    }

    @Test func `G13 a connection from another namespace than the agent's is reset`() throws {
        let house = try House([web(.http, "allowed.test", 80)], cookie: 0xDEAD_BEEF_0000)
        house.captureProxy()
        let client = try RawClient(port: house.port)
        client.send("GET http://allowed.test/v1/x HTTP/1.1\r\nHost: allowed.test\r\n\r\n")
        #expect(client.receive() ?? [] == [])
        #expect(house.recorder.first { $0.verdict == .deny } != nil)
    }
}

/// Stands in where a literal name could not be read; never matched.
private let home = DNSName(stringLiteralOrLocalhost: "localhost")

extension DNSName {
    fileprivate init(stringLiteralOrLocalhost text: String) {
        guard let name = DNSName(text) else { preconditionFailure("\(text) is no name") }
        self = name
    }
}
