/// Which two octets a pattern of a set, in either case, or an escape (`%`, `\`, `&`) can begin with.
///
/// Most of a text is none of these, and is passed over without a step of the search that waits for the one before.
package struct PairFilter: Sendable {
    /// A bit for each pair, the first octet in the lower eight.
    private let bits: [UInt8]

    /// The patterns have two octets at least.
    package init(_ patterns: [[UInt8]]) {
        var bits = [UInt8](repeating: 0, count: 8192)
        func enter(_ first: UInt8, _ second: UInt8) {
            let pair = Int(first) | Int(second) << 8
            bits[pair >> 3] |= 1 << UInt8(pair & 7)
        }
        for pattern in patterns where pattern.count > 1 {
            for first in Self.cases(pattern[0]) {
                for second in Self.cases(pattern[1]) { enter(first, second) }
            }
        }
        for second in UInt8.min...UInt8.max {
            for first in [UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: "&")] { enter(first, second) }
        }
        self.bits = bits
    }

    /// Goes on to where something could begin, or to the last octet.
    func skip(_ bytes: RawSpan, from offset: inout Int) {
        let bits = bits.span
        let last = bytes.byteCount - 1
        while offset < last {
            let pair = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian
            guard bits[Int(pair >> 3)] & (1 << UInt8(pair & 7)) == 0 else { return }
            offset += 1
        }
    }

    private static func cases(_ byte: UInt8) -> [UInt8] {
        let small = PatternSet.folded(byte)
        return (0x61...0x7A).contains(small) ? [small, small & ~0x20] : [byte]
    }
}
