package import Model
internal import Synchronization

extension ApprovalQueue {
    /// Approves a question.
    ///
    /// - Parameters:
    ///   - id: of the question.
    ///   - life: what for; nil for one request.
    ///   - reason: kept, and shown to nobody but readers of the log.
    ///   - who: who answers.
    ///   - then: called once, on a thread of the audit store's choosing, when it has taken effect or will not.
    package func approve(
        _ id: String,
        for life: ApprovalTerms.Life?,
        reason: String?,
        by who: Answerer,
        then: @escaping @Sendable (AnswerOutcome) -> Void
    ) {
        let (now, why, gone) = (now(), whyNothing(of: who.identity), revokedApprovers(of: id))
        let step = state.withLock { state in
            guard let why else {
                return state.approve(id, for: life, by: who.identity, without: gone, at: now)
            }
            return state.refuse(.question(id), why, by: who.identity)
        }
        switch step {
        case .failed(let outcome, let question): fail(outcome, question, reason, by: who, then)
        case .counted(let question):
            append(.seconded, question, by: who, reason: reason, life: nil) { result in
                switch result {
                case .success: then(.seconded(missing: question.missing))
                // It was counted already: nobody may go on by it.
                case .failure(let failure): self.giveUp(question, failure, then)
                }
            }
        case .approved(let question, let life):
            append(.approved, question, by: who, reason: reason, life: life) { result in
                self.finish(question, result, then) {
                    if let outcome = self.undone(question) { return outcome }
                    guard self.grant(question, life) else {
                        return .refused("the agent was cut off, or ended, meanwhile")
                    }
                    self.whenOver(ClosedQuestion(question, .approved, by: who, reason: reason, life: life))
                    return .done(1)
                }
            }
        }
    }

    /// An answer that changes nothing; of one question the first of them are on record.
    private func fail(
        _ outcome: AnswerOutcome,
        _ question: Question?,
        _ reason: String?,
        by who: Answerer,
        _ then: (AnswerOutcome) -> Void
    ) {
        if case .refused(let why) = outcome, let question {
            let rest = question.refusedAnswers + 1 < ApprovalLimits.refusedAnswers ? "" : Self.andMore
            let words = why + rest + (reason.map { ": " + $0 } ?? "")
            append(.refused, question, by: who, reason: words, life: nil) { _ in }
        }
        then(outcome)
    }

    private static let andMore = " (further answers to it that are refused are not on record)"

    /// Denies a question, or all of a rule's, those that follow of the same agents among them, as far as they concern who denies.
    package func deny(
        _ subject: AnswerSubject,
        reason: String?,
        by who: Answerer,
        then: @escaping @Sendable (AnswerOutcome) -> Void
    ) {
        let now = now()
        if let why = whyNothing(of: who.identity) {
            let step = state.withLock { $0.refuse(subject, why, by: who.identity) }
            guard case .failed(let outcome, let question) = step else { return then(.refused(why)) }
            return fail(outcome, question, reason, by: who, then)
        }
        let questions = state.withLock { $0.deny(subject, by: who.identity, at: now) }
        guard !questions.isEmpty else { return then(.unknown) }
        let rest = Mutex(questions.count)
        for question in questions {
            append(.denied, question, by: who, reason: reason, life: nil) { result in
                self.finish(question, result) { outcome in
                    // The last that is on record answers for all.
                    let isLast = rest.withLock { rest in
                        rest -= 1
                        return rest == 0
                    }
                    if case .unrecorded = outcome { return isLast ? then(outcome) : () }
                    if isLast { then(.done(questions.count)) }
                } _: {
                    // Not there any more where its agent was cut off, or has ended, meanwhile: that is denied as well.
                    guard let over = self.state.withLock({ $0.remove(question.number) }) else {
                        return .done(1)
                    }
                    for waiter in over.waiters {
                        waiter.then(.denied(id: question.id, by: who.principal.subject, reason: reason))
                    }
                    self.whenOver(ClosedQuestion(over, .denied, by: who, reason: reason))
                    return .done(1)
                }
            }
        }
    }

    private func append(
        _ event: ApprovalRecord.Event,
        _ question: Question,
        by who: Answerer,
        reason: String?,
        life: ApprovalTerms.Life?,
        then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
    ) {
        let record = ApprovalRecord(
            event,
            question.id,
            of: question.held,
            by: who.principal,
            groups: question.held.groups(of: who.identity),
            program: who.program,
            process: who.process,
            via: who.via,
            reason: reason,
            life: life?.description
        )
        audit.append(.approval(record), until: .durable, then: then)
    }

    /// An answer is on record, or is none.
    private func finish(
        _ question: Question,
        _ result: Result<Void, AuditFailure>,
        _ then: (AnswerOutcome) -> Void,
        _ effect: () -> AnswerOutcome
    ) {
        switch result {
        case .success: then(effect())
        case .failure(let failure):
            giveUp(question, failure, then)
        }
    }

    /// Ends a question whose answer could not be recorded: nothing is allowed without that, and nothing is held for ever.
    private func giveUp(_ question: Question, _ failure: AuditFailure, _ then: (AnswerOutcome) -> Void) {
        if let over = state.withLock({ $0.remove(question.number) }) {
            for waiter in over.waiters { waiter.then(.unrecorded(failure)) }
            whenOver(ClosedQuestion(over, .void, reason: "its answer could not be recorded"))
        }
        then(.unrecorded(failure))
    }

    /// Gives an approval to those who wait, as far as it goes, and keeps what is left of it; false where it is void.
    private func grant(_ question: Question, _ life: ApprovalTerms.Life) -> Bool {
        let now = now()
        let given = state.withLock { state in state.grant(question.number, life, at: now) }
        guard let given else { return false }
        for waiter in given.first { waiter.then(.approved(given.grant)) }
        // What was approved is one request: the same once more is another question.
        for waiter in given.others { ask(again: waiter) }
        return true
    }

    private func ask(again waiter: Question.Waiter) {
        let now = now()
        let finding = state.withLock { $0.admit(waiter, at: now) }
        switch finding {
        case .settled(let outcome): waiter.then(outcome)
        case .joined: break
        case .new(let question): record(question)
        }
    }
}

/// What an answer is about.
package enum AnswerSubject: Sendable, Hashable {
    case question(String)
    /// All questions of the rule of this name, `ci.yaml:14`.
    case rule(String)
}

/// What an approval comes to.
enum ApprovalStep {
    /// It changes nothing.
    case failed(AnswerOutcome, Question?)
    case counted(Question)
    case approved(Question, ApprovalTerms.Life)
}

/// Who gets an approval.
struct Given {
    let grant: ApprovalGrant
    var first: [Question.Waiter] = []
    var others: [Question.Waiter] = []
}

extension ApprovalQueue.State {
    func question(named id: String) -> Question? {
        questions.values.first { $0.id.isSame(as: id) && $0.phase == .open }
    }

    mutating func approve(
        _ id: String,
        for wanted: ApprovalTerms.Life?,
        by who: ApproverIdentity,
        without gone: Set<ApproverIdentity>,
        at now: UInt64
    ) -> ApprovalStep {
        guard var question = question(named: id), question.held.concerns(who) else {
            return .failed(.unknown, nil)
        }
        guard !question.held.epoch.isOver else {
            return refused("its agent, or one above it, was cut off", question)
        }
        guard now < question.deadline else { return refused("its time is over", question) }
        let (life, most) = (wanted ?? .once, question.held.life)
        guard life <= most else {
            return refused("the rules that ask let it be approved for \(most) at most", question)
        }
        question.forget(gone)
        guard question.approve(who) else {
            return refused(question.whyNot(who), question)
        }
        if question.isApproved { question.phase = .answering }
        questions[question.number] = question
        return question.isApproved ? .approved(question, life) : .counted(question)
    }

    /// Answers one who may not answer, of the first question that they mean.
    mutating func refuse(_ subject: AnswerSubject, _ why: String, by who: ApproverIdentity) -> ApprovalStep {
        let meant = questions.values.filter {
            $0.phase == .open && $0.isMeant(by: subject) && $0.held.concerns(who)
        }
        guard let question = meant.min(by: { $0.number < $1.number }) else { return .failed(.unknown, nil) }
        return refused(why, question)
    }

    /// Of those who may not answer, or not so, the first are on record: whoever has a link may try as often as it likes.
    private mutating func refused(_ why: String, _ question: Question) -> ApprovalStep {
        let count = question.refusedAnswers + 1
        questions[question.number]?.refusedAnswers = count
        guard count <= ApprovalLimits.refusedAnswers else { return .failed(.refused(why), nil) }
        return .failed(.refused(why), question)
    }

    mutating func deny(_ subject: AnswerSubject, by who: ApproverIdentity, at now: UInt64) -> [Question] {
        var denied: [Question] = []
        for number in questions.keys.sorted() {
            guard let question = questions[number], question.phase == .open, question.deadline > now,
                question.held.concerns(who)
            else { continue }
            guard question.isMeant(by: subject) else { continue }
            if case .rule(let name) = subject {
                blocks.insert(Block(agent: question.held.agent, rule: ByteText(name)))
            }
            questions[number]?.phase = .answering
            denied.append(question)
        }
        return denied
    }

    mutating func grant(_ number: UInt64, _ life: ApprovalTerms.Life, at now: UInt64) -> Given? {
        // Not there any more where its agent was cut off, or has ended, meanwhile.
        guard let question = remove(number), !question.held.epoch.isOver else { return nil }
        let expires: UInt64? =
            switch life {
            case .once: now.addingReportingOverflow(ApprovalLimits.unspent).partialValue
            case .time(let time): now.addingReportingOverflow(time).partialValue
            case .agent: nil
            }
        var given = Given(grant: ApprovalGrant(id: question.id, expires: expires))
        let isOnce = life == .once
        if isOnce {
            given.first = Array(question.waiters.prefix(1))
            given.others = Array(question.waiters.dropFirst())
        } else {
            given.first = question.waiters
        }
        if !isOnce || given.first.isEmpty {
            keep(
                KeptGrant(grant: given.grant, isOnce: isOnce, epoch: question.held.epoch),
                for: QuestionKey(question.held)
            )
        }
        return given
    }
}

extension Question {
    /// Why somebody's approval counts for nothing.
    fileprivate func whyNot(_ who: ApproverIdentity) -> String {
        guard !held.admits(who) else {
            return "\(who.principal) has approved it already; somebody else has to"
        }
        let terms = held.demands.map { "\($0.rule): \($0.terms)" }.joined(separator: "; ")
        let isOwn = who.isSame(as: held.lineage.principal) && !held.groups(of: who).isEmpty
        return "\(who.principal) may not approve it by the rules that ask (\(terms))"
            + (isOwn ? ": no group stands for who started the run" : "")
    }
}
