package import Model
package import Policy

/// Reads action words, each protocol's own.
package enum ActionText {
    /// The IANA HTTP Method Registry (RFC 9110 section 16.1.1), without CONNECT, which is a tunnel and not a
    /// request to a resource, and PRI, which no client sends.
    ///
    /// A method that is not here is most likely a typing error, and one in `deny` would fail open.
    package static let methods = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "ACL", "BASELINE-CONTROL",
        "BIND",
        "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL",
        "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PROPFIND", "PROPPATCH", "QUERY", "REBIND",
        "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF",
        "VERSION-CONTROL",
    ]

    /// A call of gRPC, in a method's place.
    static let call = "grpc"
    /// The opening of a WebSocket, in a method's place.
    package static let webSocket = "websocket"

    /// An action with its conditions.
    package static func action(
        _ text: String,
        scheme: Scheme,
        effect: Effect,
        source: String
    ) throws(TextProblem) -> ActionPattern {
        let isHTTP = scheme == .http || scheme == .https
        guard isHTTP, text.begins(with: GitText.word + " ") || text.isSame(as: GitText.word) else {
            let (match, conditions) = try pattern(text, scheme: scheme, effect: effect)
            return ActionPattern(match: match, conditions: conditions, text: text, source: source)
        }
        let (forms, likenesses) = try GitText.forms(text, effect)
        return ActionPattern(forms: forms, likenesses: likenesses, text: text, source: source)
    }

    private static func pattern(
        _ text: String,
        scheme: Scheme,
        effect: Effect
    ) throws(TextProblem) -> (ActionPattern.Match, Conditions?) {
        switch scheme {
        case .tls, .tcp, .postgres: return (try parse(text, scheme: scheme), nil)
        case .http, .https: break
        }
        if text.begins(with: call + " ") || text.isSame(as: call) {
            var conditions = Conditions()
            conditions.kind = .call
            return (
                .http(method: "POST", path: try callPath(text.dropFirst(bytes: call.utf8.count + 1))),
                conditions
            )
        }
        let parts = ConditionText.cut(text)
        if let query = parts.query, parts.action.ends(with: " ") {
            let path = parts.action.cut(at: " ").map(String.init).joined(separator: " ")
            throw TextProblem("a query stands right behind its path", suggestion: "\(path)?\(query)")
        }
        let match = try parse(parts.action, scheme: scheme)
        let conditions = try ConditionText.conditions(parts, effect)
        guard conditions == nil || parts.action.holds(" ") else {
            throw TextProblem("a condition stands behind METHOD /path", suggestion: "\(parts.action) /**")
        }
        return (match, conditions)
    }

    /// `pkg.Service/Method`, either with stars, is the path `/pkg.Service/Method` (gRPC over HTTP2, "Requests").
    static func callPath(_ name: Substring) throws(TextProblem) -> PathGlob {
        let parts = name.cut(at: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) }),
            let path = PathGlob("/\(name)")
        else {
            throw TextProblem(
                "\"\(name)\" is not a call; it is written grpc pkg.Service/Method, and * for any of either",
                suggestion: "grpc pkg.Service/*"
            )
        }
        return path
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "*"):
            true
        default: false
        }
    }

    package static func parse(_ text: String, scheme: Scheme) throws(TextProblem) -> ActionPattern.Match {
        switch scheme {
        case .http, .https: try http(text)
        case .tls, .tcp: try connect(text, scheme: scheme)
        case .postgres: .sql(try SQLText.pattern(text))
        }
    }

    private static func connect(_ text: String, scheme: Scheme) throws(TextProblem) -> ActionPattern.Match {
        guard text == "connect" else {
            throw TextProblem(
                "unknown action \"\(text)\"; the only action of \(scheme.rawValue) is connect",
                suggestion: NearestWord.nearest(to: text, in: ["connect"])
            )
        }
        return .connect
    }

    private static func http(_ text: String) throws(TextProblem) -> ActionPattern.Match {
        let parts = text.cut(at: " ", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw TextProblem(
                "\"\(text)\" is not an action; it is written METHOD or METHOD /path/glob, with one space"
            )
        }
        if parts[0].begins(with: "/") {
            throw TextProblem("the method is missing in \"\(text)\"", suggestion: "GET \(parts[0])")
        }
        guard parts[0].isSame(as: webSocket) else {
            return .http(method: try method(parts[0]), path: try path(parts))
        }
        return .webSocket(path: try path(parts))
    }

    /// The paths behind a method; all of them where none is written.
    private static func path(_ parts: [String]) throws(TextProblem) -> PathGlob {
        guard parts.count == 2 else { return .everything }
        let offset = parts[0].unicodeScalars.count + 1
        if let problem = PathGlob.problem(in: parts[1]) {
            throw TextProblem(
                "path \"\(parts[1])\": \(problem.message)",
                suggestion: problem.suggestion,
                offset: offset
            )
        }
        guard let path = PathGlob(parts[1]) else {
            throw TextProblem("\"\(parts[1])\" is not a path", offset: offset)
        }
        return path
    }

    /// Nil for `*`.
    private static func method(_ word: String) throws(TextProblem) -> String? {
        if word == "*" { return nil }
        if methods.holds(bytes: word) { return word }
        guard word.utf8.allSatisfy(isTokenByte) else {
            throw TextProblem(
                "\"\(word)\" is not a method: it has bytes that no token may have (RFC 9110 section 5.6.2)"
            )
        }
        if word.lowercasedASCII.isSame(as: webSocket) {
            throw TextProblem("\(webSocket) is written in lower case, not \"\(word)\"", suggestion: webSocket)
        }
        if methods.contains(word.uppercased()) {
            throw TextProblem(
                "methods are case-sensitive and written in upper case, not \"\(word)\"",
                suggestion: word.uppercased()
            )
        }
        throw TextProblem(
            "unknown method \"\(word)\"",
            suggestion: NearestWord.nearest(to: word, in: methods + [webSocket, GitText.word])
        )
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
