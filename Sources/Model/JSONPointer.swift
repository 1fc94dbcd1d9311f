/// Where a value stands in a JSON document (RFC 6901): `/model`, `/messages/0/role`.
package struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    package let text: String
    /// The names of members, or the numbers of elements, from the outside in.
    let tokens: [[UInt8]]

    /// Octets of a pointer; a reviewed rule's is far shorter.
    package static let maximumLength = 256

    /// Nil for a text that is not one, or points at the whole document.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= Self.maximumLength else { return nil }
        var tokens: [[UInt8]] = []
        for part in text.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        ) {
            guard let token = Self.unescaped(Array(part)) else { return nil }
            tokens.append(token)
        }
        self.text = String(text)
        self.tokens = tokens
    }

    /// `~1` is a slash and `~0` a tilde (section 3); nil for any other tilde.
    private static func unescaped(_ part: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var index = 0
        while index < part.count {
            guard part[index] == UInt8(ascii: "~") else {
                result.append(part[index])
                index += 1
                continue
            }
            guard index + 1 < part.count else { return nil }
            switch part[index + 1] {
            case UInt8(ascii: "0"): result.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): result.append(UInt8(ascii: "/"))
            default: return nil
            }
            index += 2
        }
        return result
    }

    package static func == (left: JSONPointer, right: JSONPointer) -> Bool {
        left.text.isSame(as: right.text)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(ByteText(text)) }

    package var description: String { text }
}

/// What a body in JSON says at some pointers.
package struct JSONFacts: Sendable, Hashable {
    /// What stands at one pointer.
    package enum Finding: Sendable, Hashable {
        case absent
        case string([UInt8])
        /// `true`, `false` or `null`.
        case literal(String)
        /// A number, an object, an array, or a string that is too long to be compared.
        case other
        /// Two readers could find two things: a name is there twice, or in another case as well.
        case ambiguous
    }

    /// Nil where the body is not one valid document in JSON that everybody reads alike.
    package let findings: [JSONPointer: Finding]?

    package static let unreadable = JSONFacts(findings: nil)

    package init(findings: [JSONPointer: Finding]?) {
        self.findings = findings
    }

    /// Whether this was looked up, or no pointer can be.
    func knows(_ pointer: JSONPointer) -> Bool { findings.map { $0[pointer] != nil } ?? true }

    /// Nil for an unreadable body, and for a pointer that was not looked up.
    package subscript(_ pointer: JSONPointer) -> Finding? { findings?[pointer] }
}
