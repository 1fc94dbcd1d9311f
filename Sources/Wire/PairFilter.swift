internal import Literals

/// Which two octets a pattern of a set can begin with, in either case, as it is or with an escape (`%`, `\`, `&`).
///
/// Most of a text is none of these, and is passed over without a step of the search that waits for the one before.
package struct PairFilter: Sendable {
    /// A bit for each pair, the first octet in the lower eight.
    private let bits: [UInt8]
    private let search: PairSearch

    /// The patterns have two octets at least.
    package init(_ patterns: [[UInt8]]) {
        var bits = [UInt8](repeating: 0, count: 8192)
        var pairs: Set<[UInt8]> = []
        func enter(_ first: UInt8, _ second: UInt8) {
            let pair = Int(first) | Int(second) << 8
            bits[pair >> 3] |= 1 << UInt8(pair & 7)
            pairs.insert([PatternSet.folded(first), PatternSet.folded(second)])
        }
        for pattern in patterns where pattern.count > 1 {
            for first in Self.cases(pattern[0]) {
                for second in Self.cases(pattern[1]) + Self.beginnings { enter(first, second) }
            }
        }
        let firsts = Set(patterns.compactMap(\.first).map(PatternSet.folded))
        for first in Self.beginnings {
            for second in UInt8.min...UInt8.max where Self.matters(first, second, to: firsts) {
                enter(first, second)
            }
        }
        self.bits = bits
        search = PairSearch(pairs.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
    }

    /// What an escape begins with.
    private static let beginnings = [UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: "&")]

    /// Whether it matters to a set whose patterns begin with these octets that an escape begins so: `\n` mostly does not.
    ///
    /// It does when it could stand for one of them or for the beginning of an escape, and when without it one of them
    /// would be there.
    private static func matters(_ first: UInt8, _ second: UInt8, to firsts: Set<UInt8>) -> Bool {
        switch EscapedOctets.read(.init(word: UInt64(first) | UInt64(second) << 8, count: 2)) {
        case .partial: return true
        case .none: return false
        case .whole(_, let octets, _):
            let octet = UInt8(truncatingIfNeeded: octets)
            return beginnings.contains(octet)
                || [octet, second].contains { firsts.contains(PatternSet.folded($0)) }
        }
    }

    /// Octets that are read before the rest of a text is taken to hold few such pairs: a search that is begun costs as much
    /// as these do.
    private static let quiet = 512

    /// Goes on to where something could begin, or to the last octet.
    func skip(_ bytes: RawSpan, from offset: inout Int) {
        let last = bytes.byteCount - 1
        let isLong = last - offset > 2 * Self.quiet
        if step(bytes, from: &offset, to: isLong ? offset + Self.quiet : last) || !isLong { return }
        switch search.first(in: unsafe bytes.extracting(unchecked: offset..<last + 1)) {
        case .end(let end): offset += end - 2
        case .nowhere: offset = last
        case .failed: _ = step(bytes, from: &offset, to: last)
        }
    }

    /// Goes on to a pair, or to `last`; whether one is there.
    ///
    /// Seven pairs of eight octets at a time, with one branch for them all; the pairs of eight that hold one are looked at
    /// one by one.
    @inline(__always)
    private func step(_ bytes: RawSpan, from offset: inout Int, to last: Int) -> Bool {
        let bits = bits.span
        while offset + 7 <= last {
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let octets = word.littleEndian
            var found: UInt8 = 0
            for place in 0..<UInt64(7) {
                found |= Self.bit(of: UInt16(truncatingIfNeeded: octets >> (8 * place)), in: bits)
            }
            guard found & 1 == 0 else { break }
            offset += 7
        }
        while offset < last {
            let pair = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self).littleEndian
            guard Self.bit(of: pair, in: bits) & 1 == 0 else { return true }
            offset += 1
        }
        return false
    }

    /// A pair's bit, lowest; what stands above it means nothing.
    private static func bit(of pair: UInt16, in bits: Span<UInt8>) -> UInt8 {
        // 2^16 pairs, 2^13 octets: there is one for each.
        unsafe bits[unchecked: Int(pair >> 3)] >> UInt8(truncatingIfNeeded: pair & 7)
    }

    private static func cases(_ byte: UInt8) -> [UInt8] {
        let small = PatternSet.folded(byte)
        return (0x61...0x7A).contains(small) ? [small, small & ~0x20] : [byte]
    }
}
