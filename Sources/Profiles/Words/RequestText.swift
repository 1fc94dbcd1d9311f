package import Model
internal import Policy

/// Reads a request as a person writes it: `GET https://api.example.com/path`, `connect tls://db.example.com`.
package enum RequestText {
    /// A request with a body behind it: `POST https://api.example.com/path body {"model": "m"}`.
    package static func parseWhole(_ text: String) throws(TextProblem) -> (Request, body: String) {
        if text.begins(with: Scheme.postgres.rawValue + "://") { return (try SQLText.request(text), "") }
        guard let mark = text.firstPlace(ofText: " body ") else { return (try parse(text), "") }
        var request = try parse(String(text[..<mark.lowerBound]))
        let body = String(text[mark.upperBound...])
        request.body.length = UInt64(body.utf8.count)
        return (request, body)
    }

    package static func parse(_ text: String) throws(TextProblem) -> Request {
        var parts = text.cut(at: " ", omittingEmptySubsequences: true).map(String.init)
        let git = parts.first?.isSame(as: GitText.word) == true ? try GitText.request(parts) : nil
        if let git { parts = [git.method, git.url] }
        guard parts.count == 2 else {
            throw TextProblem(
                "\"\(text)\" is not a request; it is written METHOD URL, as in \"GET https://example.com/x\""
            )
        }
        let offset = parts[0].unicodeScalars.count + 1
        guard let cut = parts[1].firstPlace(ofText: "://") else {
            throw TextProblem(
                "\"\(parts[1])\" has no scheme",
                suggestion: "https://\(parts[1])",
                offset: offset
            )
        }
        let rest = parts[1][cut.upperBound...]
        let end = rest.unicodeScalars.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end]
        let endpoint = try endpoint(String(parts[1][..<cut.upperBound] + authority), offset: offset)
        let target = rest[end...][..<(rest[end...].firstPlace(of: "#") ?? rest.endIndex)]
        let isCall = parts[0].isSame(as: ActionText.call)
        var request = Request(
            endpoint: endpoint,
            action: try action(isCall ? "POST" : parts[0], String(target), endpoint.scheme, offset: offset)
        )
        if isCall { request.kind = .call }
        guard let git else { return request }
        request.kind = git.kind
        request.body.push = git.push
        if git.push != nil { request.body.length = nil }
        return request
    }

    private static func endpoint(_ text: String, offset: Int) throws(TextProblem) -> Endpoint {
        let pattern: HostPattern
        do {
            pattern = try HostPatternText.parse(text)
        } catch {
            throw TextProblem(error.message, suggestion: error.suggestion, offset: offset + error.offset)
        }
        switch pattern.hosts {
        case .name(let name): return Endpoint(scheme: pattern.scheme, host: .name(name), port: pattern.port)
        case .address(let address):
            return Endpoint(scheme: pattern.scheme, host: .address(address), port: pattern.port)
        case .oneLabel, .anyLabels, .network:
            throw TextProblem("a request goes to one host, not to a pattern", offset: offset)
        }
    }

    private static func action(
        _ word: String,
        _ target: String,
        _ scheme: Scheme,
        offset: Int
    ) throws(TextProblem) -> Action {
        switch scheme {
        case .tls, .tcp:
            guard word == "connect", target.isEmpty || target == "/" else {
                throw TextProblem(
                    "the only request of \(scheme.rawValue) is \"connect \(scheme.rawValue)://HOST:PORT\""
                )
            }
            return .connect
        case .postgres:
            throw TextProblem("statements are written \"postgres://HOST/DATABASE STATEMENTS\"")
        case .http, .https:
            let match = try ActionText.parse(word, scheme: scheme)
            let parts = target.cut(at: "?", maxSplits: 1, omittingEmptySubsequences: false)
            let path = parts.first.map(String.init) ?? ""
            guard let normal = URLPath.normalise(path.isEmpty ? "/" : path) else {
                throw TextProblem("\"\(path)\" is not a path", offset: offset)
            }
            let query = parts.count == 2 ? String(parts[1]) : nil
            switch match {
            case .http(let method?, _): return .http(method: method, path: normal, query: query)
            case .webSocket: return .webSocket(path: normal, query: query)
            case .http(nil, _), .connect, .sql: throw TextProblem("\"\(word)\" is not a method")
            }
        }
    }
}
