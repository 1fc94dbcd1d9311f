/// What a rule demands of an approval, and what one is good for.
package struct ApprovalTerms: Sendable, Hashable {
    /// How often, or how long, the same request of the same agent may go on under one approval.
    package enum Life: Sendable, Hashable, Comparable {
        case once
        /// Milliseconds.
        case time(UInt64)
        /// As long as the agent lives.
        case agent

        private var rank: (Int, UInt64) {
            switch self {
            case .once: (0, 0)
            case .time(let milliseconds): (1, milliseconds)
            case .agent: (2, 0)
            }
        }

        package static func < (left: Life, right: Life) -> Bool { left.rank < right.rank }
    }

    /// Milliseconds that a request waits for an answer where a rule says nothing: what clients commonly wait at least.
    package static let usualWait: UInt64 = 60_000
    /// The most that a rule may say: half of the time after which the gateway gives a silent connection up.
    package static let maximumWait: UInt64 = 300_000
    /// The most that an approval may last, a day: the agent's life is a word of its own.
    package static let maximumTime: UInt64 = 86_400_000
    /// Approvers that a rule may demand: as many as anybody would ask to look at one request.
    package static let maximumApprovers = 8
    /// Principals and groups that a rule may name as approvers.
    package static let maximumNamed = 32

    package var life: Life
    /// Milliseconds.
    package var wait: UInt64
    /// Different principals that have to approve.
    package var approvers: Int
    /// Subjects and groups of those who may; empty for whoever the operator lets answer.
    package var by: [ByteText]
    /// Whoever started the run may not.
    package var excludesPrincipal: Bool

    package init(
        life: Life = .once,
        wait: UInt64 = usualWait,
        approvers: Int = 1,
        by: [ByteText] = [],
        excludesPrincipal: Bool = false
    ) {
        self.life = life
        self.wait = wait
        self.approvers = approvers
        self.by = by
        self.excludesPrincipal = excludesPrincipal
    }

    /// Whether somebody may approve a request of a lineage.
    ///
    /// A group stands for nobody's own request: whoever started the run may approve it where a rule names them, or names nobody.
    package func admits(_ approver: ApproverIdentity, for lineage: Lineage) -> Bool {
        // Who acts by a token is the local user as well.
        let isOwn = approver.isSame(as: lineage.principal)
        if excludesPrincipal, isOwn { return false }
        if by.isEmpty { return !approver.isNamedOnly }
        if !approver.subjects.isDisjoint(with: by) { return true }
        return !isOwn && !approver.groups.isDisjoint(with: by)
    }
}

extension ApprovalTerms.Life: CustomStringConvertible {
    /// As a profile has it: `once`, `15m`, `agent`.
    package var description: String {
        switch self {
        case .once: "once"
        case .time(let milliseconds): Self.words(milliseconds)
        case .agent: "agent"
        }
    }

    private static func words(_ milliseconds: UInt64) -> String {
        for (unit, size) in [("h", UInt64(3_600_000)), ("m", 60_000), ("s", 1_000)]
        where milliseconds % size == 0 && milliseconds > 0 {
            return "\(milliseconds / size)\(unit)"
        }
        return "\(milliseconds)ms"
    }
}

extension ApprovalTerms: CustomStringConvertible {
    /// `for: once, wait: 60s`, with what else it says, as a profile has it.
    package var description: String {
        var words = ["for: \(life)", "wait: \(Life.time(wait))"]
        if approvers > 1 { words.append("approvers: \(approvers)") }
        if !by.isEmpty { words.append("by: [\(by.map { Self.quoted($0.text) }.joined(separator: ", "))]") }
        if excludesPrincipal { words.append("not-principal: true") }
        return words.joined(separator: ", ")
    }

    /// As YAML's flow style takes it (YAML 1.2.2 section 7.3): two lists never read alike.
    private static func quoted(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "_"),
                UInt8(ascii: "-")...UInt8(ascii: "/"),
                UInt8(ascii: "@"), UInt8(ascii: "+"):
                true
            default: false
            }
        }
        // A colon at the end would make it a key.
        guard !isPlain || name.ends(with: ":") else { return name }
        return name.unicodeScalars.reduce(into: "\"") { shown, scalar in
            if scalar == "\"" || scalar == "\\" { shown += "\\" }
            shown.unicodeScalars.append(scalar)
        } + "\""
    }
}

/// A rule of one level of a lineage that asks.
package struct ApprovalDemand: Sendable, Hashable {
    package let hop: Hop
    package let rule: RuleReference
    package let terms: ApprovalTerms

    package init(hop: Hop, rule: RuleReference, terms: ApprovalTerms) {
        (self.hop, self.rule, self.terms) = (hop, rule, terms)
    }
}

/// What a request carries besides its line, as far as an approval is bound to it.
package struct RequestContent: Sendable, Hashable {
    /// Octets of a preview: a screen of text.
    package static let maximumPreview = 2_048
    /// Octets of it that are kept: beyond what is shown, for masking to see the end of a secret that begins in it.
    package static let maximumKept = 3 * maximumPreview

    /// Of the body, or of the statement's message.
    package let octets: UInt64
    /// Its SHA-256, lower-case hex.
    package let digest: String
    /// What else decides about its meaning: of HTTP the SHA-256 of the fields that are forwarded, of statements the user.
    package let context: String
    /// The content's type, as it is said; nil where it is not.
    package let type: String?
    /// How it begins, for a person to read as `shown` cuts it; never for a decision.
    package let preview: String

    package init(octets: UInt64, digest: String, context: String, type: String? = nil, preview: String) {
        self.octets = octets
        self.digest = digest
        self.context = context
        self.type = type
        self.preview = preview
    }

    /// Text of octets as far as a preview is kept; says so where they are no text.
    package static func preview(_ octets: some Collection<UInt8>) -> String {
        // What is text where it is shown need not be further on.
        for most in [maximumKept, maximumPreview] {
            let kept = octets.prefix(most)
            guard let text = text(Array(kept), isCut: octets.count > kept.count) else { continue }
            return octets.count > kept.count ? text + cut : text
        }
        return "(\(octets.count) octets that are no text)"
    }

    /// A preview as far as it is shown.
    package static func shown(_ preview: String) -> String {
        guard preview.utf8.count > maximumPreview + cut.utf8.count else { return preview }
        return (text(Array(preview.utf8.prefix(maximumPreview)), isCut: true) ?? "") + cut
    }

    /// What stands for the rest.
    private static let cut = "…"

    /// A character that the cut went through is left out.
    private static func text(_ octets: [UInt8], isCut: Bool) -> String? {
        for dropped in 0...(isCut ? min(3, octets.count) : 0) {
            let text = String(validating: octets.dropLast(dropped), as: UTF8.self)
            if let text, !text.unicodeScalars.contains("\0") { return text }
        }
        return nil
    }
}

/// One request or launch that rules ask about, as it is held.
package struct HeldRequest: Sendable {
    /// What is asked for: `http`, `websocket`, `connect`, `sql`, `launch`.
    package let kind: String
    /// Of whoever asks; a child that may be launched is not in it.
    package let lineage: Lineage
    /// Ends with its agent's right to act.
    package let epoch: RevocationEpoch
    /// Of the policy that it was decided by; 0 for a launch, which the profiles of agents decide that never change.
    package let version: UInt64
    /// `POST /deploy`, without the query; `launch deployer`.
    package let action: String
    /// `https://api.example.com`; the workspace of a launch.
    package let resource: String
    package let query: String?
    package let content: RequestContent
    /// SHA-256 of the canonical request, lower-case hex.
    package let digest: String
    /// All that ask, of the root's level first; never empty.
    package let demands: [ApprovalDemand]
    /// What would be launched; nil for a request.
    package let launch: AskedLaunch?

    package init(
        lineage: Lineage,
        epoch: RevocationEpoch,
        version: UInt64,
        request: Request,
        content: RequestContent,
        digest: String,
        demands: [ApprovalDemand]
    ) {
        self.lineage = lineage
        self.epoch = epoch
        self.version = version
        action = request.summary
        resource = request.endpoint.description
        query = request.action.query
        self.content = content
        self.digest = digest
        self.demands = demands
        kind = request.action.kind
        launch = nil
    }

    /// A launch that an agent asks for.
    package init(
        lineage: Lineage,
        epoch: RevocationEpoch,
        launch: AskedLaunch,
        content: RequestContent,
        digest: String,
        demands: [ApprovalDemand]
    ) {
        self.lineage = lineage
        self.epoch = epoch
        version = 0
        kind = "launch"
        action = "launch \(launch.profile)"
        resource = launch.workspace
        query = nil
        self.content = content
        self.digest = digest
        self.demands = demands
        self.launch = launch
    }

    package var agent: AgentID { lineage.agent.agent }

    /// The most that an approval of it can be good for: what all that ask allow.
    package var life: ApprovalTerms.Life { demands.map(\.terms.life).min() ?? .once }

    /// Milliseconds that it waits: no longer than any that asks says.
    package var wait: UInt64 { demands.map(\.terms.wait).min() ?? ApprovalTerms.usualWait }
}

/// An approval that covers a request, once it is spent on it.
package struct ApprovalGrant: Sendable, Hashable {
    /// The question's id, `RUN-N`.
    package let id: String
    /// Monotonic milliseconds at which it ends; nil for one that ends with the agent.
    package let expires: UInt64?

    package init(id: String, expires: UInt64?) {
        (self.id, self.expires) = (id, expires)
    }
}

/// What came of a question.
package enum HoldOutcome: Sendable, Hashable {
    case approved(ApprovalGrant)
    case denied(id: String?, by: String, reason: String?)
    /// Nobody answered within so many milliseconds.
    case unanswered(id: String, after: UInt64)
    /// The agent or one above it was cut off, or has ended.
    case void
    /// More questions of this agent's, or of all agents', wait than may.
    case tooMany(String)
    /// It could not be put on record.
    case unrecorded(AuditFailure)
}

/// Names one who waits for an answer.
package struct HoldTicket: Sendable, Hashable {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }
}

/// Who is asked where rules ask.
package protocol Approver: Sendable {
    /// Asks, or finds an approval that covers the request and spends it; calls back exactly once unless it is withdrawn,
    /// on a thread of its choosing. Never blocks.
    func hold(
        _ request: HeldRequest,
        then: @escaping @Sendable (HoldOutcome) -> Void
    ) -> HoldTicket

    /// Nobody waits any more; an answer that comes is good for the same request within its life.
    func withdraw(_ ticket: HoldTicket)

    /// An approval was given to one who had gone in that moment: it is good for the same request again.
    func giveBack(_ grant: ApprovalGrant, of request: HeldRequest)

    /// Whether an approval that was spent is still good, at the moment in which its request takes effect.
    func stands(_ grant: ApprovalGrant) -> Bool
}
