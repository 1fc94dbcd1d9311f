/// Where an address leads, as far as the gateway cares.
package enum AddressScope: Sendable, Hashable {
    /// Globally reachable unicast.
    case global
    /// Private, loopback, link-local, shared or unique-local: a rule must name it or say `private: true`.
    case local
    /// Instance metadata services: only a rule whose pattern is the very address reaches them.
    case metadata
    /// Never a place to dial: unspecified, multicast, broadcast, documentation, benchmarking, reserved.
    case unusable
}

extension IPAddress {
    /// Whether this address lies in `network`/`prefix`; false across families and for a prefix out of range.
    package func isIn(_ network: IPAddress, prefix: Int) -> Bool {
        guard family == network.family else { return false }
        switch family {
        case .v4:
            guard (0...32).contains(prefix) else { return false }
            return prefix == 0 || low >> UInt64(32 - prefix) == network.low >> UInt64(32 - prefix)
        case .v6:
            guard (0...128).contains(prefix) else { return false }
            if prefix == 0 { return true }
            if prefix <= 64 { return high >> UInt64(64 - prefix) == network.high >> UInt64(64 - prefix) }
            return high == network.high && low >> UInt64(128 - prefix) == network.low >> UInt64(128 - prefix)
        }
    }

    /// The IPv4 address inside an IPv4-compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) or
    /// Teredo (RFC 4380, obfuscated) address: what a relay on the path would connect to.
    package var embeddedV4: IPAddress? {
        guard family == .v6 else { return nil }
        if high == 0, low > 1, low >> 32 == 0 { return IPAddress(v4: UInt32(truncatingIfNeeded: low)) }
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 {
            return IPAddress(v4: UInt32(truncatingIfNeeded: low))
        }
        if high >> 16 == 0x0064_FF9B_0001 { return IPAddress(v4: UInt32(truncatingIfNeeded: low)) }
        if high >> 48 == 0x2002 { return IPAddress(v4: UInt32(truncatingIfNeeded: high >> 16)) }
        if high >> 32 == 0x2001_0000 { return IPAddress(v4: ~UInt32(truncatingIfNeeded: low)) }
        return nil
    }

    /// Scope by the IANA special-purpose address registries (RFC 6890) and the clouds' metadata addresses; an
    /// address that embeds an IPv4 address is never wider than that one.
    package var scope: AddressScope {
        if Self.metadata.contains(self) { return .metadata }
        if let inner = embeddedV4 {
            return inner.scope == .global ? .unusable : inner.scope
        }
        if Self.unusable.contains(where: { isIn($0.0, prefix: $0.1) }) { return .unusable }
        if Self.local.contains(where: { isIn($0.0, prefix: $0.1) }) { return .local }
        // Only 2000::/3 is assigned as global unicast.
        if family == .v6, high >> 61 != 1 { return .unusable }
        return .global
    }

    /// Whether every address of `self`/`prefix` is of `local` scope by one registry entry, so that a rule which
    /// writes this network can only mean private addresses.
    package func isLocalNetwork(prefix: Int) -> Bool {
        Self.local.contains { prefix >= $0.1 && isIn($0.0, prefix: $0.1) }
    }

    private static let metadata: Set<IPAddress> = [
        v4(169, 254, 169, 254), v4(169, 254, 170, 2), v4(169, 254, 170, 23), v4(168, 63, 129, 16),
        v4(100, 100, 100, 200), v4(192, 0, 0, 192),
        IPAddress(v6High: 0xFD00_0EC2_0000_0000, low: 0x254),
        IPAddress(v6High: 0xFD00_0EC2_0000_0000, low: 0x23),
        IPAddress(v6High: 0xFD20_00CE_0000_0000, low: 0x254),
    ]

    private static let unusable: [(IPAddress, Int)] = [
        (v4(0, 0, 0, 0), 8), (v4(192, 0, 0, 0), 24), (v4(192, 0, 2, 0), 24), (v4(198, 18, 0, 0), 15),
        (v4(198, 51, 100, 0), 24), (v4(203, 0, 113, 0), 24), (v4(192, 88, 99, 0), 24), (v4(224, 0, 0, 0), 4),
        (v4(240, 0, 0, 0), 4),
        (IPAddress(v6High: 0, low: 0), 128), (IPAddress(v6High: 0x2001_0DB8_0000_0000, low: 0), 32),
        (IPAddress(v6High: 0x0100_0000_0000_0000, low: 0), 64),
        (IPAddress(v6High: 0xFF00_0000_0000_0000, low: 0), 8),
        (IPAddress(v6High: 0x2001_0002_0000_0000, low: 0), 48),
        (IPAddress(v6High: 0x3FFF_0000_0000_0000, low: 0), 20),
        (IPAddress(v6High: 0x5F00_0000_0000_0000, low: 0), 16),
    ]

    private static let local: [(IPAddress, Int)] = [
        (v4(10, 0, 0, 0), 8), (v4(100, 64, 0, 0), 10), (v4(127, 0, 0, 0), 8), (v4(169, 254, 0, 0), 16),
        (v4(172, 16, 0, 0), 12), (v4(192, 168, 0, 0), 16),
        (IPAddress(v6High: 0, low: 1), 128), (IPAddress(v6High: 0xFC00_0000_0000_0000, low: 0), 7),
        (IPAddress(v6High: 0xFE80_0000_0000_0000, low: 0), 10),
        (IPAddress(v6High: 0xFEC0_0000_0000_0000, low: 0), 10),
    ]

    private static func v4(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> IPAddress {
        IPAddress(v4: a << 24 | b << 16 | c << 8 | d)
    }
}

extension IPAddress {
    /// The network address of the network that this address is in; itself for a prefix out of range.
    package func masked(to prefix: Int) -> IPAddress {
        let width = family == .v4 ? 32 : 128
        guard (0..<width).contains(prefix) else { return self }
        switch family {
        case .v4:
            return IPAddress(
                v4: prefix == 0 ? 0 : UInt32(truncatingIfNeeded: low) & ~(UInt32.max >> UInt32(prefix))
            )
        case .v6:
            let upper = prefix >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(prefix))
            let lower = prefix <= 64 ? 0 : ~(UInt64.max >> UInt64(prefix - 64))
            return IPAddress(v6High: high & upper, low: low & lower)
        }
    }
}
