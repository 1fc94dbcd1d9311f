internal import Approvals
internal import Audit
internal import Client
internal import Model

/// Hides secrets in what leaves the machine of a question, as records do: in whole texts, before anything of them is cut off.
struct HeldMask: Sendable {
    /// Octets of a text that are looked through: further than it is shown, so that no secret is cut in two before it could be
    /// recognised.
    private static let readable = 4 * HeldSummary.maximumText

    private let audit: AuditStore

    init(_ audit: AuditStore) { self.audit = audit }

    /// Every text that an agent had a say in.
    func hide(in held: inout HeldSummary, of question: OpenQuestion) {
        (held.lineage, held.rules) = (held.lineage.map(audit.masked(_:)), held.rules.map(audit.masked(_:)))
        (held.demands, held.action) = (held.demands.map(audit.masked(_:)), audit.masked(held.action))
        (held.query, held.type) = (held.query.map(audit.masked(_:)), held.type.map(audit.masked(_:)))
        // These were cut already where they come from.
        held.details = held.details.map { audit.masked(cut: $0) }
        held.resource = shown(question.held.resource, masked: audit.masked(Self.read(question.held.resource)))
        let arguments = question.held.launch?.argv ?? []
        held.command = HeldSummary.shortened(
            zip(arguments, audit.masked(arguments: arguments.map(Self.read))).map { shown($0, masked: $1) }
        )
        held.preview = audit.masked(cut: RequestContent.shown(audit.masked(question.held.content.preview)))
    }

    /// Every text of a launch of which nothing is cut off.
    func hide(inWhole held: inout HeldSummary) {
        (held.resource, held.details) = (audit.masked(held.resource), held.details.map(audit.masked(_:)))
        held.command = audit.masked(arguments: held.command)
    }

    private static func read(_ text: String) -> String {
        text.utf8.count <= readable ? text : String(decoding: text.utf8.prefix(readable), as: UTF8.self)
    }

    private func shown(_ text: String, masked: String) -> String {
        guard text.utf8.count > HeldSummary.maximumText else { return masked }
        let kept = String(decoding: masked.utf8.prefix(HeldSummary.maximumText), as: UTF8.self)
        return "\(kept)… (\(text.utf8.count) octets)"
    }
}

extension HeldSummary {
    /// With all of a launch, however long it is.
    init(whole question: OpenQuestion, _ mask: HeldMask? = nil) {
        self.init(question, mask)
        guard let launch = question.held.launch else { return }
        (resource, command, details) = (question.held.resource, launch.argv, launch.details(isWhole: true))
        mask?.hide(inWhole: &self)
    }

    /// For whoever may see all of it; with a mask for others.
    init(_ question: OpenQuestion, _ mask: HeldMask? = nil) {
        let held = question.held
        self.init(
            kind: held.kind,
            id: question.id,
            number: question.number,
            principal: held.lineage.principal.subject,
            agent: held.agent.text,
            lineage: held.lineage.hops.map { "\($0.name) (\($0.profile))" },
            action: held.action,
            resource: Self.shown(held.resource),
            query: held.query,
            command: (held.launch?.argv ?? []).map { Self.shown($0) },
            details: held.launch?.details(isWhole: false) ?? [],
            digest: held.digest,
            content: held.content.digest,
            octets: held.content.octets,
            type: held.content.type,
            preview: RequestContent.shown(held.content.preview),
            rules: held.demands.map(\.rule.name),
            demands: held.demands.map { "\($0.hop.name) asks by \($0.rule): \($0.terms)" },
            life: held.life.description,
            waited: question.waited,
            left: question.left,
            waiting: Int32(clamping: question.waiting),
            approvedBy: question.approvedBy
        )
        mask?.hide(in: &self, of: question)
    }
}
