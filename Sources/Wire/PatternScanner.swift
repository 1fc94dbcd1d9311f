package import NIOCore

/// Watches one stream for the patterns of a set, as they are and percent-encoded (RFC 3986 section 2.1), across
/// any chunk borders.
///
/// Memory is constant: two places in the set and an escape that has begun. Malformed escapes stand for themselves.
/// After a hit the stream is of no further interest.
package struct PatternScanner: Sendable {
    private enum Escape: Sendable {
        case none
        case percent
        case digit(UInt8)
    }

    private let set: PatternSet
    /// Where the octets as they are have led.
    private var raw: Int32 = 0
    /// Where the decoded octets have led; mostly the same place.
    private var decoded: Int32 = 0
    private var escape = Escape.none

    package init(_ set: PatternSet) {
        self.set = set
    }

    /// Reads on; the index of the first pattern that ends in these bytes, nil for none.
    package mutating func scan(_ bytes: ByteBuffer) -> Int? {
        guard !set.isEmpty else { return nil }
        return scan(bytes.readableBytesSpan)
    }

    /// Reads on through text.
    package mutating func scan(_ text: String) -> Int? {
        guard !set.isEmpty else { return nil }
        return unsafe scan(text.utf8.span.bytes)
    }

    private mutating func scan(_ bytes: RawSpan) -> Int? {
        var offset = 0
        while offset < bytes.byteCount {
            if raw == decoded, case .none = escape {
                if let mark = scanPlain(bytes, from: &offset) { return set.pattern(mark) }
            } else {
                let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                offset += 1
                if let mark = step(byte) { return set.pattern(mark) }
            }
        }
        return nil
    }

    /// As long as no escape comes, both places are one.
    private mutating func scanPlain(_ bytes: RawSpan, from offset: inout Int) -> Int32? {
        let row = set.walk(bytes, from: &offset, row: raw)
        guard row >= 0 else { return row }
        raw = row
        decoded = row
        guard offset < bytes.byteCount else { return nil }
        offset += 1
        return step(UInt8(ascii: "%"))
    }

    /// One octet, both ways; the mark of a pattern that ends with it.
    private mutating func step(_ byte: UInt8) -> Int32? {
        raw = set.next(raw, byte)
        guard raw >= 0 else { return raw }
        switch escape {
        case .none:
            return take(byte)
        case .percent:
            guard Self.hexValue(byte) != nil else { return advance(UInt8(ascii: "%")) ?? take(byte) }
            escape = .digit(byte)
            return nil
        case .digit(let first):
            if let high = Self.hexValue(first), let low = Self.hexValue(byte) {
                escape = .none
                return advance(high << 4 | low)
            }
            return advance(UInt8(ascii: "%")) ?? advance(first) ?? take(byte)
        }
    }

    private mutating func take(_ byte: UInt8) -> Int32? {
        if byte == UInt8(ascii: "%") {
            escape = .percent
            return nil
        }
        escape = .none
        return advance(byte)
    }

    private mutating func advance(_ byte: UInt8) -> Int32? {
        decoded = set.next(decoded, byte)
        return decoded < 0 ? decoded : nil
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }
}
