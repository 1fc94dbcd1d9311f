/// Sends the operator's own requests for tokens, which no agent's policy has a say in.
package protocol TokenTransport: Sendable {
    /// Posts a form over TLS, chain and name verified, and gives the answer. Follows no redirect.
    ///
    /// Blocks for a bounded time; never called on an event loop.
    func post(_ post: FormPost) throws(CredentialFailure) -> FormReply
}

/// A form for a token endpoint.
///
/// Has no description: it holds a secret.
package struct FormPost: Sendable, CustomStringConvertible, CustomReflectable {
    /// Over https.
    package let endpoint: Endpoint
    /// Path and query.
    package let target: String
    package let authorization: String
    /// In application/x-www-form-urlencoded.
    package let body: String

    package init(endpoint: Endpoint, target: String, authorization: String, body: String) {
        self.endpoint = endpoint
        self.target = target
        self.authorization = authorization
        self.body = body
    }

    package var description: String { "FormPost(\(endpoint))" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What the endpoint answered.
package struct FormReply: Sendable {
    package let status: Int
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}
