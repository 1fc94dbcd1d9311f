/// The beginning of a text as an escape: of URLs (RFC 3986), JSON (RFC 8259 section 7), string literals (`\x41`) or
/// HTML.
enum EscapedOctets {
    /// It could become one.
    case partial
    /// It is none.
    case none
    /// It is one, whole, and stands for these octets (of UTF-8).
    case whole([UInt8])

    /// Reads what begins with `%`, `\` or `&`, one octet longer each time.
    static func read(_ text: [UInt8]) -> EscapedOctets {
        switch text.first {
        case UInt8(ascii: "%"): number(text, from: 1, digits: 2)
        case UInt8(ascii: "\\"): backslash(text)
        case UInt8(ascii: "&"): reference(text)
        default: .none
        }
    }

    private static func backslash(_ text: [UInt8]) -> EscapedOctets {
        guard text.count > 1 else { return .partial }
        switch text[1] {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"):
            return .whole([text[1]])
        case UInt8(ascii: "x"): return number(text, from: 2, digits: 2)
        case UInt8(ascii: "u"): return number(text, from: 2, digits: 4)
        default: return .none
        }
    }

    /// So many hexadecimal digits.
    private static func number(_ text: [UInt8], from start: Int, digits: Int) -> EscapedOctets {
        var value: UInt32 = 0
        for byte in text[start...] {
            guard let digit = hexValue(byte) else { return .none }
            value = value << 4 | UInt32(digit)
        }
        guard text.count == start + digits else { return .partial }
        return .whole(digits == 2 ? [UInt8(truncatingIfNeeded: value)] : utf8(value))
    }

    private static let names: [(name: [UInt8], octet: UInt8)] = [
        (Array("&amp;".utf8), UInt8(ascii: "&")), (Array("&lt;".utf8), UInt8(ascii: "<")),
        (Array("&gt;".utf8), UInt8(ascii: ">")), (Array("&quot;".utf8), UInt8(ascii: "\"")),
        (Array("&apos;".utf8), UInt8(ascii: "'")),
    ]

    private static func reference(_ text: [UInt8]) -> EscapedOctets {
        guard text.count > 1 else { return .partial }
        guard text[1] == UInt8(ascii: "#") else {
            if let named = names.first(where: { $0.name == text }) { return .whole([named.octet]) }
            return names.contains { $0.name.starts(with: text) } ? .partial : .none
        }
        guard text.count > 2 else { return .partial }
        let isHex = text[2] | 0x20 == UInt8(ascii: "x")
        let digits = text[(isHex ? 3 : 2)...]
        let ends = digits.last == UInt8(ascii: ";")
        var value: UInt32 = 0
        for byte in ends ? digits.dropLast() : digits {
            guard let digit = hexValue(byte), isHex || digit < 10 else { return .none }
            value = value &* (isHex ? 16 : 10) &+ UInt32(digit)
        }
        if ends { return digits.count > 1 ? .whole(utf8(value)) : .none }
        return text.count < ReflectionLimits.escape ? .partial : .none
    }

    private static func utf8(_ value: UInt32) -> [UInt8] {
        Unicode.Scalar(value).map { Array(String(Character($0)).utf8) } ?? [0]
    }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }
}
