/// What an agent wants to do at an endpoint, in the protocol's own words.
package enum Action: Sendable, Hashable {
    /// One HTTP request. `path` is normalised (RFC 3986 section 6.2.2, dot segments removed), begins with `/`
    /// and is what will be forwarded; `query` is the raw text behind `?`, nil without one.
    case http(method: String, path: String, query: String?)
    /// A connection that is forwarded as it is (`tls`, `tcp`).
    case connect

    /// The raw text behind `?`; nil without one, and for what has none.
    package var query: String? {
        switch self {
        case .http(_, _, let query): query
        case .connect: nil
        }
    }

    /// `GET /repos/acme/app`, `connect`.
    ///
    /// The query is left out: it may hold secrets.
    package var summary: String {
        switch self {
        case .http(let method, let path, _): "\(method) \(path)"
        case .connect: "connect"
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
    /// A call of gRPC, by its content type.
    package var isCall = false

    package init(endpoint: Endpoint, action: Action) {
        self.endpoint = endpoint
        self.action = action
    }

    package var description: String {
        switch action {
        case .http(let method, let path, _): "\(method) \(endpoint)\(path)"
        case .connect: "connect \(endpoint)"
        }
    }
}
