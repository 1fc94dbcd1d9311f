internal import Model
internal import Profiles

extension CredentialFile {
    private static let tokenKeys = [
        "token-url", "client-id", "client-secret", "scope", "audience", "subject-token", "subject-token-type",
    ]

    /// `from: {oauth2: …}`.
    static func token(_ node: YAMLNode, _ home: String?, _ errors: inout Diagnostics) -> TokenRequest? {
        guard let fields = node.mapping("from: oauth2", keys: tokenKeys, &errors) else { return nil }
        for key in ["token-url", "client-id", "client-secret"] where fields[key] == nil {
            errors.report("from: oauth2 has no \"\(key)\"", at: node.position)
        }
        let url = fields["token-url"].flatMap { tokenURL($0, &errors) }
        let id = fields["client-id"].flatMap { word($0, "client-id", &errors) }
        let secret = fields["client-secret"].flatMap { source($0, "client-secret", home, &errors) }
        let scope = fields["scope"].map { scopes($0, &errors) } ?? []
        let audience = fields["audience"].flatMap { word($0, "audience", &errors) }
        let subject = subject(fields, home, &errors)
        guard let url, let id, let secret else { return nil }
        return TokenRequest(
            endpoint: url.endpoint,
            target: url.target,
            clientID: id,
            clientSecret: secret,
            scope: scope,
            audience: audience,
            subject: subject
        )
    }

    private static func subject(
        _ fields: YAMLMapping,
        _ home: String?,
        _ errors: inout Diagnostics
    ) -> TokenRequest.Subject? {
        guard let token = fields["subject-token"] else {
            if let node = fields["subject-token-type"] {
                errors.report("subject-token-type without a subject-token", at: node.position)
            }
            return nil
        }
        let types = TokenRequest.SubjectType.allCases.map(\.rawValue)
        var type = TokenRequest.SubjectType.accessToken
        if let node = fields["subject-token-type"], let text = node.text("subject-token-type", &errors) {
            if let known = TokenRequest.SubjectType(rawValue: text) {
                type = known
            } else {
                errors.report(
                    "subject-token-type: \"\(text)\" is not one of \(types.joined(separator: ", "))",
                    at: node.position,
                    suggestion: NearestWord.nearest(to: text, in: types)
                )
            }
        }
        return source(token, "subject-token", home, &errors).map {
            TokenRequest.Subject(token: $0, type: type)
        }
    }

    private static func tokenURL(
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> (endpoint: Endpoint, target: String)? {
        guard let text = node.text("token-url", &errors) else { return nil }
        guard let request = try? RequestText.parse("POST \(text)"), request.endpoint.scheme == .https,
            case .http(_, let path, let query) = request.action
        else {
            errors.report(
                "token-url: \"\(text)\" is not an https URL: a secret is only sent over verified TLS",
                at: node.position
            )
            return nil
        }
        return (request.endpoint, query.map { "\(path)?\($0)" } ?? path)
    }

    /// A list of scope tokens (RFC 6749 section 3.3).
    private static func scopes(_ node: YAMLNode, _ errors: inout Diagnostics) -> [String] {
        guard let texts = node.texts("scope", &errors) else { return [] }
        guard texts.count <= CredentialLimits.maximumArguments else {
            errors.report("scope has more than \(CredentialLimits.maximumArguments) words", at: node.position)
            return []
        }
        for text in texts
        where !text.text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) || text.text.isEmpty {
            errors.report("scope: \"\(text.text)\" is not one word", at: text.position)
        }
        return texts.map(\.text)
    }

    /// A text without control characters, of some length.
    static func word(_ node: YAMLNode, _ what: String, _ errors: inout Diagnostics) -> String? {
        guard let text = node.text(what, &errors) else { return nil }
        guard (1...CredentialLimits.maximumWord).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            errors.report(
                "\(what) is 1 to \(CredentialLimits.maximumWord) printable ASCII characters",
                at: node.position
            )
            return nil
        }
        return text
    }
}
