internal import Model

/// Writes canonical JSON (RFC 8259): keys in ascending order, no white space, `/` not escaped, shortest
/// escapes.
///
/// The same octets as Foundation's encoder gives with sorted keys, at a fraction of the cost on every
/// request.
struct CanonicalJSON {
    private(set) var octets: [UInt8] = []
    private var isFirst = true

    init() { octets.reserveCapacity(AuditLimits.usualRecord) }

    /// The members must be written in ascending order of their keys.
    mutating func object(_ members: (inout CanonicalJSON) -> Void) {
        bracketed(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    mutating func array<Element>(_ elements: [Element], _ write: (inout CanonicalJSON, Element) -> Void) {
        bracketed(UInt8(ascii: "["), UInt8(ascii: "]")) { json in
            for element in elements {
                json.separate()
                write(&json, element)
            }
        }
    }

    /// A member's key, in which nothing is escaped; its value is written by `value`.
    mutating func member(_ key: StaticString, _ value: (inout CanonicalJSON) -> Void) {
        begin(key)
        value(&self)
    }

    /// The same of a key that is not known before.
    mutating func member(named key: String, _ value: (inout CanonicalJSON) -> Void) {
        separate()
        string(key)
        octets.append(UInt8(ascii: ":"))
        value(&self)
    }

    mutating func member(_ key: StaticString, _ text: String) {
        begin(key)
        string(text)
    }

    /// Left out when there is no value.
    mutating func member(_ key: StaticString, _ text: String?) {
        if let text { member(key, text) }
    }

    mutating func member(_ key: StaticString, _ number: some BinaryInteger) {
        begin(key)
        self.number(number)
    }

    mutating func number(_ number: some BinaryInteger) {
        octets += "\(number)".utf8
    }

    mutating func numbers(_ numbers: [some BinaryInteger]) {
        array(numbers) { json, number in json.number(number) }
    }

    mutating func member(_ key: StaticString, _ flag: Bool) {
        begin(key)
        octets += (flag ? "true" : "false").utf8
    }

    /// Left out when there is no value.
    mutating func member(_ key: StaticString, _ number: (some BinaryInteger)?) {
        if let number { member(key, number) }
    }

    /// An array of the lines of a text; of an empty one it is empty.
    ///
    /// In one pass: heads are most of what is written.
    mutating func lines(_ text: String) {
        guard !text.isEmpty else {
            octets += "[]".utf8
            return
        }
        let span = text.utf8.span
        octets += "[\"".utf8
        for index in span.indices {
            let octet = span[index]
            if octet == 0x0a {
                octets += "\",\"".utf8
            } else if Self.needsEscape(octet) {
                escape(octet)
            } else {
                octets.append(octet)
            }
        }
        octets += "\"]".utf8
    }

    /// A value that is canonical JSON already.
    mutating func raw(_ json: [UInt8]) {
        octets += json
    }

    mutating func string(_ text: String) {
        octets.append(UInt8(ascii: "\""))
        if Self.isPlain(text.utf8.span) {
            octets += text.utf8
        } else {
            for octet in text.utf8 { escape(octet) }
        }
        octets.append(UInt8(ascii: "\""))
    }

    private mutating func begin(_ key: StaticString) {
        separate()
        octets.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { unsafe octets.append(contentsOf: $0) }
        octets.append(UInt8(ascii: "\""))
        octets.append(UInt8(ascii: ":"))
    }

    private mutating func separate() {
        if !isFirst { octets.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    private mutating func bracketed(_ open: UInt8, _ close: UInt8, _ body: (inout CanonicalJSON) -> Void) {
        octets.append(open)
        isFirst = true
        body(&self)
        isFirst = false
        octets.append(close)
    }

    /// Whether nothing in it is escaped, without a branch for each octet: the compiler looks at many at once.
    private static func isPlain(_ text: borrowing Span<UInt8>) -> Bool {
        var found: UInt8 = 0
        for index in text.indices {
            let octet = text[index]
            found |= octet < 0x20 ? 1 : 0
            found |= octet == UInt8(ascii: "\"") ? 1 : 0
            found |= octet == UInt8(ascii: "\\") ? 1 : 0
        }
        return found == 0
    }

    private static func needsEscape(_ octet: UInt8) -> Bool {
        octet < 0x20 || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\")
    }

    /// RFC 8259 section 7.
    private mutating func escape(_ octet: UInt8) {
        switch octet {
        case UInt8(ascii: "\""): octets += "\\\"".utf8
        case UInt8(ascii: "\\"): octets += "\\\\".utf8
        case 0x08: octets += "\\b".utf8
        case 0x0c: octets += "\\f".utf8
        case 0x0a: octets += "\\n".utf8
        case 0x0d: octets += "\\r".utf8
        case 0x09: octets += "\\t".utf8
        case 0x00..<0x20:
            octets += "\\u00\(CollectionOfOne(octet).hex)".utf8
        default: octets.append(octet)
        }
    }
}
