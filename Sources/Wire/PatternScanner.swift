package import NIOCore

/// The place of one stream in a `PatternSet`: finds patterns across any chunk borders with one integer of memory.
package struct PatternScanner: Sendable {
    private let set: PatternSet
    private var node: Int32 = 0

    package init(_ set: PatternSet) {
        self.set = set
    }

    /// Reads on; the index of the first pattern that ends in these bytes, nil for none.
    package mutating func scan(_ bytes: ByteBuffer) -> Int? {
        guard !set.isEmpty else { return nil }
        for byte in bytes.readableBytesView {
            if let index = step(byte) { return index }
        }
        return nil
    }

    /// Reads on through text.
    package mutating func scan(_ text: String) -> Int? {
        guard !set.isEmpty else { return nil }
        for byte in text.utf8 {
            if let index = step(byte) { return index }
        }
        return nil
    }

    /// Reads one octet on.
    package mutating func step(_ byte: UInt8) -> Int? {
        node = set.next[Int(node) * set.classCount + Int(set.classes[Int(byte)])]
        let index = set.hit[Int(node)]
        return index < 0 ? nil : Int(index)
    }
}

/// Percent-decoding of a stream (RFC 3986 section 2.1), octet by octet; malformed escapes stand for themselves.
package struct PercentDecoder: Sendable {
    private enum State: Sendable {
        case plain
        case percent
        case digit(UInt8)
    }

    private var state = State.plain

    package init() {}

    /// Takes one octet and hands on those that are settled: none, one, or the parts of a broken escape.
    package mutating func step(_ byte: UInt8, _ emit: (UInt8) -> Void) {
        switch state {
        case .plain:
            take(byte, emit)
        case .percent:
            if Self.hexValue(byte) != nil {
                state = .digit(byte)
            } else {
                emit(UInt8(ascii: "%"))
                take(byte, emit)
            }
        case .digit(let first):
            if let high = Self.hexValue(first), let low = Self.hexValue(byte) {
                state = .plain
                emit(high << 4 | low)
            } else {
                emit(UInt8(ascii: "%"))
                emit(first)
                take(byte, emit)
            }
        }
    }

    private mutating func take(_ byte: UInt8, _ emit: (UInt8) -> Void) {
        if byte == UInt8(ascii: "%") {
            state = .percent
        } else {
            state = .plain
            emit(byte)
        }
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
