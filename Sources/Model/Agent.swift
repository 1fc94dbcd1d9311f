/// The name of one launched agent, unique across every supervisor that writes the same audit store.
///
/// Shape: `RUN.N`, where RUN is the supervisor's random run name (12 lower-case hex digits) and N counts that
/// supervisor's launches from 1. An agent never chooses, sees or sends the value that decides about it: the
/// gateway knows which agent is asking by the listener the connection arrived on.
package struct AgentID: Sendable, Hashable, Codable, CustomStringConvertible {
    package let text: String

    package init(run: String, ordinal: Int) {
        text = "\(run).\(ordinal)"
    }

    /// The run that it belongs to.
    package var run: String { String(text[..<(text.firstPlace(of: ".") ?? text.endIndex)]) }

    /// Reads back an id that was printed before; nil unless it has the shape `RUN.N`.
    package init?(_ text: String) {
        let parts = text.cut(at: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let ordinal = Int(parts[1]), ordinal > 0 else {
            return nil
        }
        self.init(run: String(parts[0]), ordinal: ordinal)
    }

    package var description: String { text }

    /// One string, as in every message: `"RUN.N"`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = AgentID(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "not an agent id: RUN.N"
            )
        }
        self = id
    }
}

/// One agent of a lineage.
package struct Hop: Sendable, Hashable, Codable {
    package let agent: AgentID
    /// What `--name` said, a label that an agent chooses for its child as it likes; else the profile's name.
    package let name: String
    /// The profile's name.
    package let profile: String
    /// SHA-256 of the merged profile's canonical text, lower-case hex.
    package let profileDigest: String
    /// Whether the profile is a text of an agent's own, whose name the agent chose; said while it lives, and on record with its
    /// launch.
    package private(set) var isOwnText = false

    package init(
        agent: AgentID,
        name: String,
        profile: String,
        profileDigest: String,
        isOwnText: Bool = false
    ) {
        self.agent = agent
        self.name = name
        self.profile = profile
        self.profileDigest = profileDigest
        self.isOwnText = isOwnText
    }

    private enum CodingKeys: String, CodingKey {
        case agent, name, profile, profileDigest
    }
}

/// The chain root agent → … → this agent, headed by the principal.
///
/// Never empty.
package struct Lineage: Sendable, Hashable, Codable, CustomStringConvertible {
    package let principal: Principal
    /// Everything above `agent`, root first; empty for a root agent.
    package let ancestors: [Hop]
    /// The agent itself.
    package let agent: Hop

    package init(principal: Principal, root: Hop) {
        self.principal = principal
        ancestors = []
        agent = root
    }

    private init(principal: Principal, ancestors: [Hop], agent: Hop) {
        self.principal = principal
        self.ancestors = ancestors
        self.agent = agent
    }

    /// The lineage of a child of this lineage's agent.
    package func child(_ hop: Hop) -> Lineage {
        Lineage(principal: principal, ancestors: hops, agent: hop)
    }

    /// The same agents below a principal who was proven anew.
    package func headed(by principal: Principal) -> Lineage {
        Lineage(principal: principal, ancestors: ancestors, agent: agent)
    }

    /// Every hop, root first, the agent itself last.
    package var hops: [Hop] { ancestors + [agent] }

    /// 1 for a root agent.
    package var depth: Int { ancestors.count + 1 }

    /// `user:alice > ci > test-runner`.
    package var description: String { Self.text(of: [principal.subject] + hops.map(\.name)) }

    /// A chain of names, so that each is told from its neighbours whatever an issuer lets a subject be: one that holds `>` or
    /// begins with `"` stands in quotes, with `\` in front of a quote and of itself.
    package static func text(of names: [String]) -> String {
        names.map { $0.holds(">") || $0.begins(with: "\"") ? quoted($0) : $0 }.joined(separator: " > ")
    }

    private static func quoted(_ name: String) -> String {
        let inner = name.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar == "\"" || scalar == "\\" { text += "\\" }
            text.unicodeScalars.append(scalar)
        }
        return "\"\(inner)\""
    }
}
