/// A JSON value to print (RFC 8259); members stay in the order given.
indirect enum JSONText: Sendable {
    case null
    case bool(Bool)
    case number(Int)
    case text(String)
    case list([JSONText])
    case object([(String, JSONText)])

    /// One line.
    var printed: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let value): "\(value)"
        case .text(let text): Self.quoted(text)
        case .list(let items): "[" + items.map(\.printed).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { Self.quoted($0.0) + ":" + $0.1.printed }.joined(separator: ",") + "}"
        }
    }

    static func optional(_ text: String?) -> JSONText { text.map { .text($0) } ?? .null }

    static func texts(_ items: [String]) -> JSONText { .list(items.map { .text($0) }) }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let code = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: max(0, 4 - code.count)) + code
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
