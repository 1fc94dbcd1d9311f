package import Model

/// One question: what is held, who waits, and who has approved.
struct Question {
    enum Phase {
        /// Its record is being written.
        case recording
        case open
        /// An answer's record is being written: it is decided.
        case answering
    }

    struct Waiter {
        let ticket: HoldTicket
        let held: HeldRequest
        let then: @Sendable (HoldOutcome) -> Void
    }

    let id: String
    let number: UInt64
    let held: HeldRequest
    /// Monotonic milliseconds.
    let asked: UInt64
    let deadline: UInt64
    var phase = Phase.recording
    var waiters: [Waiter] = []
    /// How many answers to it were refused.
    var refusedAnswers = 0
    /// Who has approved so far, for each demand.
    var approvals: [[ApproverIdentity]]

    /// Whether each rule has the approvals that it demands.
    var isApproved: Bool {
        zip(held.demands, approvals).allSatisfy { $1.count >= $0.terms.approvers }
    }

    /// How many more have to approve, at the least.
    var missing: Int {
        zip(held.demands, approvals).map { max(0, $0.terms.approvers - $1.count) }.max() ?? 0
    }

    /// Counts an approval for every demand that somebody may approve and has not; false where there is none.
    mutating func approve(_ who: ApproverIdentity) -> Bool {
        var counts = false
        for index in held.demands.indices
        where held.demands[index].terms.admits(who, for: held.lineage)
            && !approvals[index].contains(where: { $0.isSame(as: who) })
        {
            approvals[index].append(who)
            counts = true
        }
        return counts
    }
}

extension HeldRequest {
    /// Whether somebody may approve it by any of the rules that ask.
    func admits(_ who: ApproverIdentity) -> Bool {
        demands.contains { $0.terms.admits(who, for: lineage) }
    }

    /// Whether somebody is shown it, and may deny it.
    func concerns(_ who: ApproverIdentity) -> Bool { !who.isNamedOnly || admits(who) }

    /// The groups of somebody's that the rules name.
    func groups(of who: ApproverIdentity) -> [String] {
        Set(demands.flatMap(\.terms.by)).intersection(who.groups).map(\.text).sorted { $0.precedes($1) }
    }
}

/// What a request has to be for one approval to cover another: the same of the same agent under the same policy.
struct QuestionKey: Hashable {
    let agent: AgentID
    let version: UInt64
    let digest: String

    init(_ held: HeldRequest) {
        (agent, version, digest) = (held.agent, held.version, held.digest)
    }
}

/// An approval that is kept.
struct KeptGrant {
    let grant: ApprovalGrant
    let isOnce: Bool
    let epoch: RevocationEpoch

    func isGood(at now: UInt64) -> Bool {
        !epoch.isOver && grant.expires.map { now < $0 } ?? true
    }
}

/// A rule whose further questions of an agent are denied.
struct Block: Hashable {
    let agent: AgentID
    let rule: ByteText
}

/// A question as it is shown.
package struct OpenQuestion: Sendable {
    package let id: String
    package let number: UInt64
    package let held: HeldRequest
    /// Milliseconds that it has waited, and has left.
    package let waited: UInt64
    package let left: UInt64
    /// How many clients wait for it now.
    package let waiting: Int
    /// Subjects of those who have approved, and are not revoked since.
    package let approvedBy: [String]
}

/// A question that was put to people, and how it ended.
package struct ClosedQuestion: Sendable {
    package let id: String
    package let held: HeldRequest
    /// `approved`, `denied`, `unanswered`, `void`.
    package let outcome: ApprovalRecord.Event
    /// Whose answer it was, and by which way; nil where there was none.
    package let by: Answerer?
    package let reason: String?
    /// What the approval is good for.
    package let life: ApprovalTerms.Life?

    init(
        _ question: Question,
        _ outcome: ApprovalRecord.Event,
        by: Answerer? = nil,
        reason: String? = nil,
        life: ApprovalTerms.Life? = nil
    ) {
        (id, held, self.outcome) = (question.id, question.held, outcome)
        (self.by, self.reason, self.life) = (by, reason, life)
    }
}

/// Who answers, and by which way.
package struct Answerer: Sendable {
    package let identity: ApproverIdentity
    /// Evidence for the record, and grounds for nothing.
    package let program: String?
    package let process: Int32?
    /// How the answer came, where that was not the supervisor's own socket.
    package let via: String?

    package init(_ identity: ApproverIdentity, program: String?, process: Int32?, via: String? = nil) {
        (self.identity, self.program, self.process, self.via) = (identity, program, process, via)
    }

    /// Somebody of no group.
    package init(_ principal: Principal, program: String?, process: Int32?, via: String? = nil) {
        self.init(ApproverIdentity(principal), program: program, process: process, via: via)
    }

    package var principal: Principal { identity.principal }
}

/// What came of an answer.
package enum AnswerOutcome: Sendable, Hashable {
    /// So many questions were answered.
    case done(Int)
    /// Counted; so many more have to approve.
    case seconded(missing: Int)
    /// No such question waits.
    case unknown
    /// It changes nothing, and why.
    case refused(String)
    /// It could not be put on record, and changes nothing.
    case unrecorded(AuditFailure)
}
