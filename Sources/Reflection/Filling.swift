internal import NIOCore
internal import Wire

/// Writes over a range, octet for octet: a text of the same length, escaped where it was and as wide.
enum Filling {
    static func fill(_ bytes: inout ByteBuffer, _ range: Range<Int>, with filler: UInt8) {
        var index = range.lowerBound
        while index < range.upperBound {
            if let digits = escapedDigits(bytes, at: index, before: range.upperBound) {
                for place in digits.dropLast(2) { bytes.setInteger(UInt8(ascii: "0"), at: place) }
                bytes.setInteger(hexDigit(filler >> 4), at: digits.upperBound - 2)
                bytes.setInteger(hexDigit(filler & 15), at: digits.upperBound - 1)
                index = digits.upperBound
            } else {
                // No secret has an octet of zero: it is UTF-16's.
                if octet(bytes, index) != 0 { bytes.setInteger(filler, at: index) }
                index += 1
            }
        }
    }

    /// Where the digits of `%41`, `\x41` or `\u0041` are; nil where none begins that ends before `end`.
    private static func escapedDigits(_ bytes: ByteBuffer, at index: Int, before end: Int) -> Range<Int>? {
        let digits: Range<Int>
        switch (octet(bytes, index), octet(bytes, index + 1)) {
        case (UInt8(ascii: "%"), _): digits = index + 1..<index + 3
        case (UInt8(ascii: "\\"), UInt8(ascii: "x")): digits = index + 2..<index + 4
        case (UInt8(ascii: "\\"), UInt8(ascii: "u")): digits = index + 2..<index + 6
        default: return nil
        }
        guard digits.upperBound <= end,
            digits.allSatisfy({ octet(bytes, $0).flatMap(EscapedOctets.hexValue) != nil })
        else { return nil }
        return digits
    }

    private static func octet(_ bytes: ByteBuffer, _ index: Int) -> UInt8? {
        bytes.getInteger(at: index, as: UInt8.self)
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x37 &+ value }
}
