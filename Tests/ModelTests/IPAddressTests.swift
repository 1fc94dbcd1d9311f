import Model
import Testing

struct IPAddressTests {
    @Test(
        "One address has one printed form (RFC 5952)",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"),
            ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("fe80::", "fe80::"),
            ("64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ]
    )
    func printed(text: String, expected: String) throws {
        #expect(try #require(IPAddress(text)).description == expected)
    }

    @Test(
        "A10: an IPv4-mapped address is the IPv4 address, however it is spelt",
        arguments: [
            "::ffff:169.254.169.254", "::FFFF:a9fe:a9fe", "0:0:0:0:0:ffff:169.254.169.254",
            "0:0:0:0:0:FFFF:A9FE:A9FE",
        ]
    )
    func mapped(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(
            address.family == .v4 && address.description == "169.254.169.254" && address.scope == .metadata
        )
    }

    @Test(
        "N03: spellings that only some programs take for an address are none",
        arguments: [
            "2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "169.254.43518",
            "127.1", "127.0.1", "1.2.3.4.5",
            "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "256.1.1.1", "1.2.3.04", "00.0.0.0", "1.2.3.4 ",
            " 1.2.3.4", "1.2.3.+4", "1.2.3.-4",
            "\u{FF11}.2.3.4", "\u{661}.2.3.4", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "fe80::1%25eth0", ":::",
            "::1::", "1::2::3", ":1",
            "1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::",
            "::+1", "::-1", "::g",
            "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "::ffff:0x7f.0.0.1", "::ffff:127.1", "", ":",
        ]
    )
    func noAddress(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("Bytes in network order make the same address, and come back")
    func bytes() throws {
        #expect(IPAddress(bytes: [169, 254, 169, 254]) == IPAddress("169.254.169.254"))
        let v6 = try #require(IPAddress("2001:db8::ff00:42:8329"))
        #expect(IPAddress(bytes: v6.bytes) == v6)
        #expect(
            IPAddress(bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]) == IPAddress("10.0.0.1")
        )
        for count in [0, 3, 5, 15, 17] {
            #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil)
        }
    }

    @Test(
        "B12, A11: where an address leads is known, whatever it is wrapped in",
        arguments: [
            ("93.184.216.34", AddressScope.global), ("2606:2800::66", .global), ("8.8.8.8", .global),
            ("169.254.169.254", .metadata), ("169.254.170.2", .metadata), ("168.63.129.16", .metadata),
            ("100.100.100.200", .metadata),
            ("fd00:ec2::254", .metadata), ("fd20:ce::254", .metadata), ("64:ff9b::a9fe:a9fe", .metadata),
            ("64:ff9b:1::a9fe:a9fe", .metadata),
            ("2002:a9fe:a9fe::", .metadata), ("2002:a9fe:a9fe::1", .metadata),
            ("::169.254.169.254", .metadata),
            ("2001:0:102:304:0:0:5601:5601", .metadata), ("10.0.0.1", .local), ("10.255.255.255", .local),
            ("11.0.0.0", .global),
            ("100.64.0.5", .local), ("100.128.0.0", .global), ("127.0.0.1", .local),
            ("127.255.255.255", .local), ("169.254.1.1", .local),
            ("172.16.0.1", .local), ("172.31.255.255", .local), ("172.32.0.0", .global),
            ("192.168.7.7", .local), ("::1", .local),
            ("fe80::1", .local), ("fec0::1", .local), ("fd12::1", .local), ("fc00::", .local),
            ("64:ff9b::7f00:1", .local),
            ("2002:7f00:1::", .local), ("2002:0a00:0001::", .local), ("64:ff9b::5db8:d822", .unusable),
            ("2002:5db8:d822::", .unusable),
            ("0.0.0.0", .unusable), ("0.1.2.3", .unusable), ("192.0.2.1", .unusable),
            ("198.51.100.1", .unusable),
            ("203.0.113.1", .unusable), ("198.18.0.1", .unusable), ("198.20.0.0", .global),
            ("224.0.0.1", .unusable),
            ("255.255.255.255", .unusable), ("240.0.0.1", .unusable), ("::", .unusable),
            ("ff02::1", .unusable), ("2001:db8::1", .unusable),
            ("100::1", .unusable), ("4000::1", .unusable), ("3fff::1", .unusable), ("192.88.99.1", .unusable),
        ]
    )
    func scopes(text: String, expected: AddressScope) throws {
        #expect(try #require(IPAddress(text)).scope == expected)
    }

    @Test(
        "An address is in a network by its leading bits, never across families",
        arguments: [
            ("10.1.2.3", "10.0.0.0", 8, true), ("11.1.2.3", "10.0.0.0", 8, false),
            ("1.2.3.4", "0.0.0.0", 0, true),
            ("10.0.0.1", "10.0.0.1", 32, true), ("10.0.0.2", "10.0.0.1", 32, false),
            ("10.0.0.1", "10.0.0.1", 33, false),
            ("10.0.0.1", "10.0.0.1", -1, false), ("2001:db8::1", "2001:db8::", 32, true),
            ("2001:db9::1", "2001:db8::", 32, false),
            ("2001:db8::1", "2001:db8::", 127, true), ("2001:db8::2", "2001:db8::", 127, false),
            ("2001:db8::1", "::", 0, true),
            ("10.0.0.1", "::", 0, false), ("::ffff:10.0.0.1", "10.0.0.0", 8, true),
            ("2001:db8:0:1::", "2001:db8::", 64, false),
        ]
    )
    func networks(address: String, network: String, prefix: Int, expected: Bool) throws {
        #expect(
            try #require(IPAddress(address)).isIn(try #require(IPAddress(network)), prefix: prefix)
                == expected
        )
    }

    @Test(
        "A network address has no bits beyond its prefix",
        arguments: [
            ("10.1.2.3", 8, "10.0.0.0"), ("10.1.2.3", 0, "0.0.0.0"), ("10.1.2.3", 32, "10.1.2.3"),
            ("10.1.2.3", 31, "10.1.2.2"),
            ("2001:db8::ffff", 32, "2001:db8::"), ("2001:db8::ffff", 64, "2001:db8::"),
            ("2001:db8::ffff", 120, "2001:db8::ff00"),
            ("2001:db8::ffff", 0, "::"), ("2001:db8:1:2:3::", 63, "2001:db8:1:2::"),
            ("2001:db8:1:3::", 63, "2001:db8:1:2::"),
        ]
    )
    func masked(address: String, prefix: Int, expected: String) throws {
        #expect(try #require(IPAddress(address)).masked(to: prefix) == IPAddress(expected))
    }

    @Test("Only a network inside one private range is local as a whole")
    func localNetworks() throws {
        for (text, prefix, expected) in [
            ("10.0.0.0", 8, true), ("10.1.0.0", 16, true), ("10.0.0.0", 7, false), ("0.0.0.0", 0, false),
            ("fd00::", 8, true),
            ("fc00::", 6, false), ("93.184.216.0", 24, false), ("127.0.0.1", 32, true),
        ] {
            #expect(
                try #require(IPAddress(text)).isLocalNetwork(prefix: prefix) == expected,
                "\(text)/\(prefix)"
            )
        }
    }
}
