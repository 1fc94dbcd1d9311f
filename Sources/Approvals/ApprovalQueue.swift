package import Model
internal import Synchronization

/// The questions of one supervisor's agents, and the approvals that are still good.
///
/// ```
///   hold ──► recording ── on record ──► open ── answered ──► answering ── on record ──► approved, denied
///                                         ├── deadline ───► unanswered
///                                         └── revoked, ended ──► void
/// ```
///
/// Everything that changes happens under one lock, so that of two who spend one approval, or of an answer and the end of its
/// time, one is first; records are written outside of it, and what became of a question meanwhile is looked at again.
package final class ApprovalQueue: Approver {
    struct State {
        var questions: [UInt64: Question] = [:]
        var numbers: [QuestionKey: UInt64] = [:]
        var grants: [QuestionKey: KeptGrant] = [:]
        var blocks: Set<Block> = []
        var tallies: [AgentID: Tally] = [:]
        var last: UInt64 = 0
        var lastTicket: UInt64 = 0
    }

    /// What one agent has asked lately.
    struct Tally {
        var began: UInt64
        var asked = 0
    }

    let state = Mutex(State())
    let audit: any AuditSink
    /// Monotonic milliseconds.
    let now: @Sendable () -> UInt64
    /// Why nothing that somebody answers counts any more; nil where it does.
    ///
    /// Asked outside of the lock, and again when the answer is on record.
    let revoked: @Sendable (ApproverIdentity) -> AnswerBar?
    private let whenOpen: @Sendable (OpenQuestion) -> Void
    let whenOver: @Sendable (ClosedQuestion) -> Void

    /// - Parameters:
    ///   - audit: where questions and answers go on record.
    ///   - now: monotonic milliseconds.
    ///   - revoked: why nothing that somebody answers counts any more; nil where it does.
    ///   - whenOpen: called, on any thread, for each question that can be answered from now on.
    ///   - whenOver: the same for each of those that cannot be any more.
    package init(
        audit: any AuditSink,
        now: @escaping @Sendable () -> UInt64,
        revoked: @escaping @Sendable (ApproverIdentity) -> AnswerBar? = { _ in nil },
        whenOpen: @escaping @Sendable (OpenQuestion) -> Void = { _ in },
        whenOver: @escaping @Sendable (ClosedQuestion) -> Void = { _ in }
    ) {
        self.audit = audit
        self.now = now
        self.revoked = revoked
        self.whenOpen = whenOpen
        self.whenOver = whenOver
    }

    package func hold(
        _ request: HeldRequest,
        then: @escaping @Sendable (HoldOutcome) -> Void
    ) -> HoldTicket {
        let now = now()
        let (ticket, finding) = state.withLock { state in
            state.lastTicket += 1
            let ticket = HoldTicket(state.lastTicket)
            let waiter = Question.Waiter(ticket: ticket, held: request, then: then)
            return (ticket, state.admit(waiter, at: now))
        }
        switch finding {
        case .settled(let outcome): then(outcome)
        case .joined: break
        case .new(let question): record(question)
        }
        return ticket
    }

    package func withdraw(_ ticket: HoldTicket) {
        state.withLock { state in
            for number in state.questions.keys {
                state.questions[number]?.waiters.removeAll { $0.ticket == ticket }
            }
        }
    }

    /// Who waited has gone, and with the last of them goes the question: what is asked is of no use without them.
    ///
    /// An answer that is on its way to the disk stands.
    package func end(_ ticket: HoldTicket, because cause: String) {
        let over = state.withLock { state in
            var left: Set<UInt64> = []
            for (number, question) in state.questions
            where question.waiters.contains(where: { $0.ticket == ticket }) {
                state.questions[number]?.waiters.removeAll { $0.ticket == ticket }
                left.insert(number)
            }
            return state.take { left.contains($0.number) && $0.waiters.isEmpty && $0.phase != .answering }
        }
        void(over, because: cause)
    }

    package func giveBack(_ grant: ApprovalGrant, of request: HeldRequest) {
        state.withLock { state in
            let key = QuestionKey(request)
            guard state.grants[key] == nil, !request.epoch.isOver, let expires = grant.expires else { return }
            state.keep(
                KeptGrant(
                    grant: ApprovalGrant(id: grant.id, expires: expires),
                    isOnce: true,
                    epoch: request.epoch
                ),
                for: key
            )
        }
    }

    package func stands(_ grant: ApprovalGrant) -> Bool {
        grant.expires.map { now() < $0 } ?? true
    }

    /// Puts a question on record, and then to people.
    func record(_ question: Question) {
        let (id, number, held) = (question.id, question.number, question.held)
        audit.append(.approval(ApprovalRecord(.asked, id, of: held)), until: .written) { result in
            switch result {
            case .success:
                let now = self.now()
                let shown = self.state.withLock { state -> OpenQuestion? in
                    guard state.questions[number] != nil else { return nil }
                    state.questions[number]?.phase = .open
                    return state.questions[number]?.shown(at: now)
                }
                if let shown { self.whenOpen(shown) }
            case .failure(let failure):
                let waiters = self.state.withLock { $0.remove(number)?.waiters ?? [] }
                for waiter in waiters { waiter.then(.unrecorded(failure)) }
            }
        }
    }
}

extension ApprovalQueue {
    /// What waits for an answer, in the order in which it was asked, behind a number; for somebody, what concerns them.
    package func open(after number: UInt64 = 0, for who: ApproverIdentity? = nil) -> [OpenQuestion] {
        let (now, gone) = (now(), revokedApprovers(after: number))
        return state.withLock { state in
            state.questions.values.filter { question in
                question.phase == .open && question.number > number && question.deadline > now
                    && who.map { question.held.concerns($0) } ?? true
            }.sorted { $0.number < $1.number }.map { $0.shown(at: now, without: gone) }
        }
    }

    /// What waits under this id; nil where nothing does, or it does not concern who asks.
    package func open(named id: String, for who: ApproverIdentity? = nil) -> OpenQuestion? {
        let (now, gone) = (now(), revokedApprovers(of: id))
        return state.withLock { state in
            state.question(named: id).flatMap { question in
                question.deadline > now && who.map { question.held.concerns($0) } ?? true
                    ? question.shown(at: now, without: gone) : nil
            }
        }
    }

    /// The next moment at which a question is over; nil while none is open.
    package var nextDeadline: UInt64? {
        // One that is being answered is decided: `expire` leaves it, however long its record takes.
        state.withLock { $0.questions.values.filter { $0.phase == .open }.map(\.deadline).min() }
    }

    /// Ends what nobody answered in time.
    package func expire() {
        let now = now()
        let over = state.withLock { state in
            state.take { $0.phase == .open && $0.deadline <= now }
        }
        for question in over {
            audit.append(
                .approval(ApprovalRecord(.unanswered, question.id, of: question.held)),
                until: .written
            ) { _ in }
            for waiter in question.waiters {
                waiter.then(.unanswered(id: question.id, after: question.held.wait))
            }
            whenOver(ClosedQuestion(question, .unanswered))
        }
    }

    /// Ends what belongs to agents that were cut off: questions, and approvals.
    package func voidRevoked(because cause: String) {
        void(because: cause) { $0.isOver }
    }

    /// Ends what belongs to an agent that has ended.
    package func ended(_ agent: AgentID) {
        let over = state.withLock { state in
            state.grants = state.grants.filter { $0.key.agent != agent }
            state.blocks = state.blocks.filter { $0.agent != agent }
            state.tallies[agent] = nil
            return state.take { $0.held.agent == agent }
        }
        void(over, because: "the agent ended")
    }

    private func void(because cause: String, _ isOver: (RevocationEpoch) -> Bool) {
        let over = state.withLock { state in
            state.grants = state.grants.filter { !isOver($0.value.epoch) }
            return state.take { isOver($0.held.epoch) }
        }
        void(over, because: cause)
    }

    private func void(_ questions: [Question], because cause: String) {
        for question in questions {
            audit.append(
                .approval(ApprovalRecord(.void, question.id, of: question.held, reason: cause)),
                until: .written
            ) { _ in }
            for waiter in question.waiters { waiter.then(.void) }
            whenOver(ClosedQuestion(question, .void, reason: cause))
        }
    }
}

extension Question {
    /// As it is now; the approvals of some count no more.
    func shown(at now: UInt64, without gone: Set<ApproverIdentity> = []) -> OpenQuestion {
        OpenQuestion(
            id: id,
            number: number,
            held: held,
            waited: now - min(now, asked),
            left: deadline - min(now, deadline),
            waiting: waiters.count,
            approvedBy: Array(
                Set(approvals.joined().filter { !gone.contains($0) }.map { ByteText($0.principal.subject) })
            ).map(\.text).sorted { $0.precedes($1) }
        )
    }
}
