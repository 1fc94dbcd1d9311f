package import Model

/// One run as an incident is read: who started it, and what each hop of it ran, sent, was shown masked, was denied and was
/// allowed by somebody.
package struct Trace: Sendable, Hashable, Codable {
    /// Agents, launches that were refused, and requests that are listed of a run: with the longest texts that are on record a
    /// hundred megabytes, and as a rule a few.
    package static let mostAgents = 1_000
    package static let mostRefusals = 100
    package static let mostRequests = 10_000

    /// Empty for what was said of a principal, which is of no run.
    package let run: String
    /// `user:alice`: who started it.
    package let principal: String
    /// What its token proved; nil for the local user.
    package let proven: Principal?
    /// A parent stands before its children.
    package internal(set) var agents: [TracedAgent] = []
    /// Those that found no place in the list, with all that they did.
    package internal(set) var unlistedAgents = 0
    package internal(set) var refusals: [LaunchRefusal] = []
    package internal(set) var unlistedRefusals = 0
    /// That the principal was cut off, or is no more: nothing in a run's.
    package internal(set) var revocations: [PrincipalRevocation] = []
}

/// One hop.
package struct TracedAgent: Sendable, Hashable, Codable {
    /// How many different ones of each are listed.
    package static let most = 100
    /// Octets of a command line that are shown.
    static let mostOctets = 16_384

    package let agent: AgentID
    package let parent: AgentID?
    package let name: String
    package let profile: String
    package let profileDigest: String
    package let spiffe: String?
    package let argv: [String]
    /// The session that answered in place of every server; nil where servers did.
    package let replayed: String?
    package let program: String
    package let programDigest: String?
    package let started: Timestamp
    package internal(set) var ended: AgentEnd?
    package internal(set) var revoked: AgentRevocation?
    /// Stands above what was asked for, and has its launch alone here.
    package let isAbove: Bool
    /// Programs whose processes held its connections, with how many: evidence.
    package internal(set) var processes: [TracedProcess] = []
    /// Connections of programs that found no place in the list.
    package internal(set) var unlistedConnections = 0
    package internal(set) var requests: [TracedRequest] = []
    /// Requests of kinds that found no place in the list.
    package internal(set) var unlisted = 0
    /// What it was shown masked: values of a kind, rows with a column.
    package internal(set) var masked: [String: UInt64] = [:]
    /// How often something was that found no place in it.
    package internal(set) var unlistedMasks = 0
    /// Questions that rules asked about it, and what became of them, in order.
    package internal(set) var approvals: [TracedAnswer] = []
    /// What found no place in the list: answers only where they alone are more than `most`.
    package internal(set) var unlistedApprovals = 0
}

/// A program that sent.
package struct TracedProcess: Sendable, Hashable, Codable {
    package let program: String?
    package let programDigest: String?
    package let argv: [String]
    /// Connections that it held.
    package internal(set) var connections = 0
}

/// Requests that differ in nothing of this.
package struct TracedRequest: Sendable, Hashable, Codable {
    package let action: String
    package let resource: String
    /// `allow`, `ask`, `deny`; `failed` of one that was allowed and did not come to its end.
    package let verdict: String
    /// Why it was refused or failed.
    package let message: String?
    package internal(set) var count = 0
    /// Of the first and the last.
    package internal(set) var first: Timestamp
    package internal(set) var last: Timestamp
    /// Octets of bodies, as far as replies are on record.
    package internal(set) var sent: UInt64 = 0
    package internal(set) var received: UInt64 = 0
    /// The first's record.
    package let record: Int64
}

/// What became of one question.
package struct TracedAnswer: Sendable, Hashable, Codable {
    package let question: String
    package let event: ApprovalRecord.Event
    package let action: String
    package let resource: String
    package let by: String?
    package let reason: String?
    package let time: Timestamp
}
