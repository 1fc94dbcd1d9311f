internal import Foundation
internal import JWTKit
internal import Model

/// The claims of a token that says on whose behalf, and through which agents, a request is made.
struct AgentToken: JWTPayload {
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
    indirect enum Actor: Codable, Sendable {
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

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            self = .agent(
                try container.decode(String.self, forKey: .sub),
                launchedBy: try container.decodeIfPresent(Actor.self, forKey: .act)
            )
        }
    }

    /// What whoever shows it must also show (RFC 7800, RFC 8705 section 3.1).
    struct Confirmation: Codable, Sendable {
        let thumbprint: String

        private enum CodingKeys: String, CodingKey { case thumbprint = "x5t#S256" }
    }

    /// Nothing is read by us.
    func verify(using algorithm: some JWTAlgorithm) throws {}
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
