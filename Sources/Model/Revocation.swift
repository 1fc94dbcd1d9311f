/// Who is cut off: one agent with all below it, or a principal with all its agents, now and later.
package enum RevocationSubject: Sendable, Hashable, CustomStringConvertible {
    case agent(AgentID)
    /// `user:alice`: a kind, a colon, a name; compared by its octets.
    case principal(String)

    /// Octets of a principal's subject: an OpenID Connect `sub` has 255 at most (Core 1.0 section 2), and an issuer stands
    /// before it.
    package static let maximumLength = 1_024

    /// Nil for what is neither an agent's id `RUN.N` nor a principal `KIND:NAME`, and for a principal that is too long or that
    /// nobody could be.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, Revocation.isOneLine(text) else { return nil }
        if let colon = text.firstPlace(of: ":") {
            guard colon != text.startIndex, Principal(named: text) != nil else { return nil }
            self = .principal(text)
        } else {
            guard let agent = AgentID(text), agent.text.isSame(as: text) else { return nil }
            self = .agent(agent)
        }
    }

    package var description: String {
        switch self {
        case .agent(let agent): agent.text
        case .principal(let subject): subject
        }
    }
}

/// Somebody's word that an agent or a principal acts no more: by whom, when and why.
package struct Revocation: Sendable, Hashable {
    /// Octets of a reason: it stands in each refusal, some of which are one line of a protocol.
    package static let maximumReason = 512

    /// The agent that was named; nil for a principal.
    package let agent: Hop?
    /// The principal that was named, or that the agent acts for.
    package let principal: String
    /// The principal who said so.
    package let by: String
    package let time: Timestamp
    package let reason: String?

    package init(agent: Hop?, principal: String, by: String, time: Timestamp, reason: String?) {
        self.agent = agent
        self.principal = principal
        self.by = by
        self.time = time
        self.reason = reason
    }

    /// `revoked by user:alice at 2026-11-21T09:35:13.042Z: the key leaked (agent ci, 1f2e3d4c5b6a.2, and all below it)`.
    package var words: String {
        opening + " (" + (agent.map { "agent \($0.name), \($0.agent), and all below it" } ?? all) + ")"
    }

    /// The same for an agent, which hears no ids of others.
    package var told: String {
        opening + " (" + (agent.map { "agent \($0.name), and all below it" } ?? all) + ")"
    }

    /// What is on record as the cause of what ended with it: `revoked by user:alice: the key leaked`.
    package var cause: String { "revoked by \(by)" + (reason.map { ": " + $0 } ?? "") }

    private var opening: String { "revoked by \(by) at \(time.text)" + (reason.map { ": " + $0 } ?? "") }

    private var all: String { "\(principal), and all its agents" }

    /// Whether a reason may be kept and shown: one line of bounded length.
    package static func accepts(reason: String) -> Bool {
        !reason.isEmpty && reason.utf8.count <= maximumReason && isOneLine(reason)
    }

    /// No control characters (C0, DEL, C1), which would steer a terminal or begin another line of a protocol.
    static func isOneLine(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}
