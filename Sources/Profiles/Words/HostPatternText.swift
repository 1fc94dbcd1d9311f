package import Model

/// Reads what `to` of a rule and `for` of a credential say: `SCHEME://HOSTS[:PORT]`.
package enum HostPatternText {
    /// Protocols of the format that are not built yet.
    package static let unbuiltSchemes = ["mysql", "redis", "ssh", "kubernetes"]
    private static let separator = "://"

    package static func parse(_ text: String) throws(TextProblem) -> HostPattern {
        guard let cut = text.firstPlace(ofText: separator) else {
            throw TextProblem(
                "\"\(text)\" has no scheme; it is written SCHEME://HOST[:PORT]",
                suggestion: NearestWord.nearest(to: text, in: Scheme.allCases.map(\.rawValue))
                    ?? "https://\(text)"
            )
        }
        let scheme = try scheme(String(text[..<cut.lowerBound]))
        let offset = text[..<cut.upperBound].unicodeScalars.count
        let authority = String(text[cut.upperBound...])
        try checkShape(authority, of: text, offset: offset)
        let (hostText, portText) = try split(authority, offset: offset)
        let hosts = try HostsText(text: hostText, offset: offset).parse()
        let port = try port(portText, scheme: scheme, offset: offset + hostText.unicodeScalars.count + 1)
        return HostPattern(scheme: scheme, hosts: hosts, port: port)
    }

    private static func scheme(_ word: String) throws(TextProblem) -> Scheme {
        if let scheme = Scheme(rawValue: word) { return scheme }
        guard !unbuiltSchemes.contains(word) else {
            throw TextProblem(
                "the protocol \"\(word)\" is not built yet; use http, https, postgres, tls or tcp"
            )
        }
        if let opening = ["ws": "http", "wss": "https"][word] {
            throw TextProblem(
                "\"\(word)\" is no protocol of a pattern: a WebSocket opens by \(opening), and is allowed there by the "
                    + "action \(ActionText.webSocket)",
                suggestion: opening
            )
        }
        let known = Scheme.allCases.map(\.rawValue)
        throw TextProblem(
            "unknown protocol \"\(word)\"; it may be \(known.joined(separator: ", "))",
            suggestion: NearestWord.nearest(to: word, in: known + unbuiltSchemes)
        )
    }

    /// Parts of a URL that a pattern does not have, each with its own advice.
    private static func checkShape(_ authority: String, of text: String, offset: Int) throws(TextProblem) {
        func place(_ character: Unicode.Scalar) -> Int? {
            authority.firstPlace(of: character).map { offset + authority[..<$0].unicodeScalars.count }
        }
        if let at = place("@") {
            throw TextProblem(
                "user information (…@) is not part of a pattern; use credential: NAME",
                offset: at
            )
        }
        if let at = place("?") ?? place("#") {
            throw TextProblem("a query or fragment is not part of a pattern", offset: at)
        }
        if authority.ends(with: "/") {
            throw TextProblem(
                "a path is not part of \"to\"; write it in allow, as in \"GET /path/**\"",
                suggestion: String(text.dropLast(bytes: 1)),
                offset: offset + authority.unicodeScalars.count - 1
            )
        }
    }

    /// The host text with brackets and prefix length, and the port text behind the colon.
    private static func split(_ authority: String, offset: Int) throws(TextProblem) -> (String, String?) {
        var portFrom = authority.startIndex
        if authority.begins(with: "[") {
            guard let close = authority.firstPlace(of: "]") else {
                throw TextProblem("the bracket of an IPv6 address is not closed", offset: offset)
            }
            portFrom = close
        }
        guard let colon = authority[portFrom...].firstPlace(of: ":") else { return (authority, nil) }
        if !authority.begins(with: "["), authority.utf8.count(where: { $0 == UInt8(ascii: ":") }) > 1 {
            throw TextProblem(
                "an IPv6 address is written in brackets",
                suggestion: "[\(authority)]",
                offset: offset
            )
        }
        return (String(authority[..<colon]), String(authority.rest(behind: colon)))
    }

    private static func port(_ text: String?, scheme: Scheme, offset: Int) throws(TextProblem) -> UInt16 {
        guard let text else {
            guard let port = scheme.defaultPort else {
                throw TextProblem(
                    "\(scheme.rawValue) has no default port; write one, as in tcp://db.internal:5432"
                )
            }
            return port
        }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text),
            port > 0, !text.begins(with: "0")
        else {
            throw TextProblem("\"\(text)\" is not a port; it is a number from 1 to 65535", offset: offset)
        }
        return port
    }
}
