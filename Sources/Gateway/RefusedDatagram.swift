package import Model
internal import Wire

/// Where a datagram was going that an agent's own kernel refused, read from the ICMP error that says so: the error
/// repeats the head of what it is about (RFC 792, RFC 4443 section 3.1).
package struct RefusedDatagram: Sendable, Hashable {
    package let address: IPAddress
    package let port: UInt16

    /// Protocol numbers and extension headers of IANA's "Protocol Numbers".
    private enum Number {
        static let udp: UInt8 = 17
        /// Hop-by-hop options, routing header, destination options.
        static let extensions: Set<UInt8> = [0, 43, 60]
    }

    /// Octets of the ICMP header in front of what is repeated.
    private static let icmpHeader = 8
    /// Extension headers that are skipped: more than a stack puts in one packet.
    private static let maximumExtensions = 8

    /// A packet as an IPv4 raw socket receives it, with its own IP header (raw(7)); nil when it is not about a
    /// datagram.
    package init?(ipv4 packet: [UInt8]) {
        var reader = ByteReader(packet)
        guard let outer = Self.ipv4Header(&reader), outer.proto == 1, reader.uint8() == 3,
            reader.take(Self.icmpHeader - 1) != nil, let inner = Self.ipv4Header(&reader)
        else { return nil }
        self.init(proto: inner.proto, to: inner.destination, &reader)
    }

    /// A message as an IPv6 raw socket receives it, from the ICMPv6 header on (RFC 3542 section 3).
    package init?(ipv6 message: [UInt8]) {
        var reader = ByteReader(message)
        guard reader.uint8() == 1, reader.take(Self.icmpHeader - 1) != nil, let first = reader.uint8(),
            first >> 4 == 6, reader.take(5) != nil, var next = reader.uint8(), reader.take(1 + 16) != nil,
            let destination = reader.take(16)
        else { return nil }
        var skipped = 0
        while Number.extensions.contains(next) {
            skipped += 1
            // Next header, length in units of 8 octets without the first (RFC 8200 section 4).
            guard skipped <= Self.maximumExtensions, let following = reader.uint8(),
                let length = reader.uint8(),
                reader.take(6 + 8 * Int(length)) != nil
            else { return nil }
            next = following
        }
        self.init(proto: next, to: destination, &reader)
    }

    private init?(proto: UInt8, to destination: ArraySlice<UInt8>, _ reader: inout ByteReader) {
        // Source port, destination port (RFC 768).
        guard proto == Number.udp, reader.uint16() != nil, let port = reader.uint16(),
            let address = IPAddress(bytes: destination)
        else { return nil }
        (self.address, self.port) = (address, port)
    }

    /// Reads an IPv4 header with its options (RFC 791 section 3.1).
    private static func ipv4Header(
        _ reader: inout ByteReader
    ) -> (proto: UInt8, destination: ArraySlice<UInt8>)? {
        guard let first = reader.uint8(), first >> 4 == 4, first & 15 >= 5, reader.take(8) != nil,
            let proto = reader.uint8(), reader.take(2 + 4) != nil, let destination = reader.take(4),
            reader.take(4 * (Int(first & 15) - 5)) != nil
        else { return nil }
        return (proto, destination)
    }
}

/// Which destinations of refused datagrams have a record, and how many datagrams are not listed.
package struct DatagramTally: Sendable {
    private let limit: Int
    private var known: Set<RefusedDatagram> = []
    /// Datagrams that no record speaks for.
    package private(set) var unlisted: UInt64 = 0

    /// Destinations that are listed, and datagrams that are not.
    package var total: UInt64 { unlisted.addingReportingOverflow(UInt64(known.count)).partialValue }

    /// `limit` destinations are listed.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Whether this datagram needs a record: it is the first to its destination, and there is room.
    ///
    /// What goes to the agent's own loopback leaves nothing and is nobody's business.
    package mutating func note(_ datagram: RefusedDatagram) -> Bool {
        guard !datagram.address.isLoopback, !known.contains(datagram) else { return false }
        guard known.count < limit else {
            unlisted += 1
            return false
        }
        known.insert(datagram)
        return true
    }

    /// Counts datagrams whose destinations were never read.
    package mutating func missed(_ count: UInt64) {
        unlisted = unlisted.addingReportingOverflow(count).partialValue
    }
}
