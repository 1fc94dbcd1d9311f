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
    var approvals: [[Principal]]

    /// Whether each rule has the approvals that it demands.
    var isApproved: Bool {
        zip(held.demands, approvals).allSatisfy { $1.count >= $0.terms.approvers }
    }

    /// How many more have to approve, at the least.
    var missing: Int {
        zip(held.demands, approvals).map { max(0, $0.terms.approvers - $1.count) }.max() ?? 0
    }

    /// Counts an approval for every demand that the principal may approve and has not; false where there is none.
    mutating func approve(_ principal: Principal) -> Bool {
        var counts = false
        for index in held.demands.indices
        where held.demands[index].terms.admits(principal, for: held.lineage)
            && !approvals[index].contains(where: {
                // A number alone says that two are one only where the kernel has said it.
                $0.subject.isSame(as: principal.subject)
                    || $0.uid == principal.uid && principal.uid != Principal.unknownUser
            })
        {
            approvals[index].append(principal)
            counts = true
        }
        return counts
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
    /// Subjects of those who have approved.
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

/// Who answers.
package struct Answerer: Sendable {
    package let principal: Principal
    /// Evidence for the record, and grounds for nothing.
    package let program: String?
    package let process: Int32?
    /// How the answer came, where that was not the supervisor's own socket.
    package let via: String?

    package init(_ principal: Principal, program: String?, process: Int32?, via: String? = nil) {
        (self.principal, self.program, self.process, self.via) = (principal, program, process, via)
    }
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
