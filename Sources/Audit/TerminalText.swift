/// Text that an agent had a say in, made safe to show: it can neither move a terminal's cursor nor start a
/// line of its own nor reorder what is read.
package enum TerminalText {
    /// Control characters (C0, DEL, C1), line and paragraph separators, and bidirectional and other invisible
    /// format characters (Unicode general categories Cc, Cf, Zl, Zp, Co, Cn) as `\u{HEX}`; `\` as `\\`.
    package static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7e).contains($0) && $0 != 0x5c }) { return text }
        return text.unicodeScalars.reduce(into: "") { shown, scalar in
            if scalar == "\\" {
                shown += "\\\\"
            } else if isUnsafe(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
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
