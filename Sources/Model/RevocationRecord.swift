/// An agent or a principal was cut off, or a principal's being so was lifted.
package struct RevocationRecord: Sendable, Hashable, Codable {
    /// That of the agent; nil for a principal.
    package let lineage: Lineage?
    /// The subject of the principal, or of the agent's.
    package let principal: String
    /// Who said so.
    package let by: Principal
    package let reason: String?
    /// How many agents lived that it cut off.
    package let agents: Int
    /// Whether their processes were left running.
    package let keptRunning: Bool
    /// The principal's agents may be launched again from here on.
    package let isLifted: Bool

    package init(
        lineage: Lineage?,
        principal: String,
        by: Principal,
        reason: String?,
        agents: Int,
        keptRunning: Bool,
        isLifted: Bool = false
    ) {
        self.lineage = lineage
        self.principal = principal
        self.by = by
        self.reason = reason
        self.agents = agents
        self.keptRunning = keptRunning
        self.isLifted = isLifted
    }
}
