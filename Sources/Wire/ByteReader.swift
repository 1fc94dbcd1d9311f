/// Reads big-endian integers and runs of octets from a bounded slice; nil at its end, never a trap.
package struct ByteReader: Sendable {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    package init(_ bytes: [UInt8]) {
        self.init(bytes[...])
    }

    /// Octets not yet read.
    package var remaining: Int { bytes.endIndex - position }

    /// Octets read so far.
    package var consumed: Int { position - bytes.startIndex }

    package var isAtEnd: Bool { remaining == 0 }

    package mutating func uint8() -> UInt8? {
        guard position < bytes.endIndex else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    package mutating func uint16() -> UInt16? {
        guard remaining >= 2, let high = uint8(), let low = uint8() else { return nil }
        return UInt16(high) << 8 | UInt16(low)
    }

    package mutating func uint24() -> Int? {
        guard remaining >= 3, let high = uint8(), let low = uint16() else { return nil }
        return Int(high) << 16 | Int(low)
    }

    package mutating func uint32() -> UInt32? {
        guard remaining >= 4, let high = uint16(), let low = uint16() else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    /// The next `count` octets; nil when there are fewer.
    package mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// A run whose length stands in front of it in one octet.
    package mutating func vector8() -> ArraySlice<UInt8>? { uint8().flatMap { take(Int($0)) } }

    /// A run whose length stands in front of it in two octets.
    package mutating func vector16() -> ArraySlice<UInt8>? { uint16().flatMap { take(Int($0)) } }
}
