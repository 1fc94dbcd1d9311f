package import Model

/// How a token is got from an authorisation server (RFC 6749 section 4.4; with a subject's token RFC 8693 section 2.1).
package struct TokenRequest: Sendable, Hashable {
    /// Over https.
    package let endpoint: Endpoint
    /// Path and query.
    package let target: String
    package let clientID: String
    package let clientSecret: CredentialDefinition.Source
    package let scope: [String]
    package let audience: String?
    /// What is exchanged; nil for the client's own credentials.
    package let subject: Subject?

    /// A token that stands for somebody.
    package struct Subject: Sendable, Hashable {
        package let token: CredentialDefinition.Source
        package let type: SubjectType
    }

    /// RFC 8693 section 3.
    package enum SubjectType: String, Sendable, Hashable, CaseIterable {
        case accessToken = "access-token"
        case idToken = "id-token"
        case jwt

        var identifier: String {
            switch self {
            case .accessToken: "urn:ietf:params:oauth:token-type:access_token"
            case .idToken: "urn:ietf:params:oauth:token-type:id_token"
            case .jwt: "urn:ietf:params:oauth:token-type:jwt"
            }
        }
    }
}

extension CredentialDefinition.Source {
    /// The sources that are on this machine: this one, or those that a token request needs.
    var onMachine: [CredentialDefinition.Source] {
        switch self {
        case .environment, .file, .command: [self]
        // Its maker's are its maker's; what is minted has none.
        case .role, .agentToken, .agentCertificate: []
        case .token(let request): [request.clientSecret] + [request.subject?.token].compactMap(\.self)
        }
    }
}
