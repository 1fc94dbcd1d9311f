extension Request {
    /// The octets whose SHA-256 an approval is bound to: two requests have the same ones only where all of it is the same.
    ///
    /// One line for each item, `key<TAB>length:value`, an item that is not there without a value: lengths in octets keep
    /// items apart whatever is in them. The agent is not among them: an approval is bound to it beside this. See
    /// `docs/approvals.md`.
    package func canonical(_ content: RequestContent) -> [UInt8] {
        var text = CanonicalLines("bailey-request\t1")
        text.line("scheme", endpoint.scheme.rawValue)
        text.line("host", endpoint.host.description)
        text.line("port", "\(endpoint.port)")
        switch action {
        case .http(let method, let path, let query): text.target("http", method, path, query)
        case .webSocket(let path, let query): text.target("websocket", "GET", path, query)
        case .connect: text.line("action", "connect")
        case .sql(let sql):
            text.line("action", "sql")
            text.line("database", sql.database.text)
        }
        text.line("octets", "\(content.octets)")
        text.line("content", content.digest)
        text.line("type", content.type)
        text.line("context", content.context)
        return text.octets
    }
}

/// Writes it.
package struct CanonicalLines {
    package private(set) var octets: [UInt8]

    package init(_ heading: String) { octets = Array("\(heading)\n".utf8) }

    /// One item.
    package mutating func line(_ key: String, _ value: String?) {
        octets += Array("\(key)\t".utf8)
        if let value { octets += Array("\(value.utf8.count):".utf8) + Array(value.utf8) }
        octets.append(UInt8(ascii: "\n"))
    }

    /// How many there are, and each.
    mutating func lines(_ key: String, _ values: [String]) {
        line(key, "\(values.count)")
        for value in values { line(key, value) }
    }

    mutating func target(_ action: String, _ method: String, _ path: String, _ query: String?) {
        line("action", action)
        line("method", method)
        line("path", path)
        line("query", query)
    }
}
