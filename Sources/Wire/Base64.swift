/// Base64 (RFC 4648 sections 4 and 5), as far as credentials need it.
package enum Base64 {
    private static let standard = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    private static let urlSafe = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )

    /// The octets of either alphabet, padding optional; nil for anything else.
    package static func decoded(_ text: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text.utf8 {
            guard byte != UInt8(ascii: "=") else {
                padding += 1
                continue
            }
            guard padding == 0, let value = sextet(byte) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 1
            if count % 4 == 0 {
                result += [16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
                bits = 0
            }
        }
        switch count % 4 {
        case 2: result.append(UInt8(truncatingIfNeeded: bits >> 4))
        case 3: result += [10, 2].map { UInt8(truncatingIfNeeded: bits >> $0) }
        case 1: return nil
        default: break
        }
        return padding <= 2 ? result : nil
    }

    /// The text of octets, in the standard alphabet, padded.
    package static func encoded(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        var index = 0
        while index < octets.count {
            let group = octets[index...].prefix(3)
            let bits = group.enumerated().reduce(UInt32(0)) {
                $0 | UInt32($1.element) << UInt32(16 - 8 * $1.offset)
            }
            for place in 0...group.count { text.append(standard[Int(bits >> UInt32(18 - 6 * place)) & 63]) }
            text += [UInt8](repeating: UInt8(ascii: "="), count: 3 - group.count)
            index += 3
        }
        return String(decoding: text, as: Unicode.UTF8.self)
    }

    /// What base64 text contains wherever these octets are part of what it encodes: one pattern for each of the
    /// three alignments and each alphabet, without the characters that neighbouring octets have a share in.
    package static func tracesOf(_ octets: [UInt8]) -> [[UInt8]] {
        (0..<3).flatMap { shift in
            let sextets = sextets(octets, shift: shift)
            let texts = [standard, urlSafe].map { alphabet in sextets.map { alphabet[Int($0)] } }
            return texts[0] == texts[1] ? [texts[0]] : texts
        }
    }

    /// The whole sextets within `octets` when `shift` octets stand in front of them.
    private static func sextets(_ octets: [UInt8], shift: Int) -> [UInt8] {
        let padded = [UInt8](repeating: 0, count: shift) + octets
        let first = (8 * shift + 5) / 6
        let end = 8 * padded.count / 6
        guard first < end else { return [] }
        return (first..<end).map { index in
            let bit = 6 * index
            let high = UInt16(padded[bit / 8]) << 8
            let low = bit / 8 + 1 < padded.count ? UInt16(padded[bit / 8 + 1]) : 0
            return UInt8(truncatingIfNeeded: (high | low) >> UInt16(10 - bit % 8)) & 63
        }
    }

    /// Whether it is a digit of the alphabet for URLs (RFC 4648 section 5).
    package static func isURLSafe(_ byte: UInt8) -> Bool {
        byte != UInt8(ascii: "+") && byte != UInt8(ascii: "/") && sextet(byte) != nil
    }

    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte &- 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte &- 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &+ 4
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
