package import Model
internal import Synchronization

/// Answers of those who are revoked: they change nothing, and are on record.
extension ApprovalQueue {
    /// Why somebody answers nothing any more, and is shown nothing by who knows them by a token or a link; nil where they do.
    package func whyNothing(of who: ApproverIdentity) -> String? { revoked(who)?.words }

    /// Those who approved a question before, and are revoked by now.
    func revokedApprovers(of id: String) -> Set<ApproverIdentity> {
        let all = state.withLock { $0.question(named: id)?.approvers ?? [] }
        return all.filter { revoked($0) != nil }
    }

    /// The same of all questions behind a number.
    func revokedApprovers(after number: UInt64) -> Set<ApproverIdentity> {
        let all = state.withLock { state in
            Set(state.questions.values.lazy.filter { $0.number > number }.flatMap(\.approvers))
        }
        return all.filter { revoked($0) != nil }
    }

    /// Ends a question that counted somebody's approval who was revoked while it went on record, or of whom that is not known; nil
    /// where nobody was.
    func undone(_ question: Question) -> AnswerOutcome? {
        guard let bar = question.approvers.lazy.compactMap({ self.revoked($0) }).first else { return nil }
        let why = bar.words
        guard let over = state.withLock({ $0.remove(question.number) }) else { return .refused(why) }
        audit.append(.approval(ApprovalRecord(.void, over.id, of: over.held, reason: why)), until: .written) {
            _ in
        }
        for waiter in over.waiters {
            waiter.then(.denied(id: over.id, by: bar.cause, reason: nil))
        }
        whenOver(ClosedQuestion(over, .void, reason: why))
        return .refused(why)
    }
}

/// Why nothing that somebody answers counts.
package enum AnswerBar: Sendable, Hashable {
    /// They are revoked.
    case revoked(String)
    /// Whether they are cannot be known now.
    case unknown(String)

    /// For whoever answers, and for readers of the log.
    package var words: String {
        switch self {
        case .revoked(let words), .unknown(let words): words
        }
    }

    /// What an agent is told that its request was denied by.
    fileprivate var cause: String {
        switch self {
        case .revoked: "the revocation of who approved it"
        case .unknown: "its supervisor, which cannot know now whether who approved it is revoked"
        }
    }
}

extension Question {
    /// Whoever has approved it so far.
    fileprivate var approvers: Set<ApproverIdentity> { Set(approvals.joined()) }

    /// Counts some approvals no more.
    mutating func forget(_ gone: Set<ApproverIdentity>) {
        for index in approvals.indices { approvals[index].removeAll { gone.contains($0) } }
    }

    /// Whether an answer is about it.
    func isMeant(by subject: AnswerSubject) -> Bool {
        switch subject {
        case .question(let id): self.id.isSame(as: id)
        case .rule(let name): held.demands.contains { $0.rule.name.isSame(as: name) }
        }
    }
}
