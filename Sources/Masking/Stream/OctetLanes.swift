/// Eight octets in a word, looked at together.
enum OctetLanes {
    static let high: UInt64 = 0x8080_8080_8080_8080
    static let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F

    /// An octet eight times.
    static func all(_ octet: UInt8) -> UInt64 { UInt64(octet) &* 0x0101_0101_0101_0101 }

    /// The high bit of each octet that is in `first...last`, which are below 0x80.
    @inline(__always)
    static func within(_ word: UInt64, _ first: UInt8, _ last: UInt8) -> UInt64 {
        let bits = word & low
        let above = bits &+ all(0x80 &- first)
        let beyond = bits &+ all(0x7F &- last)
        return above & ~beyond & ~word & high
    }

    /// How many high bits are set, of a word with no others.
    @inline(__always)
    static func count(_ bits: UInt64) -> UInt64 { ((bits >> 7) &* 0x0101_0101_0101_0101) >> 56 }
}

extension RawSpan {
    /// One octet; the index is within the text.
    @inline(__always)
    func octet(_ index: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) }

    /// Eight octets, the first one lowest; they are within the text.
    @inline(__always)
    func word(_ index: Int) -> UInt64 {
        unsafe unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
    }
}
