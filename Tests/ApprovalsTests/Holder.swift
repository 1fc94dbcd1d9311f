import Approvals
import Model
import Synchronization

/// A queue with a clock of the test's own, and an audit store in memory.
final class Holder: Sendable {
    let store = Store()
    let time = Clock()
    let ended = Ended()
    let revoked = Revoked()
    let queue: ApprovalQueue

    init() {
        let (store, clock, ended, revoked) = (store, time, ended, revoked)
        queue = ApprovalQueue(
            audit: store,
            now: { clock.now },
            revoked: { revoked.bar($0) },
            whenOver: { ended.add($0) }
        )
    }

    /// Who is revoked, by any of their names.
    final class Revoked: Sendable {
        private let names = Mutex<Set<ByteText>>([])
        private let unreadable = Mutex(false)
        func lose() { unreadable.withLock { $0 = true } }
        func find() { unreadable.withLock { $0 = false } }
        func add(_ name: String) { names.withLock { _ = $0.insert(ByteText(name)) } }
        func lift(_ name: String) { names.withLock { _ = $0.remove(ByteText(name)) } }

        func bar(_ who: ApproverIdentity) -> AnswerBar? {
            guard !unreadable.withLock({ $0 }) else { return .unknown("the log cannot be read") }
            return names.withLock { $0.isDisjoint(with: who.names) }
                ? nil : .revoked("\(who.principal) is revoked")
        }
    }

    /// What is said of questions that are over.
    final class Ended: Sendable {
        private let questions = Mutex<[ClosedQuestion]>([])
        var all: [ClosedQuestion] { questions.withLock { $0 } }
        func add(_ question: ClosedQuestion) { questions.withLock { $0.append(question) } }
    }

    final class Clock: Sendable {
        private let value = Mutex<UInt64>(1_000)
        var now: UInt64 { value.withLock { $0 } }
        func pass(_ milliseconds: UInt64) { value.withLock { $0 += milliseconds } }
    }

    /// Durable at once, when told to, or never.
    final class Store: AuditSink {
        private struct State {
            var records: [ApprovalRecord] = []
            var fails = false
            var waits = false
            var waiting: [@Sendable () -> Void] = []
        }
        private let state = Mutex(State())

        func append(
            _ entry: AuditEntry,
            until safety: RecordSafety,
            then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
        ) {
            let (fails, waits) = state.withLock { state in
                if case .approval(let record) = entry, !state.fails { state.records.append(record) }
                return (state.fails, state.waits)
            }
            let result: Result<Void, AuditFailure> =
                fails ? .failure(AuditFailure("disk full")) : .success(())
            if waits { return state.withLock { $0.waiting.append { then(result) } } }
            then(result)
        }

        var events: [ApprovalRecord.Event] { state.withLock { $0.records.map(\.event) } }
        var records: [ApprovalRecord] { state.withLock { $0.records } }
        func fail() { state.withLock { $0.fails = true } }
        func wait() { state.withLock { $0.waits = true } }

        func release() {
            let waiting = state.withLock { state in
                defer { state.waiting = [] }
                state.waits = false
                return state.waiting
            }
            for one in waiting { one() }
        }
    }

    static let principal = Principal(localUser: "alice", uid: 1_000)
    static let alice = Answerer(principal, program: "/usr/bin/bailey", process: 7)
    static let root = Answerer(Principal(localUser: "root", uid: 0), program: nil, process: nil)

    static func lineage(_ number: Int = 1, run: String = "0123456789ab") -> Lineage {
        Lineage(
            principal: principal,
            root: Hop(
                agent: AgentID(run: run, ordinal: number),
                name: "ci",
                profile: "ci",
                profileDigest: "00"
            )
        )
    }

    static func request(
        _ digest: String = "d1",
        agent: Int = 1,
        run: String = "0123456789ab",
        version: UInt64 = 0,
        epoch: RevocationEpoch = RevocationEpoch(),
        rules: [String] = ["ci.yaml:3"],
        terms: ApprovalTerms = ApprovalTerms()
    ) -> HeldRequest {
        let lineage = lineage(agent, run: run)
        return HeldRequest(
            lineage: lineage,
            epoch: epoch,
            version: version,
            request: Request(
                endpoint: Endpoint(scheme: .https, host: .address(IPAddress(v4: 0x0A00_0001)), port: 443),
                action: .http(method: "POST", path: "/deploy", query: nil)
            ),
            content: RequestContent(octets: 0, digest: "", context: "", preview: ""),
            digest: digest,
            demands: rules.map {
                ApprovalDemand(
                    hop: lineage.agent,
                    rule: RuleReference(text: "https://api.test: ask POST /deploy", source: $0),
                    terms: terms
                )
            }
        )
    }

    /// What one who waits has heard.
    final class Heard: Sendable {
        private let outcomes = Mutex<[HoldOutcome]>([])
        let ticket = Mutex<HoldTicket?>(nil)
        var all: [HoldOutcome] { outcomes.withLock { $0 } }
        var only: HoldOutcome? { all.count == 1 ? all[0] : nil }
        var grant: ApprovalGrant? { if case .approved(let grant) = only { grant } else { nil } }
        func add(_ outcome: HoldOutcome) { outcomes.withLock { $0.append(outcome) } }
    }

    func hold(_ request: HeldRequest = request()) -> Heard {
        let heard = Heard()
        let ticket = queue.hold(request) { heard.add($0) }
        heard.ticket.withLock { $0 = ticket }
        return heard
    }

    @discardableResult func approve(
        _ id: String? = nil,
        for life: ApprovalTerms.Life? = nil,
        by who: Answerer = alice
    ) -> AnswerOutcome? {
        let outcome = Mutex<AnswerOutcome?>(nil)
        queue.approve(id ?? queue.open().first?.id ?? "none", for: life, reason: nil, by: who) { said in
            outcome.withLock { $0 = said }
        }
        return outcome.withLock { $0 }
    }

    @discardableResult func deny(
        _ subject: AnswerSubject? = nil,
        reason: String? = nil,
        by who: Answerer = alice
    ) -> AnswerOutcome? {
        let outcome = Mutex<AnswerOutcome?>(nil)
        let named = subject ?? .question(queue.open().first?.id ?? "none")
        queue.deny(named, reason: reason, by: who) { said in outcome.withLock { $0 = said } }
        return outcome.withLock { $0 }
    }
}
