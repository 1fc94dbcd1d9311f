internal import Crypto
internal import Foundation
internal import Model

/// The claims of a token that says on whose behalf, and through which agents, a request is made.
struct AgentToken: Encodable, Sendable {
    let iss: String
    /// On whose behalf: the principal.
    let sub: String
    let aud: String
    let exp: Int64
    let nbf: Int64
    let iat: Int64
    let jti: String
    let act: Actor
    let cnf: Confirmation

    /// Who acts: the agent that asks, and nested in it, as information alone, who launched it (RFC 8693 section 4.1).
    indirect enum Actor: Encodable, Sendable {
        case agent(String, launchedBy: Actor?)

        private enum Key: String, CodingKey { case sub, act }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            switch self {
            case .agent(let name, let parent):
                try container.encode(name, forKey: .sub)
                try container.encodeIfPresent(parent, forKey: .act)
            }
        }
    }

    /// What whoever shows it must also show (RFC 7800, RFC 8705 section 3.1).
    struct Confirmation: Encodable, Sendable {
        let thumbprint: String

        private enum CodingKeys: String, CodingKey { case thumbprint = "x5t#S256" }
    }

    private struct Header: Encodable {
        let alg = "ES256"
        let typ = "JWT"
        let kid: String
    }

    /// The compact form (RFC 7515 section 7.1), signed with ES256 (RFC 7518 section 3.4).
    ///
    /// Here and not by the library, which signs asynchronously alone: a thread that waits for its pool may be one of it.
    func signed(by key: P256.Signing.PrivateKey, named name: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let parts = [try encoder.encode(Header(kid: name)), try encoder.encode(self)]
        let input = parts.map(\.base64URL).joined(separator: ".")
        let signature = try key.signature(for: Data(input.utf8))
        return "\(input).\(signature.rawRepresentation.base64URL)"
    }
}

extension Lineage {
    /// The agent with everything above it; nil where a name is longer than services have to take.
    func actor(in domain: TrustDomain) -> AgentToken.Actor? {
        var actor: AgentToken.Actor?
        for lineage in chain {
            guard let id = SPIFFEID(of: lineage, in: domain) else { return nil }
            actor = .agent(id.text, launchedBy: actor)
        }
        return actor
    }

    /// Of each of its agents, root first.
    private var chain: [Lineage] {
        guard let root = hops.first else { return [] }
        return hops.dropFirst().reduce(into: [Lineage(principal: principal, root: root)]) { chain, hop in
            if let last = chain.last { chain.append(last.child(hop)) }
        }
    }
}
