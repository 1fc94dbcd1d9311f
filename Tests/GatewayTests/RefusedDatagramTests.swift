import Gateway
import Model
import Testing

/// What is read from an ICMP error about an agent's datagram.
@Suite struct RefusedDatagramTests {
    /// Both as a kernel gave them: 5 octets to port 9999.
    static let v4 = octets(
        "45c0003df87200004001cc915db8d8427f0000010303421500000000450000219d4340004011e88c7f0000015db8d8429ade270f000db51a68656c6c6f"
    )
    static let v6 = octets(
        "010488ef00000000600e4bab000d11400000000000000000000000000000000126062800000000000000000000000066b0a5270f000d4e8b68656c6c6f"
    )

    private static func octets(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
    }

    @Test func `The destination of an IPv4 datagram is read`() throws {
        let found = try #require(RefusedDatagram(ipv4: Self.v4))
        #expect(found.address == IPAddress("93.184.216.66") && found.port == 9_999)
    }

    @Test func `The destination of an IPv6 datagram is read`() throws {
        let found = try #require(RefusedDatagram(ipv6: Self.v6))
        #expect(found.address == IPAddress("2606:2800::66") && found.port == 9_999)
    }

    @Test func `A message that is cut off anywhere before the port says nothing`() {
        // Up to the destination port: 20 + 8 + 20 + 4 octets, and 8 + 40 + 4.
        for count in 0..<52 {
            #expect(RefusedDatagram(ipv4: Array(Self.v4.prefix(count))) == nil, "\(count)")
            #expect(RefusedDatagram(ipv6: Array(Self.v6.prefix(count))) == nil, "\(count)")
        }
        #expect(RefusedDatagram(ipv4: Array(Self.v4.prefix(52))) != nil)
        #expect(RefusedDatagram(ipv6: Array(Self.v6.prefix(52))) != nil)
    }

    @Test(
        arguments: [
            // Another version, a header length under 5 words or beyond the end, not ICMP, not "unreachable".
            (0, 0x65), (0, 0x44), (0, 0x4F), (9, 6), (20, 11),
            // The same of what is repeated, and another protocol than UDP.
            (28, 0x65), (28, 0x44), (28, 0x4F), (37, 6),
        ] as [(Int, UInt8)]
    )
    func `An IPv4 message that lies about itself says nothing`(position: Int, value: UInt8) {
        var bytes = Self.v4
        bytes[position] = value
        #expect(RefusedDatagram(ipv4: bytes) == nil)
    }

    @Test(arguments: [(0, 3), (8, 0x40), (14, 6), (14, 44), (14, 59)] as [(Int, UInt8)])
    func `An IPv6 message that lies about itself says nothing`(position: Int, value: UInt8) {
        var bytes = Self.v6
        bytes[position] = value
        #expect(RefusedDatagram(ipv6: bytes) == nil)
    }

    @Test func `IPv4 options and IPv6 extension headers are skipped`() {
        var options = Self.v4
        options[28] = 0x46
        options.insert(contentsOf: [1, 1, 1, 0], at: 48)
        #expect(RefusedDatagram(ipv4: options)?.port == 9_999)
        var extended = Self.v6
        extended[14] = 43
        extended.insert(
            contentsOf: [60, 0, 0, 0, 0, 0, 0, 0, 17, 1] + [UInt8](repeating: 0, count: 14),
            at: 48
        )
        #expect(RefusedDatagram(ipv6: extended)?.port == 9_999)
        extended[49] = 255
        #expect(RefusedDatagram(ipv6: extended) == nil)
    }

    @Test func `Extension headers without end are not followed`() {
        var chain = Self.v6
        chain[14] = 60
        for _ in 0..<9 { chain.insert(contentsOf: [60, 0, 0, 0, 0, 0, 0, 0], at: 48) }
        #expect(RefusedDatagram(ipv6: chain) == nil)
    }

    @Test func `Each destination is noted once, up to the limit; the rest is counted`() throws {
        var tally = DatagramTally(limit: 2)
        var other = Self.v4
        other[51] = 1
        let (first, second) = (
            try #require(RefusedDatagram(ipv4: Self.v4)), try #require(RefusedDatagram(ipv4: other))
        )
        let third = try #require(RefusedDatagram(ipv6: Self.v6))
        #expect(
            [first, first, second, third, third, first].map { tally.note($0) } == [
                true, false, true, false, false, false,
            ]
        )
        #expect(tally.unlisted == 2)
        tally.missed(5)
        #expect(tally.unlisted == 7)
    }

    @Test func `What goes to the agent's own loopback is not noted`() throws {
        var own = Self.v4
        own.replaceSubrange(44..<48, with: [127, 1, 2, 3])
        var tally = DatagramTally(limit: 8)
        #expect(tally.note(try #require(RefusedDatagram(ipv4: own))) == false)
        #expect(tally.unlisted == 0)
    }
}
