internal import Model

/// Text that an agent had a say in, made safe to show: it can neither move a terminal's cursor nor start a
/// line of its own nor reorder what is read.
package enum TerminalText {
    /// A text of several lines as one that steers no terminal.
    package static func joined(_ text: String) -> String {
        text.cut(at: "\n", omittingEmptySubsequences: true).map { escaped(String($0)) }.joined(
            separator: "; "
        )
    }

    /// Control characters (C0, DEL, C1), line and paragraph separators, and bidirectional and other invisible
    /// format characters (Unicode general categories Cc, Cf, Zl, Zp, Co, Cn) as `\n`, `\r`, `\t`, `\uXXXX` or
    /// `\UXXXXXXXX`; `\` as `\\`.
    package static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7e).contains($0) && $0 != 0x5c }) { return text }
        return text.unicodeScalars.reduce(into: "") { shown, scalar in
            if scalar == "\\" {
                shown += "\\\\"
            } else if isUnsafe(scalar) {
                shown += code(of: scalar)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
    }

    /// One word of a command line as a shell takes it: bare, in `'…'`, or in bash's `$'…'` where a quote or what
    /// is escaped above is in it.
    package static func quoted(_ argument: String) -> String {
        let scalars = argument.unicodeScalars
        if !scalars.isEmpty, scalars.allSatisfy(isPlain) { return argument }
        if scalars.allSatisfy({ $0 != "'" && !isUnsafe($0) }) { return "'\(argument)'" }
        // By scalars: a mark that combines with a quote must not hide it.
        let inner = escaped(argument).unicodeScalars.reduce(into: "") { shown, scalar in
            if scalar == "'" { shown += "\\" }
            shown.unicodeScalars.append(scalar)
        }
        return "$'" + inner + "'"
    }

    /// What no shell takes for anything else.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            let octet = UInt8(ascii: scalar)
            return (0x61...0x7a).contains(octet | 0x20) || (0x30...0x39).contains(octet)
                || "_@%+=:,./-".unicodeScalars.contains(scalar)
        }
        return !isUnsafe(scalar) && !scalar.properties.isWhitespace
    }

    /// As in bash's `$'…'`; JSON's, for what JSON has.
    private static func code(of scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            let digits = String(scalar.value, radix: 16)
            let (letter, width) = scalar.value > 0xffff ? ("U", 8) : ("u", 4)
            return "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
        }
    }

    /// The same for text that is JSON already: such characters stand only inside its strings, so they become
    /// `\uXXXX` (RFC 8259 section 7) and the value stays what it was.
    package static func escapedJSON(_ json: String) -> String {
        if json.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) { return json }
        return json.unicodeScalars.reduce(into: "") { shown, scalar in
            guard isUnsafe(scalar) else { return shown.unicodeScalars.append(scalar) }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
            true
        default: false
        }
    }
}
