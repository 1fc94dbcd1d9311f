import Foundation
import Gateway
import Glibc
import Model
import Policy
import Testing

/// Corpus section A: what is captured is decided, whatever the port and the address family.
@Suite struct RoutingTests {
    @Test func `A01 a connection to an address that no rule names is refused and recorded`() throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.capture(try #require(IPAddress("93.184.216.66")), 443)
        let got = try house.curl(["-k", "-w", "%{http_code}", "https://93.184.216.66/"])
        #expect(got.output.hasSuffix("403"), "\(got.errors)")
        #expect(house.recorder.denied.first?.resource == "https://93.184.216.66")
        #expect(house.recorder.allowed.isEmpty)
    }

    @Test func `A03 CONNECT that arrives at a captured address makes nobody a proxy`() throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.capture(try #require(IPAddress("93.184.216.66")), 3_128)
        let client = try RawClient(port: house.port)
        client.send("CONNECT allowed.test:443 HTTP/1.1\r\nHost: allowed.test:443\r\n\r\n")
        let answer = client.text()
        #expect(answer.hasPrefix("HTTP/1.1 501 "), "\(answer)")
        #expect(house.recorder.first { $0.reason == .unsupported } != nil)
    }

    @Test(arguments: [UInt16(8_081), 4_444])
    func `A05 a denied name is refused on any port`(port: UInt16) throws {
        let house = try House([web(.http, "allowed.test", 80)])
        try house.capture("denied.test", port)
        let got = try house.curl(["-w", "%{http_code}", "http://denied.test:\(port)/"])
        #expect(got.output.hasSuffix("403"), "\(got.errors)")
        #expect(house.recorder.denied.first?.resource == "http://denied.test:\(port)")
    }

    @Test
    func `A06 an allowed host on another port is refused with a reset, silent clients within two seconds`()
        throws
    {
        let house = try House([web(.https, "allowed.test", 443)])
        try house.capture("allowed.test", 25)
        let client = try RawClient(port: house.port)
        #expect(client.end() == .reset)
        #expect(GatewayLimits().unexpectedSilence <= 2_000)
        let record = house.recorder.first { $0.verdict == .deny }
        #expect(record?.resource == "tcp://allowed.test:25")
        #expect(record?.reason == .protocolMismatch)
    }

    @Test(arguments: 1...7)
    func `D03 the opening of a database's client is one wherever it is cut`(cut: Int) throws {
        let house = try House([web(.https, "allowed.test", 443)])
        try house.capture("allowed.test", 5_432)
        // SSLRequest: PostgreSQL 15, "Message Formats".
        let request: [UInt8] = [0, 0, 0, 8, 4, 0xD2, 0x16, 0x2F]
        let client = try RawClient(port: house.port, seconds: 1)
        client.send(Array(request.prefix(cut)))
        #expect(client.end() == .failed(EAGAIN), "neither answered nor ended within a second")
        client.send(Array(request.dropFirst(cut)))
        #expect(client.receive() == Array("N".utf8))
    }

    @Test(arguments: [
        ("2606:2800::66", "http://[2606:2800::66]"), ("::ffff:169.254.169.254", "http://169.254.169.254"),
        ("64:ff9b::a9fe:a9fe", "http://[64:ff9b::a9fe:a9fe]"), ("fe80::1", "http://[fe80::1]"),
    ])
    func `A08 A10 A11 an IPv6 destination is refused and recorded as what it is`(
        address: String,
        resource: String
    ) throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.capture(try #require(IPAddress(address)), 80)
        let client = try RawClient(port: house.port)
        client.send("GET / HTTP/1.1\r\nHost: \(resource.dropFirst(7))\r\nConnection: close\r\n\r\n")
        #expect(client.text().hasPrefix("HTTP/1.1 403 "))
        #expect(house.recorder.denied.first?.resource == resource)
    }

    @Test func `G04 a rule that only the parent has is refused, and the record names every level`() throws {
        let nginx = try Nginx()
        let parent = [web(.http, "allowed.test", nginx.plain)]
        let house = try House([web(.http, "allowed.test", 80)], ancestors: [parent, parent])
        try house.capture("allowed.test", nginx.plain)
        let got = try house.curl(["-w", "%{http_code}", "http://allowed.test:\(nginx.plain)/v1/x"])
        #expect(got.output.hasSuffix("403"))
        #expect(house.recorder.denied.first?.levels.map(\.effect) == [.allow, .allow, .deny])
        #expect(nginx.accessLog.isEmpty)
    }
}
