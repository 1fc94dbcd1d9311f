/// A question that a rule asked, or what became of it.
///
/// That an approval was spent stands in the record of the request that went on under it.
package struct ApprovalRecord: Sendable, Hashable, Codable {
    package enum Event: String, Sendable, Hashable, Codable {
        case asked
        /// One of several approvers has approved; more are needed.
        case seconded
        case approved
        case denied
        /// Nobody answered in time.
        case unanswered
        /// The agent was cut off or ended first.
        case void
        /// An answer that changes nothing: too late, or of somebody who may not.
        case refused
    }

    package let lineage: Lineage
    /// `RUN-N`.
    package let question: String
    package let event: Event
    package let action: String
    package let resource: String
    package let query: String?
    /// SHA-256 of the canonical request.
    package let digest: String
    /// SHA-256 of the body, and its octets.
    package let content: String
    package let octets: UInt64
    /// The rules that ask, with what each demands.
    package let rules: [String]
    /// Who answered; nil for what is no answer.
    package let by: Principal?
    /// Whoever answered is in these groups, which the rules name; nil for none, and for what is no answer.
    package let groups: [String]?
    /// The program that brought the answer, and its process: evidence, and grounds for nothing.
    package let program: String?
    package let process: Int32?
    /// How the answer came, where that was not the supervisor's own socket: `api`, or `link` and to whom that was sent.
    package let via: String?
    package let reason: String?
    /// What the approval is good for: `once`, `15m`, `agent`.
    package let life: String?

    package init(
        _ event: Event,
        _ question: String,
        of held: HeldRequest,
        by: Principal? = nil,
        groups: [String] = [],
        program: String? = nil,
        process: Int32? = nil,
        via: String? = nil,
        reason: String? = nil,
        life: String? = nil
    ) {
        self.init(
            lineage: held.lineage,
            question: question,
            event: event,
            action: held.action,
            resource: held.resource,
            query: held.query,
            digest: held.digest,
            content: held.content.digest,
            octets: held.content.octets,
            rules: held.demands.map { "\($0.hop.name): \($0.rule): \($0.terms)" },
            by: by,
            groups: groups.isEmpty ? nil : groups,
            program: program,
            process: process,
            via: via,
            reason: reason,
            life: life
        )
    }

    package init(
        lineage: Lineage,
        question: String,
        event: Event,
        action: String,
        resource: String,
        query: String?,
        digest: String,
        content: String,
        octets: UInt64,
        rules: [String],
        by: Principal?,
        groups: [String]? = nil,
        program: String?,
        process: Int32?,
        via: String? = nil,
        reason: String?,
        life: String?
    ) {
        self.lineage = lineage
        self.question = question
        self.event = event
        self.action = action
        self.resource = resource
        self.query = query
        self.digest = digest
        self.content = content
        self.octets = octets
        self.rules = rules
        self.by = by
        self.groups = groups
        self.program = program
        self.process = process
        self.via = via
        self.reason = reason
        self.life = life
    }
}
