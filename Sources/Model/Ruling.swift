/// What a rule says; also the outcome of a decision.
///
/// `deny` beats `ask` beats `allow`.
package enum Effect: String, Sendable, Hashable, Codable, Comparable {
    case allow
    case ask
    case deny

    private var rank: Int {
        switch self {
        case .allow: 0
        case .ask: 1
        case .deny: 2
        }
    }

    package static func < (left: Effect, right: Effect) -> Bool { left.rank < right.rank }
}

/// A rule as its author wrote it, and where.
///
/// A class: every level of every decision refers to one.
package final class RuleReference: Sendable, Hashable, Codable, CustomStringConvertible {
    /// `https://api.github.com: GET /repos/acme/**`.
    package let text: String
    /// `ci.yaml:14`; nil for a built-in rule.
    package let source: String?

    package init(text: String, source: String?) {
        self.text = text
        self.source = source
    }

    package var description: String { source.map { "\(text) (\($0))" } ?? text }

    package static func == (left: RuleReference, right: RuleReference) -> Bool {
        left === right || (left.text == right.text && left.source == right.source)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(text)
        hasher.combine(source)
    }
}

/// What one level of the lineage said.
package struct LevelVerdict: Sendable, Hashable, Codable {
    package let agent: AgentID
    package let profile: String
    package let effect: Effect
    /// The rule that decided at this level; nil when no rule matched (which denies).
    package let rule: RuleReference?

    package init(agent: AgentID, profile: String, effect: Effect, rule: RuleReference?) {
        self.agent = agent
        self.profile = profile
        self.effect = effect
        self.rule = rule
    }
}

/// Why a request was refused, in words its author can act on.
package struct Denial: Sendable, Hashable, Codable, Error {
    /// A stable word for machines.
    package enum Reason: String, Sendable, Hashable, Codable {
        /// No rule of some level allows it.
        case noRule = "no-rule"
        /// A `deny` rule matched.
        case denied
        /// An `ask` rule matched, and what is asked for cannot be held, or nobody can be asked.
        case approvalNeeded = "approval-needed"
        /// An `ask` rule matched, and whoever was asked said no.
        case approvalDenied = "approval-denied"
        /// An `ask` rule matched, and nobody answered in time.
        case approvalUnanswered = "approval-unanswered"
        /// The name resolves to a private, loopback, link-local or metadata address that no rule names.
        case forbiddenAddress = "forbidden-address"
        /// Captured name, server name, authority or Host disagree.
        case nameMismatch = "name-mismatch"
        /// The bytes are not the protocol that the rule names.
        case protocolMismatch = "protocol-mismatch"
        /// The message is malformed or over a limit.
        case malformed
        /// A credential's placeholder was seen outside the hosts and positions it is bound to.
        case placeholderMisused = "placeholder-misused"
        /// A secret or something of its shape was on its way out, and no rule names it under `send`.
        case secretLeaving = "secret-leaving"
        /// The credential that the rule names could not be had.
        case credentialUnavailable = "credential-unavailable"
        /// The agent or an ancestor has been cut off.
        case revoked
        /// The token of the principal expired, and the profile lets the run live on without anything that leaves it.
        case principalExpired = "principal-expired"
        /// The record could not be written; nothing is allowed without one.
        case auditUnavailable = "audit-unavailable"
        /// The upstream could not be reached or its certificate could not be verified.
        case upstreamFailed = "upstream-failed"
        /// The command runs again from a recording, which has no answer to this.
        case notRecorded = "not-recorded"
        /// The agent is over a budget (connections, names, requests).
        case overBudget = "over-budget"
        /// The message uses a feature of the protocol that is not built yet.
        case unsupported
    }

    package let reason: Reason
    /// One sentence: what was attempted and why it was refused.
    package let message: String
    /// The same for the agent, where `message` names what is the operator's alone: paths outside, ids.
    package let told: String?
    /// The rule that refused, if one did.
    package let rule: RuleReference?
    /// The agent whose profile refused; nil when it was not a matter of policy.
    package let decidedBy: Hop?
    /// Who may change it, and how to ask.
    package let remedy: String

    package init(
        reason: Reason,
        message: String,
        told: String? = nil,
        rule: RuleReference?,
        decidedBy: Hop?,
        remedy: String
    ) {
        self.reason = reason
        self.message = message
        self.told = told
        self.rule = rule
        self.decidedBy = decidedBy
        self.remedy = remedy
    }
}

/// What must be done to a request that is allowed.
///
/// Obligations add up along the lineage.
package struct Obligations: Sendable, Hashable {
    /// Name of the credential to put in; nil for none.
    ///
    /// The asking agent's own rule names it.
    package var credential: String?
    /// The upstream address may be private, loopback or link-local: every level's rule says so.
    package var privateAddresses: Bool
    /// What is masked in the reply: whatever a matching rule of any level names.
    package var masks: MaskKinds
    /// Which secrets the request may carry.
    package var sending: Sending
    /// Octets that the body may have at most, where its length is not known; nil for any number.
    package var maximumBody: UInt64?
    /// What is recorded, over and above its heads: `full` where any level says so.
    package var recording: Recording
    /// What a session with a database is bound to; nil for what is none.
    package var session: DatabaseSession?
    /// Columns that are masked in the rows of a statement, whatever is in them.
    package var columns: Set<ColumnPattern>

    package init(
        credential: String? = nil,
        privateAddresses: Bool = false,
        masks: MaskKinds = [],
        sending: Sending = Sending(),
        maximumBody: UInt64? = nil,
        recording: Recording = .metadata,
        session: DatabaseSession? = nil,
        columns: Set<ColumnPattern> = []
    ) {
        self.credential = credential
        self.privateAddresses = privateAddresses
        self.masks = masks
        self.sending = sending
        self.maximumBody = maximumBody
        self.recording = recording
        self.session = session
        self.columns = columns
    }
}

/// Which secrets a request may carry out: those that a matching rule of every level names under `send`.
package struct Sending: Sendable, Hashable {
    /// What a rule can name.
    package static let words: [MaskKind] = [.privateKey, .token]
    package static let everything = MaskKinds(words)

    package let kinds: MaskKinds
    /// The rule of the first level that does not name them all, and that level.
    package let rule: RuleReference?
    package let decidedBy: Hop?

    /// By what may leave: the rest says who is to be asked.
    package static func == (left: Sending, right: Sending) -> Bool { left.kinds == right.kinds }

    package func hash(into hasher: inout Hasher) { hasher.combine(kinds) }

    package init(kinds: MaskKinds = [], rule: RuleReference? = nil, decidedBy: Hop? = nil) {
        self.kinds = kinds
        self.rule = rule
        self.decidedBy = decidedBy
    }
}
