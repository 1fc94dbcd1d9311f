import Foundation
import Model
import Policy
import Testing

/// Corpus section B: names are answered here, and only checked addresses are dialled.
@Suite struct NameTests {
    @Test func `B01 a denied name gets an address of ours, the same each time, without anybody being asked`()
        throws
    {
        let house = try House([], names: NoNames())
        let first = try #require(try house.lookUp("c2VjcmV0.denied.test"))
        #expect(first.description.hasPrefix("198.1"))
        #expect(try house.lookUp("c2VjcmV0.denied.test") == first)
        let six = try #require(try house.lookUp("denied.test", type: 28))
        #expect(six.family == .v6)
    }

    @Test(arguments: [UInt8(16), 10, 255, 64, 65])
    func `B07 no record but A and AAAA exists`(type: UInt8) throws {
        let house = try House([web(.https, "allowed.test", 443)])
        let client = try RawClient(port: house.namePort, type: Int32(SOCK_DGRAM.rawValue))
        client.send(House.query("allowed.test", type: type))
        let response = try #require(client.receive())
        #expect(response.count > 12 && response[6] == 0 && response[7] == 0)
    }

    @Test func `B03 B04 DNS over TCP to any resolver is answered here`() throws {
        let house = try House([web(.https, "allowed.test", 443)])
        house.capture(try #require(IPAddress("8.8.8.8")), 53)
        let client = try RawClient(port: house.port)
        let query = House.query("denied.test", type: 1)
        // Byte by byte: a stream has no message borders.
        for byte in [0, UInt8(query.count)] + query { client.send([byte]) }
        let response = try #require(client.receive())
        #expect(response.count > 14 && response[9] == 1)
        #expect(IPAddress(bytes: response.suffix(4)) == (try house.lookUp("denied.test")))
    }

    @Test func `B16 an answer comes from the address that was asked`() throws {
        let house = try House([])
        // A connected socket takes datagrams from the address it asked, and from no other.
        let client = try RawClient(port: house.namePort, type: Int32(SOCK_DGRAM.rawValue), host: 0x7F00_004D)
        client.send(House.query("allowed.test", type: 1))
        #expect(client.receive()?.isEmpty == false)
    }

    @Test(arguments: [[UInt8](), [0], [UInt8](repeating: 0xFF, count: 600)])
    func `A datagram that is no query harms nobody`(bytes: [UInt8]) throws {
        let house = try House([])
        let client = try RawClient(port: house.namePort, type: Int32(SOCK_DGRAM.rawValue), seconds: 1)
        client.send(bytes)
        #expect(try house.lookUp("allowed.test") != nil)
    }

    static let hostile: [[String]] = [
        ["127.0.0.1"], ["10.9.9.9"], ["169.254.169.254"], ["fd00:ec2::254"], ["168.63.129.16"],
        ["100.100.100.200"], ["::1"], ["0.0.0.0"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["198.18.0.9"],
    ]

    @Test(arguments: hostile)
    func `B08 B12 an allowed name that leads inside is refused after resolution`(addresses: [String]) throws {
        let nginx = try Nginx()
        let table = Answers(table: ["rebind.test": addresses])
        let rules = [rule(.http, "rebind.test", nginx.plain, allow: ["GET /**"], privateAddresses: false)]
        let house = try House(rules, names: table)
        try house.capture("rebind.test", nginx.plain)
        let got = try house.curl(["-w", "%{http_code}", "http://rebind.test:\(nginx.plain)/"])
        #expect(got.output.hasSuffix("403"), "\(got.errors)")
        #expect(got.output.contains("forbidden-address"))
        #expect(house.recorder.first { $0.reason == .forbiddenAddress } != nil)
        #expect(nginx.accessLog.isEmpty)
    }

    @Test func `B12 private true does not reach a metadata service by name`() throws {
        let table = Answers(table: ["meta.test": ["169.254.169.254"]])
        let house = try House([rule(.http, "meta.test", 80, allow: ["GET /**"])], names: table)
        try house.capture("meta.test", 80)
        let got = try house.curl(["http://meta.test/"])
        #expect(got.output.contains("forbidden-address"), "\(got.errors)")
    }

    @Test func `B09 of a mixed answer only the checked address is dialled, also when it does not answer`()
        throws
    {
        let nginx = try Nginx()
        // The first is global and has no route in a test machine's loopback; the second must not be tried.
        let table = Answers(table: ["mixed.test": ["::1", "127.0.0.1"]])
        let rules = [rule(.http, "mixed.test", nginx.plain, allow: ["GET /**"], privateAddresses: true)]
        let house = try House(rules, names: table)
        try house.capture("mixed.test", nginx.plain)
        // ::1 refuses (nginx listens on IPv4 only), the next checked address answers.
        let got = try house.curl(["http://mixed.test:\(nginx.plain)/"])
        #expect(got.output == "root\n", "\(got.errors)")
    }

    @Test func `B15 an address of ours that was never handed out is reset and recorded`() throws {
        let house = try House([rule(.tcp, "198.18.77.7", 443, allow: ["connect"])])
        house.capture(try #require(IPAddress("198.18.77.7")), 443)
        let client = try RawClient(port: house.port)
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(client.receive() ?? [] == [])
        #expect(house.recorder.first { $0.reason == .nameMismatch } != nil)
        #expect(house.recorder.allowed.isEmpty)
    }

    @Test(arguments: ["aLLoWed.TEST", "allowed.test."])
    func `B17 case and a trailing dot change nothing`(name: String) throws {
        let nginx = try Nginx()
        let house = try House([web(.http, "allowed.test", nginx.plain)])
        try house.capture(name, nginx.plain)
        let got = try house.curl(["http://\(name):\(nginx.plain)/v1/x"])
        #expect(got.output.hasPrefix("hello"), "\(got.errors) \(got.output)")
    }

    @Test func `A name that does not resolve is 502 with the reason`() throws {
        let house = try House([rule(.http, "gone.test", 80, allow: ["GET /**"])])
        try house.capture("gone.test", 80)
        let got = try house.curl(["-w", "%{http_code}", "http://gone.test/"])
        #expect(got.output.hasSuffix("502"))
        #expect(got.output.contains("gone.test is not known here"))
        #expect(got.output.contains("has no address (DNS)") && got.output.contains("The rules allow it"))
    }
}
