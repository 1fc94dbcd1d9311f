internal import Approvals
internal import Audit
internal import Client
internal import Dispatch
internal import Model
internal import Synchronization

/// Approvals that a fleet shares by its database: what waits here is told to other machines, and their answers are taken; what waits
/// there is shown and answered here.
final class FleetApprovals: Sendable {
    /// What is said of answers, one after the other.
    static let settling = DispatchQueue(label: "bailey.approvals.fleet.settling")

    /// Milliseconds of a connection with the API: what another machine says takes so long at most, and 5 s for what comes before.
    static let life = Int64(FleetDesk.sending + FleetDesk.patience + 5_000)

    /// Milliseconds between two readings while somebody waits.
    private static let hurried = 500

    let desk: FleetDesk
    private let board: FleetBoard
    private let holder: FleetHolder
    /// The keys of those that the operator names.
    private let machines: [String]
    private let notices: FleetNotices
    private let answers: FleetAnswers
    private let now: @Sendable () -> UInt64
    private let isStarted = Atomic(false)
    private let isOver = Atomic(false)
    private let queue = DispatchQueue(label: "bailey.approvals.fleet")

    /// Nil where `approvals.fleet` says nothing.
    ///
    /// - Parameters:
    ///   - plan: whose answers count, and who is who.
    ///   - fleet: the database.
    ///   - run: the supervisor's name, which no other has.
    ///   - approvals: what is asked here.
    ///   - audit: where answers that are sent go on record, and what masks what is told.
    ///   - refused: where answers go on record that change nothing.
    ///   - now: monotonic milliseconds.
    init?(
        _ plan: ApprovalPlan,
        _ fleet: FleetPlan?,
        run: String,
        approvals: ApprovalQueue,
        audit: AuditStore,
        refused: RefusedAnswers,
        now: @escaping @Sendable () -> UInt64
    ) {
        guard let fleet, !plan.fleet.isEmpty else { return nil }
        let board = audit.board(in: fleet)
        let holder = FleetHolder(machine: board.own, supervisor: run)
        let clock: @Sendable () -> Timestamp = { AuditStore.wallClock() }
        (self.board, self.holder, machines) = (board, holder, plan.fleet.map(\.key))
        self.now = now
        notices = FleetNotices(board, holder, HeldMask(audit), clock: clock, now: now)
        answers = FleetAnswers(board, holder, plan, approvals, refused, clock: clock, now: now)
        desk = FleetDesk(
            board,
            plan,
            audit: audit,
            refused: refused,
            revoked: { approvals.whyNothing(of: $0) },
            clock: clock,
            now: now
        )
    }

    /// Hears of others from now on; what stands alone and asks nothing needs no connection.
    func start() {
        guard !isStarted.exchange(true, ordering: .relaxed) else { return }
        queue.async { self.follow() }
    }

    /// A question waits from now on; never blocks.
    func tell(_ question: OpenQuestion) {
        start()
        notices.tell(question)
    }

    /// A question is over; never blocks.
    func tell(_ question: ClosedQuestion) { notices.tell(question) }

    /// Whether other machines were told of a question; nil where it is not known yet.
    func outcome(of id: String) -> String? { notices.outcome(of: id) }

    /// Its thread ends some seconds later.
    func stop() {
        isOver.store(true, ordering: .relaxed)
        notices.stop()
    }

    /// Reads what was notified, and what was not heard of every few seconds.
    private func follow() {
        var read = FleetBoard.Read()
        var pause = FleetLimits.pause
        var next: UInt64 = 0
        while !isOver.load(ordering: .relaxed) {
            do {
                try board.requireRole()
                let messages = try board.answers(to: holder.supervisor, of: machines, &read)
                for message in messages { answers.take(message) }
                desk.settle(try board.settled(desk.questions))
                pause = FleetLimits.pause
                if now() >= next { next = now().addingReportingOverflow(readStrangers(&read)).partialValue }
                // There is more.
                if messages.count >= FleetLimits.readAtOnce { continue }
                try board.wait(atMost: desk.questions.isEmpty ? FleetLimits.listening : Self.hurried)
                Self.rest(FleetLimits.breath)
            } catch {
                // What is wrong is told where somebody asks for what waits, or answers it.
                Self.rest(Int(pause))
                pause = min(2 * pause, FleetLimits.longestPause)
            }
        }
    }

    /// What is of no machine that is named is for the record alone: behind all else, and what fails there fails nothing.
    ///
    /// - Parameter read: what was read already.
    /// - Returns: in how many milliseconds it is read again.
    private func readStrangers(_ read: inout FleetBoard.Read) -> UInt64 {
        guard let all = try? board.strangers(to: holder.supervisor, besides: machines, &read) else {
            return FleetLimits.strangersAgain
        }
        for message in all { answers.take(message) }
        return FleetLimits.strangers
    }

    private static func rest(_ milliseconds: Int) {
        _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(milliseconds))
    }
}
