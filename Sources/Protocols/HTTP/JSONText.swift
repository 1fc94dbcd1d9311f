/// JSON text (RFC 8259) for our own replies, written so that no terminal or browser can be led astray by it.
enum JSONText {
    indirect enum Value: Hashable {
        case null
        case string(String)
        case array([Value])
        case object([Member])
    }

    struct Member: Hashable {
        let name: String
        let value: Value

        init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    static func text(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .string(let string): quoted(string)
        case .array(let values): "[" + values.map(text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { quoted($0.name) + ":" + text($0.value) }.joined(separator: ",") + "}"
        }
    }

    /// Quotes, escaping everything that is not printable ASCII (control, bidirectional and invisible characters
    /// among them), and `<`, `>`, `&` for a reader that takes it for HTML.
    static func quoted(_ string: String) -> String {
        var result = "\""
        for unit in string.utf16 {
            switch unit {
            case 0x22: result += "\\\""
            case 0x5C: result += "\\\\"
            case 0x0A: result += "\\n"
            case 0x3C, 0x3E, 0x26: result += escape(unit)
            case 0x20...0x7E: result.unicodeScalars.append(Unicode.Scalar(UInt8(truncatingIfNeeded: unit)))
            default: result += escape(unit)
            }
        }
        return result + "\""
    }

    private static func escape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
