/// What begins with `%`, `\` or `&`, read as an escape: of URLs (RFC 3986), JSON (RFC 8259 section 7), string literals
/// (`\x41`) or HTML.
package enum EscapedOctets {
    /// With more octets it could become one.
    case partial
    /// It is none.
    case none
    /// It begins with one of this length, which stands for so many octets (of UTF-8), the first one lowest.
    case whole(length: Int, octets: UInt32, count: Int)

    /// Octets of one escape: `&#x0041;`.
    package static let maximumLength = 8

    /// Reads up to eight octets, the first one lowest.
    package static func read(_ text: Octets) -> EscapedOctets {
        switch text[0] {
        case UInt8(ascii: "%"): number(text, from: 1, digits: 2)
        case UInt8(ascii: "\\"): backslash(text)
        case UInt8(ascii: "&"): reference(text)
        default: .none
        }
    }

    /// At most eight octets in a word: no escape is longer.
    package struct Octets {
        package var word: UInt64 = 0
        package var count = 0

        package init(word: UInt64 = 0, count: Int = 0) {
            (self.word, self.count) = (word, count)
        }

        package subscript(index: Int) -> UInt8 { UInt8(truncatingIfNeeded: word >> UInt64(8 * index)) }

        package mutating func append(_ octet: UInt8) {
            word |= UInt64(octet) << UInt64(8 * count)
            count += 1
        }

        package mutating func removeFirst(_ number: Int = 1) {
            word = number < 8 ? word >> UInt64(8 * number) : 0
            count -= number
        }
    }

    private static func backslash(_ text: Octets) -> EscapedOctets {
        guard text.count > 1 else { return .partial }
        switch text[1] {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"):
            return .whole(length: 2, octets: UInt32(text[1]), count: 1)
        case UInt8(ascii: "n"): return .whole(length: 2, octets: 0x0A, count: 1)
        case UInt8(ascii: "r"): return .whole(length: 2, octets: 0x0D, count: 1)
        case UInt8(ascii: "t"): return .whole(length: 2, octets: 0x09, count: 1)
        case UInt8(ascii: "b"): return .whole(length: 2, octets: 0x08, count: 1)
        case UInt8(ascii: "f"): return .whole(length: 2, octets: 0x0C, count: 1)
        case UInt8(ascii: "x"): return number(text, from: 2, digits: 2)
        case UInt8(ascii: "u"): return number(text, from: 2, digits: 4)
        default: return .none
        }
    }

    /// So many hexadecimal digits.
    private static func number(_ text: Octets, from start: Int, digits: Int) -> EscapedOctets {
        var value: UInt32 = 0
        for index in start..<start + digits {
            guard index < text.count else { return .partial }
            guard let digit = hexValue(text[index]) else { return .none }
            value = value << 4 | UInt32(digit)
        }
        if digits == 2 { return .whole(length: start + 2, octets: value, count: 1) }
        return scalar(value, length: start + digits)
    }

    private static func reference(_ text: Octets) -> EscapedOctets {
        guard text.count > 1 else { return .partial }
        guard text[1] == UInt8(ascii: "#") else { return named(text) }
        guard text.count > 2 else { return .partial }
        let isHex = text[2] | 0x20 == UInt8(ascii: "x")
        let start = isHex ? 3 : 2
        var value: UInt32 = 0
        for index in start..<maximumLength {
            guard index < text.count else { return .partial }
            if text[index] == UInt8(ascii: ";") {
                return index == start ? .none : scalar(value, length: index + 1)
            }
            guard let digit = hexValue(text[index]), isHex || digit < 10 else { return .none }
            value = value * (isHex ? 16 : 10) + UInt32(digit)
        }
        return .none
    }

    private static func named(_ text: Octets) -> EscapedOctets {
        let name: StaticString
        let octet: UInt8
        switch (text[1], text[2]) {
        case (UInt8(ascii: "a"), UInt8(ascii: "m")): (name, octet) = ("&amp;", UInt8(ascii: "&"))
        case (UInt8(ascii: "a"), UInt8(ascii: "p")): (name, octet) = ("&apos;", UInt8(ascii: "'"))
        case (UInt8(ascii: "a"), 0): return text.count == 2 ? .partial : .none
        case (UInt8(ascii: "c"), _): (name, octet) = ("&commat;", UInt8(ascii: "@"))
        case (UInt8(ascii: "l"), _): (name, octet) = ("&lt;", UInt8(ascii: "<"))
        case (UInt8(ascii: "g"), _): (name, octet) = ("&gt;", UInt8(ascii: ">"))
        case (UInt8(ascii: "q"), _): (name, octet) = ("&quot;", UInt8(ascii: "\""))
        default: return .none
        }
        let length = name.utf8CodeUnitCount
        for index in 0..<min(length, text.count) {
            guard unsafe name.utf8Start[index] == text[index] else { return .none }
        }
        return text.count < length ? .partial : .whole(length: length, octets: UInt32(octet), count: 1)
    }

    /// In UTF-8; half a surrogate pair stands for nothing that is looked for.
    private static func scalar(_ value: UInt32, length: Int) -> EscapedOctets {
        guard value >= 0x80 else { return .whole(length: length, octets: value, count: 1) }
        guard let scalar = Unicode.Scalar(value) else { return .whole(length: length, octets: 0, count: 1) }
        var octets: UInt32 = 0
        var count = 0
        for octet in UTF8.encode(scalar) ?? .init() {
            octets |= UInt32(octet) << UInt32(8 * count)
            count += 1
        }
        return .whole(length: length, octets: octets, count: count)
    }

    package static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }
}
