internal import Approvals
internal import Audit
internal import Dispatch
internal import Model
internal import Synchronization

/// Takes answers that were given on other machines to what waits here: each is what a machine that the operator names has signed, for
/// this very request, in time and once, or it changes nothing and is on record.
final class FleetAnswers: Sendable {
    /// Answers of one machine that are looked at within a window of so many milliseconds: five of each second, far more than people
    /// give.
    private static let most = 300
    private static let window: UInt64 = 60_000
    /// Nonces of one machine that are remembered, and milliseconds for which: longer than an answer is good, with its clock's error.
    private static let maximumNonces = 4_096
    private static let remembered: UInt64 = 600_000
    private static let nonceDigits = 32

    /// Of one machine.
    private struct Tally {
        var began: UInt64 = 0
        var count = 0
        /// With the monotonic moment from which on each may be forgotten.
        var nonces: [ByteText: UInt64] = [:]
    }

    private let board: FleetBoard
    private let holder: FleetHolder
    private let plan: ApprovalPlan
    private let approvals: ApprovalQueue
    private let refused: RefusedAnswers
    private let clock: @Sendable () -> Timestamp
    private let now: @Sendable () -> UInt64
    /// By the keys of the machines that the operator names.
    private let tallies = Mutex<[String: Tally]>([:])

    init(
        _ board: FleetBoard,
        _ holder: FleetHolder,
        _ plan: ApprovalPlan,
        _ approvals: ApprovalQueue,
        _ refused: RefusedAnswers,
        clock: @escaping @Sendable () -> Timestamp,
        now: @escaping @Sendable () -> UInt64
    ) {
        (self.board, self.holder, self.plan) = (board, holder, plan)
        (self.approvals, self.refused, self.clock, self.now) = (approvals, refused, clock, now)
    }

    /// Takes one; nil for a row that is no message.
    func take(_ message: FleetMessage?) {
        guard let message, message.kind == .answered else {
            return refuse("a row for an answer", "it is malformed")
        }
        let what = "an answer to \(message.question)"
        guard let machine = plan.fleet.first(where: { $0.key.isSame(as: message.chain) }) else {
            return refuse(what, "it is of no machine that approvals.fleet names")
        }
        guard message.isGenuine, message.holder.isSame(as: holder) else {
            return refuse("\(what) in the name of \(machine.name)", "it is not signed by that machine's key")
        }
        // Behind that: what others put there in its name is not to hold up its own.
        guard counts(of: machine) else {
            return refuse(
                "\(what) of \(machine.name)",
                "more than \(Self.most) answers of it came within \(Self.window / 1_000) s"
            )
        }
        guard let answer = FleetText.value(FleetAnswer.self, message.text),
            answer.question.isSame(as: message.question), answer.nonce.utf8.count == Self.nonceDigits
        else { return refuse("\(what) of \(machine.name)", "it is malformed") }
        obey(answer, from: machine)
    }

    private func obey(_ answer: FleetAnswer, from machine: ApprovalPlan.Machine) {
        let what =
            "one of \(answer.subject) on \(machine.name) that \(answer.approves ? "approves" : "denies") \(answer.question)"
        // Says nothing to anybody: whoever gave it hears what comes of the one that came first.
        guard let isNew = remember(answer.nonce, of: machine) else {
            return refuse(what, "too many answers came lately to tell it from one of them")
        }
        guard isNew else { return refuse(what, "it was sent before") }
        do throws(FleetRefusal) {
            try requireFresh(answer)
            guard let question = approvals.open(named: answer.question) else {
                refuse(what, Self.unknown)
                return settle(.unknown, answer)
            }
            let who = try answerer(answer, from: machine, to: question)
            let life = try Self.life(of: answer)
            carryOut(answer, life, by: who) { outcome in
                if outcome == .unknown { self.refuse(what, Self.unknown) }
                self.settle(outcome, answer)
            }
        } catch {
            refuse(what, error.description)
            settle(.refused(error.description), answer)
        }
    }

    private static let unknown = "nothing of that name waits: it was answered, or its time is over"

    /// Whoever kept it has nothing of it.
    private func requireFresh(_ answer: FleetAnswer) throws(FleetRefusal) {
        let time = clock().milliseconds
        guard (time - FleetLimits.skew...time + FleetLimits.skew).contains(answer.time) else {
            throw FleetRefusal(
                "it was given more than \(FleetLimits.skew / 1_000) s before or after now, by the two machines' clocks"
            )
        }
    }

    /// Whether it came for the first time; nil where there is no room to know.
    private func remember(_ nonce: String, of machine: ApprovalPlan.Machine) -> Bool? {
        let now = now()
        return tallies.withLock { tallies in
            var tally = tallies[machine.key] ?? Tally()
            defer { tallies[machine.key] = tally }
            if tally.nonces.count >= Self.maximumNonces {
                tally.nonces = tally.nonces.filter { $0.value > now }
            }
            guard tally.nonces.count < Self.maximumNonces else { return nil }
            let until = now.addingReportingOverflow(Self.remembered).partialValue
            return tally.nonces.updateValue(until, forKey: ByteText(nonce)) == nil
        }
    }

    /// Who answers that very request; nobody does their own by another machine.
    private func answerer(
        _ answer: FleetAnswer,
        from machine: ApprovalPlan.Machine,
        to question: OpenQuestion
    ) throws(FleetRefusal) -> Answerer {
        let held = question.held
        guard answer.digest.isSame(as: held.digest), answer.agent.isSame(as: held.agent.text) else {
            throw FleetRefusal(
                "it is for another request: this one is of agent \(held.agent.text), and its digest \(held.digest)"
            )
        }
        let identity = try plan.identity(
            of: answer.subject,
            alsoKnownAs: answer.names,
            groups: answer.groups,
            on: machine
        )
        guard !answer.approves || !identity.isSame(as: question.held.lineage.principal) else {
            throw FleetRefusal(
                "\(identity.principal) is who started the run, and approves nothing of it by another machine"
            )
        }
        let way = answer.via.flatMap { Self.isPlain($0) ? ", \($0)" : nil } ?? ""
        return Answerer(identity, program: nil, process: nil, via: "fleet \(machine.name)\(way)")
    }

    /// Octets of how an answer came to another machine.
    private static let longestWay = 256

    private static func isPlain(_ way: String) -> Bool {
        way.utf8.count <= longestWay && Revocation.accepts(reason: way)
    }

    private static func life(of answer: FleetAnswer) throws(FleetRefusal) -> ApprovalTerms.Life? {
        guard answer.reason.map({ Revocation.accepts(reason: $0) }) ?? true else {
            throw FleetRefusal("its reason is not one line of at most \(Revocation.maximumReason) octets")
        }
        guard let text = answer.life else { return nil }
        guard answer.approves, let life = ApprovalTerms.Life(said: text) else {
            throw FleetRefusal("what it is for is neither once, agent, nor a time of at most 24h")
        }
        return life
    }

    private func carryOut(
        _ answer: FleetAnswer,
        _ life: ApprovalTerms.Life?,
        by who: Answerer,
        then: @escaping @Sendable (AnswerOutcome) -> Void
    ) {
        if answer.approves {
            approvals.approve(answer.question, for: life, reason: answer.reason, by: who, then: then)
        } else {
            approvals.deny(.question(answer.question), reason: answer.reason, by: who, then: then)
        }
    }

    /// Says what came of it; where that does not get there, whoever answered hears of nothing in time.
    private func settle(_ outcome: AnswerOutcome, _ answer: FleetAnswer) {
        guard let text = try? FleetText.octets(FleetSettlement(outcome, to: answer.nonce)) else { return }
        let (board, holder) = (board, holder)
        FleetApprovals.settling.async {
            try? board.post(.settled, to: holder, about: answer.question, text: text)
        }
    }

    private func refuse(_ what: String, _ reason: String) {
        refused.note(.fleet, TerminalText.escaped(what), because: reason) {}
    }

    private func counts(of machine: ApprovalPlan.Machine) -> Bool {
        let now = now()
        return tallies.withLock { tallies in
            var tally = tallies[machine.key] ?? Tally()
            if now - min(now, tally.began) >= Self.window { (tally.began, tally.count) = (now, 0) }
            tally.count += 1
            tallies[machine.key] = tally
            return tally.count <= Self.most
        }
    }
}
