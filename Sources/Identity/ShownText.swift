internal import Model

/// What a token or an assertion says of itself, as an error shows it beside what was expected: an audience, an issuer, a key's id.
///
/// Whoever handed it over wrote it: it is in quotes, bounded, and steers no terminal.
enum ShownText {
    /// Octets of one: a long URL.
    private static let maximum = 160
    /// Texts of a list.
    private static let maximumCount = 4

    /// `"https://id.example.com"`.
    static func quoted(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            guard shown.utf8.count < maximum else { return "\"\(shown)…\"" }
            if scalar == "\"" || scalar == "\\" { shown += "\\" }
            shown.unicodeScalars.append(Principal.isPlain(String(scalar)) ? scalar : "\u{FFFD}")
        }
        return "\"\(shown)\""
    }

    /// Several, with commas; what is no text is none.
    static func list(_ texts: [String?]) -> String {
        let shown = texts.prefix(maximumCount).map { $0.map(quoted) ?? "what is no text" }
        return shown.joined(separator: ", ") + (texts.count > maximumCount ? ", …" : "")
    }
}
