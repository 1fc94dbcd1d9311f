/// Text in HTML and XML, between tags or in quotes.
package enum MarkupText {
    /// What they have a meaning for (html.spec.whatwg.org, "Serializing HTML fragments", Escaping a string, and quotes).
    ///
    /// By scalars: a mark behind a character that is escaped makes another character of the two.
    package static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { shown, scalar in
            switch scalar {
            case "&": shown += "&amp;"
            case "<": shown += "&lt;"
            case ">": shown += "&gt;"
            case "\"": shown += "&quot;"
            case "'": shown += "&#39;"
            default: shown.unicodeScalars.append(scalar)
            }
        }
    }
}
