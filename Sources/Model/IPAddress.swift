/// An IPv4 or IPv6 address as a value.
///
/// An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is read as the IPv4 address it stands for, so that no
/// decision can be dodged by spelling.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// Address family.
    package enum Family: Sendable, Hashable {
        case v4
        case v6
    }

    package let family: Family
    /// The upper 64 bits; 0 for IPv4.
    package let high: UInt64
    /// The lower 64 bits; the 32 bits of an IPv4 address.
    package let low: UInt64

    private init(family: Family, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    package init(v4 bits: UInt32) {
        self.init(family: .v4, high: 0, low: UInt64(bits))
    }

    /// The 128 bits in host order; IPv4-mapped addresses become IPv4.
    package init(v6High high: UInt64, low: UInt64) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(v4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(family: .v6, high: high, low: low)
        }
    }

    /// The 4 or 16 bytes in network order; nil for any other count.
    package init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4:
            self.init(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let low = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self.init(v6High: high, low: low)
        default:
            return nil
        }
    }

    /// The 4 or 16 bytes in network order.
    package var bytes: [UInt8] {
        switch family {
        case .v4:
            return (0..<4).map { UInt8(truncatingIfNeeded: low >> UInt64(24 - 8 * $0)) }
        case .v6:
            return [high, low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) }
            }
        }
    }
}
