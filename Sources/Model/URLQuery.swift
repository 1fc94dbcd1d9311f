/// The query of a URL as `name=value` parameters between `&` (application/x-www-form-urlencoded, WHATWG URL section 5.1).
package enum URLQuery {
    /// One parameter.
    package struct Parameter: Sendable, Hashable {
        /// As it is written.
        package let text: Substring
        /// What is written in front of the first `=`, all of it without one.
        package let writtenName: Substring
        /// What is written behind it; empty without one.
        package let writtenValue: Substring

        /// The octets that the name stands for.
        package var name: [UInt8] { decoded(writtenName) }
        /// The octets that the value stands for.
        package var value: [UInt8] { decoded(writtenValue) }
    }

    /// A request target, cut at its first `?`; no query is not the same as an empty one.
    package static func cut(_ target: String) -> (path: Substring, query: Substring?) {
        guard let mark = target.firstPlace(of: "?") else { return (target[...], nil) }
        return (target[..<mark], target.rest(behind: mark))
    }

    /// The parameters in their order; what is empty between two `&` is none.
    package static func parameters(_ query: some StringProtocol) -> [Parameter] {
        let whole = Substring(query)
        return whole.cut(at: "&").map { part in
            guard let equals = part.firstPlace(of: "=") else {
                return Parameter(text: part, writtenName: part, writtenValue: "")
            }
            return Parameter(
                text: part,
                writtenName: part[..<equals],
                writtenValue: part.rest(behind: equals)
            )
        }
    }

    /// Percent-decoded, with `+` as a space; a malformed escape stands for itself.
    package static func decoded(_ text: Substring) -> [UInt8] {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return Array(text.utf8)
        }
        return decoded(Array(text.utf8), plus: UInt8(ascii: " "))
    }

    /// The same of octets, `+` as `plus`.
    package static func decoded(_ bytes: [UInt8], plus: UInt8) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = URLPath.hexValue(bytes[index + 1]), let low = URLPath.hexValue(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(byte == UInt8(ascii: "+") ? plus : byte)
                index += 1
            }
        }
        return result
    }

    /// A name or a value as it is written: whatever is not unreserved is escaped.
    package static func encoded(_ text: some StringProtocol) -> String { encoded(text.utf8) }

    /// The same of octets.
    package static func encoded(_ octets: some Collection<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(octets.count)
        for byte in octets {
            if URLPath.isUnreserved(byte) {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), URLPath.upperHex(byte >> 4), URLPath.upperHex(byte & 15)]
            }
        }
        return String(decoding: result, as: Unicode.UTF8.self)
    }
}
