internal import Model
internal import Synchronization

/// Who mints: known when a credential of the file is minted.
final class Mint: Sendable {
    private let issuer = Mutex<(any IdentityIssuer)?>(nil)

    func attach(_ issuer: any IdentityIssuer) { self.issuer.withLock { $0 = issuer } }

    var attached: (any IdentityIssuer)? { issuer.withLock { $0 } }
}

/// A credential that is another for each agent.
struct Minting {
    let definition: CredentialDefinition
    let issuer: (any IdentityIssuer)?
    /// Is given each token, so that it can be masked wherever it turns up.
    let onFetch: @Sendable (String) -> Void

    func value(for lineage: Lineage) throws(CredentialFailure) -> CredentialValue {
        guard let issuer else { throw failure("there is nobody to mint it") }
        do throws(CredentialFailure) {
            guard case .agentToken(let audience) = definition.source else {
                let certificate = try issuer.certificate(for: lineage, lifetime: definition.lifetime)
                return CredentialValue(certificate.pem)
            }
            let token = try issuer.token(for: lineage, audience: audience, lifetime: definition.lifetime)
            onFetch(token.text)
            return Self.bearer(token)
        } catch {
            throw failure(error.message)
        }
    }

    func keptValue(for lineage: Lineage) -> CredentialValue? {
        guard case .agentToken(let audience) = definition.source else {
            return issuer?.keptCertificate(for: lineage, lifetime: definition.lifetime).map {
                CredentialValue($0.pem)
            }
        }
        return issuer?.keptToken(for: lineage, audience: audience, lifetime: definition.lifetime)
            .map(Self.bearer)
    }

    private static func bearer(_ token: MintedToken) -> CredentialValue {
        CredentialValue("Bearer \(token.text)", boundTo: token.certificate)
    }

    private func failure(_ reason: String) -> CredentialFailure {
        CredentialFailure("credential \(definition.name): \(reason)")
    }
}

extension CredentialDefinition.Source {
    /// Whether Bailey makes it, for each agent anew.
    var isMinted: Bool {
        switch self {
        case .agentToken, .agentCertificate: true
        case .environment, .file, .command, .token, .role: false
        }
    }
}
