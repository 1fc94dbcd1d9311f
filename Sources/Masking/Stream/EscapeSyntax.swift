internal import Wire

/// Which escapes the reader of a document undoes.
package struct EscapeSyntax: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `\u0040`, `\/`, `\n`: JSON (RFC 8259 section 7), string literals.
    package static let backslash = EscapeSyntax(rawValue: 1)
    /// `&#64;`, `&amp;`: HTML and XML.
    package static let reference = EscapeSyntax(rawValue: 2)
    /// `%40`, `+`: application/x-www-form-urlencoded (URL Standard section 5).
    package static let form = EscapeSyntax(rawValue: 4)

    /// `%40`, in whatever text: what a request carries is read in every way.
    package static let percent = EscapeSyntax(rawValue: 8)

    /// Whether an octet can begin an escape.
    ///
    /// A percent sign does in every text: URLs stand in all of them.
    func begins(with octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "%"): true
        case UInt8(ascii: "\\"): contains(.backslash)
        case UInt8(ascii: "&"): contains(.reference)
        case UInt8(ascii: "+"): contains(.form)
        default: false
        }
    }

    /// Octets that can begin an escape.
    var beginnings: [UInt8] {
        [UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: "&"), UInt8(ascii: "+")].filter(begins)
    }

    /// Reads what begins with one of these octets, as it stands in the document.
    ///
    /// In other texts than forms a percent sign stands only for what an address of mail or a number is put into a URL
    /// with. A document within a string of another one is read as well: of `\\n` the line's end.
    func read(_ text: EscapedOctets.Octets) -> EscapedOctets {
        switch text[0] {
        case UInt8(ascii: "+"): return .whole(length: 1, octets: 0x20, count: 1)
        case UInt8(ascii: "\\") where text.count > 1 && text[1] == UInt8(ascii: "\\"):
            guard text.count > 2 else { return .partial }
            return nested(text, behind: text[2] == UInt8(ascii: "\\") ? 2 : 1)
        default:
            let escape = EscapedOctets.read(text)
            guard text[0] == UInt8(ascii: "%"), isDisjoint(with: [.form, .percent]),
                case .whole(_, let octet, _) = escape
            else {
                return escape
            }
            return octet == UInt8(ascii: "@") || octet == UInt8(ascii: "+") ? escape : .none
        }
    }

    private func nested(_ text: EscapedOctets.Octets, behind count: Int) -> EscapedOctets {
        var inner = text
        inner.removeFirst(count)
        switch EscapedOctets.read(inner) {
        case .partial: return .partial
        case .none: return .whole(length: 2, octets: 0x5C, count: 1)
        case .whole(let length, let octets, let number):
            return .whole(length: length + count, octets: octets, count: number)
        }
    }
}
