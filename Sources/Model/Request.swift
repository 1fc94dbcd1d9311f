/// What an agent wants to do at an endpoint, in the protocol's own words.
package enum Action: Sendable, Hashable {
    /// One HTTP request. `path` is normalised (RFC 3986 section 6.2.2, dot segments removed), begins with `/`
    /// and is what will be forwarded; `query` is the raw text behind `?`, nil without one.
    case http(method: String, path: String, query: String?)
    /// The opening of a WebSocket, which is a GET of this path (RFC 6455 section 4); path and query as above.
    case webSocket(path: String, query: String?)
    /// A connection that is forwarded as it is (`tls`, `tcp`).
    case connect
    /// Statements of one message, or the opening of a session.
    case sql(SQLRequest)

    /// The raw text behind `?`; nil without one, and for what has none.
    package var query: String? {
        switch self {
        case .http(_, _, let query), .webSocket(_, let query): query
        case .connect, .sql: nil
        }
    }

    /// The database that it is for; nil for what is none's.
    package var database: String? {
        if case .sql(let request) = self { request.database.text } else { nil }
    }

    /// The word for what it is, as an approval's canonical text has it.
    package var kind: String {
        switch self {
        case .http: "http"
        case .webSocket: "websocket"
        case .connect: "connect"
        case .sql: "sql"
        }
    }

    /// `GET /repos/acme/app`, `connect`.
    ///
    /// The query is left out: it may hold secrets.
    package var summary: String {
        switch self {
        case .http(let method, let path, _): "\(method) \(path)"
        case .webSocket(let path, _): "websocket \(path)"
        case .connect: "connect"
        case .sql(let request): request.summary
        }
    }
}

/// Action and resource: what is authorised, for a lineage, at one moment.
package struct Request: Sendable, Hashable, CustomStringConvertible {
    package let endpoint: Endpoint
    package let action: Action
    /// Where it holds a credential's placeholder: it goes only if the credential that takes its place does.
    package var placeholders: Set<CredentialPlace> = []
    package var body = RequestBody()
    package var kind = RequestKind.plain

    package init(endpoint: Endpoint, action: Action) {
        self.endpoint = endpoint
        self.action = action
    }

    package var description: String {
        if let words = gitWords(at: endpoint.description) { return words }
        if kind == .call, case .http(_, let path, _) = action { return "grpc \(endpoint)\(path)" }
        return switch action {
        case .http(let method, let path, _): "\(method) \(endpoint)\(path)"
        case .webSocket(let path, _): "websocket \(endpoint)\(path)"
        case .connect: "connect \(endpoint)"
        case .sql(let request): "\(request.summary) at \(endpoint)/\(request.database)"
        }
    }

    /// What is done, without the endpoint: `GET /repos/acme/app`, `git push /acme/app.git refs/heads/main`.
    package var summary: String { gitWords(at: "") ?? action.summary }

    private func gitWords(at place: String) -> String? {
        guard case .http(_, let path, _) = action else { return nil }
        switch kind {
        case .plain, .call: return nil
        case .gitFetch: return "git fetch \(place)\(GitService.repository(of: path))"
        case .gitPush:
            let verb = body.push?.hasOptions == true ? "git push -o" : "git push"
            return "\(verb) \(place)\(GitService.repository(of: path))\(body.push?.words ?? "")"
        }
    }
}
