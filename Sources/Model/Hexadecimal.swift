extension Sequence<UInt8> {
    /// Each octet as two lower-case hexadecimal digits, the first one's first.
    @inlinable package var hex: String {
        func digit(_ value: UInt8) -> UInt8 {
            value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &- 10 &+ value
        }
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * underestimatedCount)
        for octet in self {
            digits.append(digit(octet >> 4))
            digits.append(digit(octet & 15))
        }
        return String(decoding: digits, as: Unicode.UTF8.self)
    }
}
