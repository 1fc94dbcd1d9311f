internal import Approvals
internal import Model

/// One message to a webhook, sent or not: about questions of one agent by the same rules.
struct WebhookNotice: Sendable {
    /// What questions have in common that become one message.
    struct Key: Hashable, Sendable {
        let agent: AgentID
        let rules: [ByteText]
        /// That they are over, and not that they wait.
        let isOver: Bool

        init(_ held: HeldRequest, isOver: Bool) {
            agent = held.agent
            rules = held.demands.map { ByteText($0.rule.name) }
            self.isOver = isOver
        }
    }

    let key: Key
    /// Questions that it tells of.
    var ids: [String]
    /// How these ended, where that is what it tells.
    var ends: [ClosedQuestion] = []
    /// How often it was sent, and when it is again, monotonic milliseconds.
    var attempts = 0
    var due: UInt64 = 0
    /// What was sent, and is once more; nil before.
    var sent: SentNotice?

    /// Whether one more goes with the others.
    var hasRoom: Bool { attempts == 0 && ids.count < ApprovalMessage.most }
}

/// A message's text, under an id that is the same in each attempt (Standard Webhooks 1.0, "Webhook Headers").
struct SentNotice: Sendable {
    let id: String
    let body: String
    /// The question that stands in it first.
    let first: String
}

/// Messages that wait, and whose turn it is: of runs by turns, and within a run of agents, so that nobody's many come before
/// another's one.
struct WebhookLine: Sendable {
    /// Milliseconds between two messages about one agent and rule.
    static let spacing: UInt64 = 10_000
    /// Milliseconds between any two: Slack takes one a second (docs.slack.dev/apis/web-api/rate-limits, "Incoming webhooks").
    static let pace: UInt64 = 1_000
    /// How many wait at most: all questions that there may be, and as many that are over.
    private static let most = 2 * ApprovalLimits.questions

    enum Turn: Sendable {
        case now(WebhookNotice)
        /// Nothing before this moment.
        case at(UInt64)
        case nothing
    }

    private var waiting: [WebhookNotice] = []
    /// When a message of that kind was sent last, and one of that run and agent: monotonic milliseconds.
    private var sent: [WebhookNotice.Key: UInt64] = [:]
    private var runs: [String: UInt64] = [:]
    private var agents: [AgentID: UInt64] = [:]
    private var last: UInt64?

    /// One more question; false where there is no room for it.
    mutating func add(_ id: String, _ end: ClosedQuestion?, _ key: WebhookNotice.Key) -> Bool {
        if let place = waiting.lastIndex(where: { $0.key == key }), waiting[place].hasRoom {
            waiting[place].ids.append(id)
            if let end { waiting[place].ends.append(end) }
            return true
        }
        guard waiting.count < Self.most else { return false }
        waiting.append(WebhookNotice(key: key, ids: [id], ends: end.map { [$0] } ?? []))
        return true
    }

    /// Once more, since it was not taken: it had its room.
    mutating func add(again notice: WebhookNotice) { waiting.append(notice) }

    /// A question that is over before anything was sent of it.
    mutating func remove(_ id: String, _ key: WebhookNotice.Key) {
        for place in waiting.indices where waiting[place].key == key && waiting[place].attempts == 0 {
            waiting[place].ids.removeAll { $0.isSame(as: id) }
        }
        waiting.removeAll { $0.ids.isEmpty }
    }

    mutating func removeAll() { waiting = [] }

    /// Takes out whose turn it is.
    mutating func next(at now: UInt64) -> Turn {
        forget(now)
        let dues = waiting.map(due)
        guard let first = dues.min() else { return .nothing }
        let moment = max(first, last.map { $0.addingReportingOverflow(Self.pace).partialValue } ?? 0)
        guard moment <= now else { return .at(moment) }
        let place = waiting.indices.filter { dues[$0] <= now }.min { rank(waiting[$0]) < rank(waiting[$1]) }
        guard let place else { return .nothing }
        let notice = waiting.remove(at: place)
        (last, runs[notice.key.agent.run], agents[notice.key.agent]) = (now, now, now)
        if notice.attempts == 0 { sent[notice.key] = now }
        return .now(notice)
    }

    /// Nothing was sent after all.
    mutating func giveBack(_ notice: WebhookNotice) {
        last = nil
        if notice.attempts == 0 { sent[notice.key] = nil }
    }

    private func due(_ notice: WebhookNotice) -> UInt64 {
        guard notice.attempts == 0 else { return notice.due }
        return sent[notice.key].map { $0.addingReportingOverflow(Self.spacing).partialValue } ?? 0
    }

    /// What waits is told before what is over; of equals the oldest is first.
    private func rank(_ notice: WebhookNotice) -> (UInt64, UInt64, Int) {
        let agent = notice.key.agent
        return (runs[agent.run] ?? 0, agents[agent] ?? 0, notice.key.isOver ? 1 : 0)
    }

    /// What was sent so long ago that it says nothing any more.
    private mutating func forget(_ now: UInt64) {
        func isRecent(_ moment: UInt64) -> Bool { now - min(now, moment) < Self.spacing }
        sent = sent.filter { isRecent($0.value) }
        runs = runs.filter { isRecent($0.value) }
        agents = agents.filter { isRecent($0.value) }
    }
}
