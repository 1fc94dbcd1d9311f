internal import Approvals
internal import Audit
internal import Client
internal import Crypto
internal import Dispatch
internal import Model
internal import Synchronization

/// What waits on other machines of a fleet, shown to who answers on this one, and their answers, signed and sent.
///
/// Whether an answer counts is for the machine to say that holds what is asked; here it is on record before it goes.
final class FleetDesk: Sendable {
    /// Something cannot be shown or sent now.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What waits elsewhere.
    struct Held: Sendable {
        let machine: ApprovalPlan.Machine
        let message: FleetMessage
        let question: FleetQuestion
        let summary: HeldSummary
    }

    /// What became of an answer.
    enum Outcome: Sendable {
        /// The machine that holds the question says so.
        case said(AnswerOutcome)
        /// It is for another request, and was not sent.
        case mistaken(String)
        /// It was sent, and that machine has said nothing.
        case unheard(String)
        /// It was not sent.
        case failed(Failure)
    }

    /// What somebody says.
    struct Order: Sendable {
        let question: String
        let approves: Bool
        var life: ApprovalTerms.Life?
        var reason: String?
        /// Of the request that is meant; nil where the id says enough.
        var digest: String?
    }

    private struct Pending {
        let question: String
        let machine: ApprovalPlan.Machine
        let due: UInt64
        let then: @Sendable (Outcome) -> Void
    }

    /// Who may wait for the database, or an answer's fate, at a time: as many as the API has connections.
    private static let most = 64
    /// Milliseconds in which the other machine has to say what came of an answer: it puts it on record and says so, for each of which
    /// it waits 3 s at most for the same database.
    static let patience: UInt64 = 6_000

    private let board: FleetBoard
    private let plan: ApprovalPlan
    private let audit: any AuditSink
    private let refused: RefusedAnswers
    /// Why nothing that somebody answers counts any more.
    private let revoked: @Sendable (ApproverIdentity) -> String?
    private let clock: @Sendable () -> Timestamp
    private let now: @Sendable () -> UInt64
    private let pending = Mutex<[String: Pending]>([:])
    private let waiting = Atomic(0)
    private let queue = DispatchQueue(label: "bailey.approvals.fleet.desk")

    init(
        _ board: FleetBoard,
        _ plan: ApprovalPlan,
        audit: any AuditSink,
        refused: RefusedAnswers,
        revoked: @escaping @Sendable (ApproverIdentity) -> String?,
        clock: @escaping @Sendable () -> Timestamp,
        now: @escaping @Sendable () -> UInt64
    ) {
        (self.board, self.plan, self.audit, self.refused) = (board, plan, audit, refused)
        (self.revoked, self.clock, self.now) = (revoked, clock, now)
    }

    /// What waits elsewhere, for somebody what a rule names them for; called back on another thread, once.
    func list(for who: ApproverIdentity?, then: @escaping @Sendable (Result<[Held], Failure>) -> Void) {
        if let full = enter() { return then(.failure(full)) }
        work { then(self.held(for: who)) }
    }

    /// One of them with all of a launch; nil where nothing of that name waits.
    func show(
        _ id: String,
        to who: ApproverIdentity?,
        then: @escaping @Sendable (Result<HeldSummary?, Failure>) -> Void
    ) {
        if let full = enter() { return then(.failure(full)) }
        work {
            let found = self.held(for: who).map { all in all.first { $0.summary.id.isSame(as: id) } }
            then(found.flatMap { held in held.map { self.whole($0).map { .some($0) } } ?? .success(nil) })
        }
    }

    /// Sends an answer, once that is on record here; called back on another thread, once.
    func answer(_ order: Order, by who: Answerer, then: @escaping @Sendable (Outcome) -> Void) {
        if let full = enter() { return then(.failed(full)) }
        work {
            let identity = who.identity
            if let why = self.revoked(identity) {
                let what = "one of \(who.principal) to \(TerminalText.escaped(order.question))"
                return self.refused.note(.fleet, what, because: why) { then(.said(.refused(why))) }
            }
            switch self.held(for: identity.isNamedOnly ? identity : nil) {
            case .failure(let failure): then(.failed(failure))
            case .success(let all):
                guard let held = all.first(where: { $0.summary.id.isSame(as: order.question) }) else {
                    return then(.said(.unknown))
                }
                let digest = held.summary.digest
                guard order.digest.map({ $0.isSame(as: digest) }) ?? true else {
                    return then(
                        .mistaken("the answer is for another request: this one's digest is \(digest)")
                    )
                }
                self.record(order, to: held, by: who, then)
            }
        }
    }

    /// Whether an answer's fate is waited for, of which questions.
    var questions: [String] { pending.withLock { $0.values.map(\.question) } }

    /// Takes what other machines say became of answers.
    func settle(_ messages: [FleetMessage]) {
        for message in messages {
            guard let settlement = FleetText.value(FleetSettlement.self, message.text) else { continue }
            let one = pending.withLock { all -> Pending? in
                guard let one = all[settlement.nonce], one.machine.key.isSame(as: message.chain),
                    one.question.isSame(as: message.question)
                else { return nil }
                return all.removeValue(forKey: settlement.nonce)
            }
            one?.then(.said(settlement.answer))
        }
    }

    /// Gives up what was not heard of in time.
    func expire() {
        let now = now()
        let over = pending.withLock { all in
            let over = all.filter { $0.value.due <= now }
            for nonce in over.keys { all[nonce] = nil }
            return over.values
        }
        for one in over {
            one.then(
                .unheard(
                    "\(one.machine.name) did not say within \(Self.patience / 1_000) s what came of it; whether it waits still, "
                        + "'bailey approvals --fleet' shows"
                )
            )
        }
    }

    /// Why one more does not wait for the database; nil where it does, until `work` is done.
    private func enter() -> Failure? {
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue > Self.most else { return nil }
        waiting.wrappingSubtract(1, ordering: .relaxed)
        return Failure(description: "\(Self.most) others wait for the fleet's database; try again")
    }

    private func work(_ work: @escaping @Sendable () -> Void) {
        queue.async {
            work()
            self.waiting.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    private func held(for who: ApproverIdentity?) -> Result<[Held], Failure> {
        do {
            let all = try board.waiting(on: plan.fleet.map(\.key)).compactMap { held($0, for: who) }
            return .success(all)
        } catch {
            return .failure(Failure(description: "\(error)"))
        }
    }

    /// Nil for what is over, of nobody known, or does not concern who asks.
    private func held(_ waiting: FleetBoard.Waiting, for who: ApproverIdentity?) -> Held? {
        let message = waiting.message
        guard let machine = plan.fleet.first(where: { $0.key.isSame(as: message.chain) }),
            let question = FleetText.value(FleetQuestion.self, message.text),
            question.held.id.isSame(as: message.question), question.held.left > waiting.age
        else { return nil }
        // A row that somebody put there once more is as old as what is signed says.
        let oldest = clock().milliseconds - FleetLimits.skew - Int64(ApprovalTerms.maximumWait)
        guard question.time > oldest else { return nil }
        if let who, who.isNamedOnly {
            let names = who.subjects.union(who.groups)
            guard question.named.contains(where: { names.contains(ByteText($0)) }) else { return nil }
        }
        var summary = question.held.shortened
        (summary.machine, summary.told) = (machine.name, [])
        summary.left -= waiting.age
        summary.waited = summary.waited.addingReportingOverflow(waiting.age).partialValue
        return Held(machine: machine, message: message, question: question, summary: summary)
    }

    private func whole(_ held: Held) -> Result<HeldSummary, Failure> {
        guard let digest = held.question.whole else { return .success(held.summary) }
        do {
            guard let octets = try board.whole(of: held.message),
                SHA256.hash(data: octets).hex.isSame(as: digest),
                let whole = try? HeldWhole(bytes: octets)
            else {
                throw Failure(description: "all of it is not what \(held.machine.name) put there")
            }
            var summary = held.summary
            (summary.command, summary.details) = (whole.command, whole.details)
            return .success(summary)
        } catch {
            return .failure(error as? Failure ?? Failure(description: "\(error)"))
        }
    }

    private func record(
        _ order: Order,
        to held: Held,
        by who: Answerer,
        _ then: @escaping @Sendable (Outcome) -> Void
    ) {
        let what = order.approves ? "approve for \(order.life ?? .once)" : "deny"
        let record = CustodyRecord(
            .answerSent,
            order.question,
            by: who.principal,
            reason: "\(what), on \(held.machine.name), the request of digest \(held.summary.digest)"
                + (who.via.map { ", by \($0)" } ?? "") + (order.reason.map { ": \($0)" } ?? "")
        )
        audit.append(.custody(record), until: .durable) { result in
            switch result {
            case .failure(let failure): then(.said(.unrecorded(failure)))
            case .success: self.queue.async { self.send(order, to: held, by: who, then) }
            }
        }
    }

    private func send(
        _ order: Order,
        to held: Held,
        by who: Answerer,
        _ then: @escaping @Sendable (Outcome) -> Void
    ) {
        let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max) }.hex
        let answer = FleetAnswer(
            nonce: nonce,
            time: clock().milliseconds,
            question: order.question,
            agent: held.summary.agent,
            digest: held.summary.digest,
            approves: order.approves,
            life: order.approves ? order.life?.description : nil,
            reason: order.reason,
            subject: who.principal.subject,
            names: who.identity.names.map(\.text).sorted { $0.precedes($1) },
            groups: who.identity.groups.map(\.text).sorted { $0.precedes($1) },
            via: who.via
        )
        let due = now().addingReportingOverflow(Self.patience).partialValue
        let isTaken = pending.withLock { all in
            guard all.count < Self.most else { return false }
            all[nonce] = Pending(question: order.question, machine: held.machine, due: due, then: then)
            return true
        }
        guard isTaken else {
            return then(.failed(Failure(description: "\(Self.most) answers are under way; try again")))
        }
        do {
            let text = try FleetText.octets(answer)
            try board.post(.answered, to: held.message.holder, about: order.question, text: text)
        } catch {
            // Heard of already, or not there: whoever was told once is not told again.
            guard pending.withLock({ $0.removeValue(forKey: nonce) }) != nil else { return }
            then(.failed(Failure(description: "it was not sent: \(error)")))
        }
    }
}

extension HeldSummary {
    /// With lists no longer than this machine's own: what waits elsewhere is that machine's word.
    fileprivate var shortened: HeldSummary {
        var held = self
        (held.lineage, held.command) = (Self.shortened(lineage), Self.shortened(command))
        (held.details, held.rules) = (Self.shortened(details), Self.shortened(rules))
        (held.demands, held.approvedBy) = (Self.shortened(demands), Self.shortened(approvedBy))
        return held
    }
}
