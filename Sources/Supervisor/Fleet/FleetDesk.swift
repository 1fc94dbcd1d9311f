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
        /// Without where the database is, which is not for everybody who answers to know.
        let words: String

        init(_ description: String, words: String? = nil) {
            (self.description, self.words) = (description, words ?? description)
        }
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
        /// Whether whoever says it still waits for what comes of it.
        var isAwaited: @Sendable () -> Bool = { true }
    }

    private struct Pending {
        let question: String
        let machine: ApprovalPlan.Machine
        let then: @Sendable (Outcome) -> Void
    }

    /// Who may wait for the database, or an answer's fate, at a time: as many as the API has connections.
    private static let most = 64
    /// Milliseconds from when an answer is given until it has to be on its way: what waits is read, and it is put on record, for each of
    /// which a database has 5 s.
    ///
    /// Whoever was told that nothing came of it is not to find that something did.
    static let sending: UInt64 = 10_000
    /// Milliseconds in which the other machine has to say what came of it: it puts it on record and says so, for each of which it
    /// waits 3 s at most for the same database.
    static let patience: UInt64 = 10_000

    private let board: FleetBoard
    private let plan: ApprovalPlan
    private let audit: any AuditSink
    private let refused: RefusedAnswers
    /// Why nothing that somebody answers counts any more.
    private let revoked: @Sendable (ApproverIdentity) -> String?
    private let clock: @Sendable () -> Timestamp
    private let now: @Sendable () -> UInt64
    private let pending = Mutex<[String: Pending]>([:])
    /// What was read last, and when that was begun, for all who had asked before.
    private let listing = Mutex<(began: UInt64, all: Result<[Held], Failure>)?>(nil)
    private let waiting = Atomic(0)
    private let queue = DispatchQueue(label: "bailey.approvals.fleet.desk")
    private let timers = DispatchQueue(label: "bailey.approvals.fleet.desk.timers")

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
        let given = now()
        work { then(self.held(for: who, since: given)) }
    }

    /// One of them with all of a launch; nil where nothing of that name waits.
    func show(
        _ id: String,
        to who: ApproverIdentity?,
        then: @escaping @Sendable (Result<HeldSummary?, Failure>) -> Void
    ) {
        if let full = enter() { return then(.failure(full)) }
        let given = now()
        work {
            let found = self.held(for: who, since: given).flatMap { Self.one(id, of: $0) }
            then(found.flatMap { held in held.map { self.whole($0).map { .some($0) } } ?? .success(nil) })
        }
    }

    /// Sends an answer, once that is on record here; called back on another thread, once.
    func answer(_ order: Order, by who: Answerer, then: @escaping @Sendable (Outcome) -> Void) {
        if let full = enter() { return then(.failed(full)) }
        let given = now()
        work {
            if let why = self.revoked(who.identity) {
                let what = "one of \(who.principal) to \(TerminalText.escaped(order.question))"
                return self.refused.note(.fleet, what, because: why) { then(.said(.refused(why))) }
            }
            switch self.held(for: who.identity, since: given).flatMap({ Self.one(order.question, of: $0) }) {
            case .failure(let failure): then(.failed(failure))
            case .success(nil): then(.said(.unknown))
            case .success(let held?):
                let digest = held.summary.digest
                guard order.digest.map({ $0.isSame(as: digest) }) ?? true else {
                    return then(
                        .mistaken("the answer is for another request: this one's digest is \(digest)")
                    )
                }
                self.record(order, given, to: held, by: who, then)
            }
        }
    }

    /// Why an answer does not go out any more; nil where it does.
    private func lateness(of order: Order, _ given: UInt64) -> Failure? {
        guard order.isAwaited() else { return Failure("it was not sent: whoever gave it has left") }
        guard now() - min(now(), given) < Self.sending else {
            return Failure("it was not sent: that took more than \(Self.sending / 1_000) s; try again")
        }
        return nil
    }

    /// The one of that name, which is there once: of two one is not what it says.
    private static func one(_ id: String, of all: [Held]) -> Result<Held?, Failure> {
        let same = all.filter { $0.summary.id.isSame(as: id) }
        guard same.count > 1 else { return .success(same.first) }
        let machines = same.map(\.machine.name).joined(separator: " and ")
        return .failure(
            Failure(
                "\(machines) say of one id that it waits there: it is answered on the machine that holds it"
            )
        )
    }

    /// Whether an answer's fate is waited for, of which questions, and on which machine: its key.
    var questions: [(question: String, machine: String)] {
        pending.withLock { $0.values.map { ($0.question, $0.machine.key) } }
    }

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

    /// Gives an answer up that was not heard of in time.
    private func giveUp(_ nonce: String) {
        guard let one = pending.withLock({ $0.removeValue(forKey: nonce) }) else { return }
        one.then(
            .unheard(
                "\(one.machine.name) did not say within \(Self.patience / 1_000) s what came of it; whether it waits still, "
                    + "'bailey approvals --fleet' shows"
            )
        )
    }

    /// Why one more does not wait for the database; nil where it does, until `work` is done.
    private func enter() -> Failure? {
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue > Self.most else { return nil }
        waiting.wrappingSubtract(1, ordering: .relaxed)
        return Failure("\(Self.most) others wait for the fleet's database; try again")
    }

    private func work(_ work: @escaping @Sendable () -> Void) {
        queue.async {
            work()
            guard self.waiting.wrappingSubtract(1, ordering: .relaxed).newValue == 0 else { return }
            self.listing.withLock { $0 = nil }
        }
    }

    /// Read once for all who asked before that was begun: however many they are, none waits for two.
    private func held(for who: ApproverIdentity?, since given: UInt64) -> Result<[Held], Failure> {
        let last = listing.withLock { $0 }
        let all: Result<[Held], Failure>
        if let last, last.began > given {
            all = last.all
        } else {
            let began = now()
            all = read()
            listing.withLock { $0 = (began, all) }
        }
        guard let who, who.isNamedOnly else { return all }
        let names = who.subjects.union(who.groups)
        return all.map { $0.filter { $0.question.named.contains { names.contains(ByteText($0)) } } }
    }

    private func read() -> Result<[Held], Failure> {
        do {
            return .success(try board.waiting(on: plan.fleet.map(\.key)).compactMap { held($0) })
        } catch {
            let words = "what waits on other machines cannot be read now: 'bailey approvals --fleet' says why"
            return .failure(Failure("\(error)", words: words))
        }
    }

    /// Nil for what is over, or of nobody known.
    private func held(_ waiting: FleetBoard.Waiting) -> Held? {
        let message = waiting.message
        guard let machine = plan.fleet.first(where: { $0.key.isSame(as: message.chain) }),
            let question = FleetText.value(FleetQuestion.self, message.text),
            question.held.id.isSame(as: message.question), question.held.left > waiting.age
        else { return nil }
        // A row that somebody put there once more is as old as what is signed says.
        let oldest = clock().milliseconds - FleetLimits.skew - Int64(ApprovalTerms.maximumWait)
        guard question.time > oldest else { return nil }
        var summary = question.held.shortened
        (summary.machine, summary.told) = (machine.name, [])
        summary.left -= waiting.age
        summary.waited = summary.waited.addingReportingOverflow(waiting.age).partialValue
        return Held(machine: machine, message: message, question: question, summary: summary)
    }

    private func whole(_ held: Held) -> Result<HeldSummary, Failure> {
        guard let digest = held.question.whole else { return .success(held.summary) }
        do {
            guard let octets = try board.whole(of: held.message, digest: digest),
                SHA256.hash(data: octets).hex.isSame(as: digest),
                let whole = try? HeldWhole(bytes: octets)
            else {
                throw Failure("all of it is not what \(held.machine.name) put there")
            }
            var summary = held.summary
            (summary.command, summary.details) = (whole.command, whole.details)
            return .success(summary)
        } catch {
            let words = "all of it cannot be read now: 'bailey approvals show --fleet' says why"
            return .failure(error as? Failure ?? Failure("\(error)", words: words))
        }
    }

    private func record(
        _ order: Order,
        _ given: UInt64,
        to held: Held,
        by who: Answerer,
        _ then: @escaping @Sendable (Outcome) -> Void
    ) {
        if let late = lateness(of: order, given) { return then(.failed(late)) }
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
            case .failure(let failure):
                let words = "it was not sent, since it could not be recorded here"
                then(.failed(Failure("\(words): \(failure)", words: words)))
            case .success: self.queue.async { self.send(order, given, to: held, by: who, then) }
            }
        }
    }

    private func send(
        _ order: Order,
        _ given: UInt64,
        to held: Held,
        by who: Answerer,
        _ then: @escaping @Sendable (Outcome) -> Void
    ) {
        if let late = lateness(of: order, given) { return then(.failed(late)) }
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
        guard let text = try? FleetText.octets(answer), text.count <= FleetLimits.text else {
            let bound = "\(FleetLimits.text >> 10) KiB"
            return then(
                .failed(Failure("it was not sent: with all names and groups it is longer than \(bound)"))
            )
        }
        let isTaken = pending.withLock { all in
            guard all.count < Self.most else { return false }
            all[nonce] = Pending(question: order.question, machine: held.machine, then: then)
            return true
        }
        guard isTaken else {
            return then(.failed(Failure("\(Self.most) answers are under way; try again")))
        }
        let spent = min(now() - min(now(), given), Self.sending)
        let rest = Int(Self.sending - spent + Self.patience)
        timers.asyncAfter(deadline: .now() + .milliseconds(rest)) { self.giveUp(nonce) }
        do {
            try board.post(.answered, to: held.message.holder, about: order.question, text: text)
        } catch is FleetBoard.Uncertain {
            // It may be there, and count: what came of it is heard, or not, as of any.
        } catch {
            // Heard of already, or not there: whoever was told once is not told again.
            guard pending.withLock({ $0.removeValue(forKey: nonce) }) != nil else { return }
            let words = "it was not sent: the fleet's database did not take it"
            then(.failed(Failure("it was not sent: \(error)", words: words)))
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
