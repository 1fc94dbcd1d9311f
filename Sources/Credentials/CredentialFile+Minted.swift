internal import Model
internal import Profiles

/// `from: {agent-token: …}` and `from: {agent-certificate: {}}`: what Bailey mints for each agent.
extension CredentialFile {
    static let mintedWords = ["agent-token", "agent-certificate"]

    static func agentToken(
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Source? {
        guard let fields = node.mapping("from: agent-token", keys: ["audience"], &errors) else { return nil }
        guard let audience = fields["audience"] else {
            errors.report(
                "from: agent-token has no \"audience\": the service that the token is for, by its own name",
                at: node.position
            )
            return nil
        }
        return word(audience, "audience", &errors).map { .agentToken(audience: $0) }
    }

    static func agentCertificate(
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> CredentialDefinition.Source? {
        guard node.mapping("from: agent-certificate", keys: [], &errors) != nil else { return nil }
        return .agentCertificate
    }

    /// Where what is minted goes.
    static func checkMinted(
        _ source: CredentialDefinition.Source,
        _ position: CredentialDefinition.Position,
        _ entry: YAMLEntry,
        _ errors: inout Diagnostics
    ) {
        switch source {
        case .agentToken where position != .bearer:
            errors.report("a token of from: agent-token goes as: bearer", at: entry.keyPosition)
        case .agentCertificate where position != .clientCertificate:
            errors.report(
                "a certificate of from: agent-certificate goes as: client-cert",
                at: entry.keyPosition
            )
        default: break
        }
    }

    /// Milliseconds that what is minted is good for.
    static func mintedLifetime(
        _ source: CredentialDefinition.Source,
        _ node: YAMLNode?,
        _ errors: inout Diagnostics
    ) -> Int64 {
        var longest = CredentialLimits.maximumLifetime
        var standard = CredentialLimits.certificateLifetime
        if case .agentToken = source {
            longest = CredentialLimits.tokenLifetime
            standard = Int64(CredentialLimits.tokenLifetime)
        }
        guard let node else { return standard }
        let found = lifetime(node, &errors)
        guard found == 0 || (CredentialLimits.shortestMinted...longest).contains(UInt64(found)) else {
            errors.report(
                "the lifetime of what Bailey mints here is \(CredentialLimits.shortestMinted / 1_000)s to "
                    + "\(longest / 1_000)s",
                at: node.position
            )
            return 0
        }
        return found
    }
}
