internal import Crypto
internal import Model
internal import NIOCore
internal import Policy

/// What can be held until it is approved.
enum Holdable {
    case nothing
    /// An HTTP request, or the opening of a WebSocket, whose content is read for it first.
    case request
    /// A connection that is forwarded as it is.
    case connection
    /// A statement that is prepared now, and asked about with its parameters.
    case preparation
    /// A statement, with what an approval is bound to; nil for what cannot be held.
    case statement(() -> RequestContent?)
}

/// A request that waits for an approval.
final class Held {
    var asked: AskedPermit?
    let request: Request
    let current: (policy: LineagePolicy, version: UInt64)
    let refusal: Refusal
    let then: (consuming Authorisation) -> Void
    var ticket: HoldTicket?

    init(
        _ asked: consuming AskedPermit,
        _ request: Request,
        _ current: (policy: LineagePolicy, version: UInt64),
        _ then: @escaping (consuming Authorisation) -> Void
    ) {
        refusal = asked.refusal
        self.asked = consume asked
        self.request = request
        self.current = current
        self.then = then
    }
}

// What rules ask about.
extension Authoriser {
    /// Holds a request until whoever may has answered.
    func hold(
        _ asked: consuming AskedPermit,
        _ request: Request,
        _ current: (policy: LineagePolicy, version: UInt64),
        _ holdable: Holdable,
        _ then: @escaping (consuming Authorisation) -> Void
    ) {
        let refusal = asked.refusal
        guard let approver = gatehouse.approver else {
            return deny(request, current.policy, refusal.levels, .ask, refusal.denial, then)
        }
        if let denial = misplacedPlaceholder(in: request, asked.credential) {
            return deny(request, current.policy, refusal.levels, .deny, denial, then)
        }
        let content: RequestContent?
        switch (holdable, request.action) {
        case (.preparation, _):
            return postpone(request, current.policy, refusal, then)
        case (.connection, .connect): content = RequestContent.nothing
        case (.request, .http), (.request, .webSocket):
            guard request.body.content != nil else { return unread(.content, then) }
            content = request.body.content
        case (.statement, .sql(let statements)) where statements.deeds.contains { $0.kind == .prepare }:
            return deny(
                request,
                current.policy,
                refusal.levels,
                .ask,
                .unheldPreparation(refusal.denial),
                then
            )
        case (.statement(let make), _): content = make()
        case (.nothing, _), (.request, _), (.connection, _): content = nil
        }
        guard let content else {
            return deny(request, current.policy, refusal.levels, .ask, .unheld(refusal.denial), then)
        }
        let question = HeldRequest(
            lineage: current.policy.lineage,
            epoch: resident.acting,
            version: current.version,
            request: request,
            content: content,
            digest: SHA256.hash(data: request.canonical(content)).hex,
            demands: asked.demands
        )
        let held = Held(asked, request, current, then)
        holding = held
        let kept = NIOLoopBound((self, held), eventLoop: loop)
        let loop = loop
        held.ticket = approver.hold(question) { outcome in
            loop.execute { kept.value.0.settle(kept.value.1, question, outcome) }
        }
    }

    /// Puts on record what is asked about later, when more of it is known, and goes to the server until then.
    private func postpone(
        _ request: Request,
        _ policy: LineagePolicy,
        _ refusal: Refusal,
        _ then: @escaping (consuming Authorisation) -> Void
    ) {
        let entry = RequestRecord(
            lineage: policy.lineage,
            action: request.summary,
            resource: request.endpoint.description,
            connection: connection?.number,
            statement: statement,
            database: request.action.database,
            verdict: .ask,
            levels: refusal.levels,
            message: "it is prepared; each time that it is bound to parameters is asked about"
        )
        append(entry, NIOLoopBound(Pending(.unread(.content), then), eventLoop: loop), version: nil, nil)
    }

    /// Somebody has answered, or nobody will.
    private func settle(_ held: Held, _ question: HeldRequest, _ outcome: HoldOutcome) {
        guard let asked = held.asked.take() else {
            // Its client went away in this very moment: it is there for a retry.
            if case .approved(let grant) = outcome { gatehouse.approver?.giveBack(grant, of: question) }
            return
        }
        if holding === held { holding = nil }
        let refused = asked.refusal.denial
        switch outcome {
        case .approved(let grant):
            guard !resident.current.closed else {
                return refuse(held, resident.closedDenial, asked: grant.id)
            }
            proceed(asked.approved(by: grant), held.request, held.current, grant, held.then)
        case .denied(let id, let by, let reason):
            let why = "denied by \(by)" + (reason.map { ": \($0)" } ?? "")
            refuse(held, .unapproved(refused, .approvalDenied, why), asked: id)
        case .unanswered(let id, let wait):
            let why = "nobody answered within \(ApprovalTerms.Life.time(wait))"
            refuse(held, .unapproved(refused, .approvalUnanswered, why), asked: id)
        case .void: refuse(held, resident.current.closed ? resident.closedDenial : .revoked, asked: nil)
        case .tooMany(let why): refuse(held, .unapproved(refused, .overBudget, why), asked: nil)
        case .unrecorded(let failure): refuse(held, .auditUnavailable(failure), asked: nil)
        }
    }

    /// Whether what goes on later than its record may still go on under an approval: it has to be in its time, of an agent that
    /// may act, and by the policy that it was decided by.
    func stands(_ spent: SpentApproval) -> Bool {
        let current = resident.current
        return !current.closed && resident.revocation == nil && current.version == spent.version
            && gatehouse.approver?.stands(spent.grant) == true
    }

    /// Nobody waits any more for what is held.
    func letGo(_ denial: Denial) {
        guard let held = holding else { return }
        holding = nil
        if let ticket = held.ticket { gatehouse.approver?.withdraw(ticket) }
        guard held.asked.take() != nil else { return }
        refuse(held, denial, asked: nil)
    }

    private func refuse(_ held: Held, _ denial: Denial, asked question: String?) {
        let effect: Effect = denial.reason == .revoked ? .deny : .ask
        deny(
            held.request,
            held.current.policy,
            held.refusal.levels,
            effect,
            denial,
            asked: question,
            held.then
        )
    }
}

extension RequestContent {
    /// Of a connection, nothing of which is read.
    fileprivate static var nothing: RequestContent {
        RequestContent(octets: 0, digest: "", context: "", preview: "")
    }
}
