internal import Foundation

/// base64url without padding (RFC 7515 section 2), strictly: each octet string has one spelling.
enum Base64URL {
    /// Nil for anything else, also where bits are set that stand for nothing.
    static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        var (result, bits, count) = ([UInt8](), UInt32(0), 0)
        result.reserveCapacity(text.count / 4 * 3 + 2)
        for byte in text {
            guard let value = sextet(byte) else { return nil }
            bits = (bits << 6 | UInt32(value)) & 0xFF_FFFF
            count += 1
            if count % 4 == 0 { result += [16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> UInt32($0)) } }
        }
        switch count % 4 {
        case 0: return result
        case 2 where bits & 0xF == 0: return result + [UInt8(truncatingIfNeeded: bits >> 4)]
        case 3 where bits & 0x3 == 0:
            return result + [10, 2].map { UInt8(truncatingIfNeeded: bits >> UInt32($0)) }
        default: return nil
        }
    }

    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte &- 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte &- 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &+ 4
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

extension Data {
    /// Without padding, as tokens have it (RFC 7515 section 2).
    var base64URL: String {
        var octets = Array(base64EncodedString().utf8)
        while octets.last == UInt8(ascii: "=") { octets.removeLast() }
        for index in octets.indices {
            switch octets[index] {
            case UInt8(ascii: "+"): octets[index] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): octets[index] = UInt8(ascii: "_")
            default: break
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
