internal import Approvals
internal import Audit
internal import Dispatch
internal import Model
internal import Synchronization

/// Tells one webhook of what begins to wait, on a thread of its own, so that a server that is slow or gone holds up nobody.
///
/// Questions of one agent by the same rules are one message, and the next of them comes after a pause. What is over is not told
/// any more, nor tried again.
final class WebhookDelivery: Sendable {
    /// Milliseconds between two messages about one agent and rule.
    private static let spacing: UInt64 = 10_000
    /// Milliseconds for a server's answer.
    static let timeout: Int64 = 5_000
    /// How often a message is sent at most, in about a minute; and milliseconds before the second time, and between two.
    private static let attempts = 8
    private static let firstPause = 500
    private static let longestPause = 30_000

    /// What questions have in common that become one message.
    private struct Key: Hashable {
        let agent: AgentID
        let rules: [ByteText]
    }

    private struct State {
        /// Questions that nobody was told of, by what they have in common; no more than there may be questions.
        var waiting: [Key: [String]] = [:]
        /// When such a message was sent last, monotonic milliseconds.
        var sent: [Key: UInt64] = [:]
        /// What became of a question's message.
        var outcomes: [String: String] = [:]
        var isFailing = false
        var isStopped = false
    }

    let name: String
    /// Posts a body under a message's id; throws where it was not taken.
    private let post: @Sendable (_ body: String, _ id: String) throws -> MessageReply
    /// The message about the first of these; nil where none of them waits any more.
    private let compose: @Sendable ([String]) throws -> (body: String, first: String)?
    private let isOpen: @Sendable (String) -> Bool
    private let now: @Sendable () -> UInt64
    /// Puts on record that it fails, and that it is over.
    private let note: @Sendable (CustodyRecord) -> Void
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "bailey.approvals.webhook")

    init(
        _ name: String,
        post: @escaping @Sendable (String, String) throws -> MessageReply,
        compose: @escaping @Sendable ([String]) throws -> (body: String, first: String)?,
        isOpen: @escaping @Sendable (String) -> Bool,
        now: @escaping @Sendable () -> UInt64,
        note: @escaping @Sendable (CustodyRecord) -> Void
    ) {
        (self.name, self.post, self.compose) = (name, post, compose)
        (self.isOpen, self.now, self.note) = (isOpen, now, note)
    }

    /// A question waits from now on; never blocks.
    func tell(_ question: OpenQuestion) {
        let key = Key(
            agent: question.held.agent,
            rules: question.held.demands.map { ByteText($0.rule.name) }
        )
        let now = now()
        let delay: UInt64? = state.withLock { state in
            guard !state.isStopped else { return nil }
            state.sent = state.sent.filter { now - min(now, $0.value) < Self.spacing }
            state.waiting[key, default: []].append(question.id)
            state.outcomes[question.id] = "\(name): not told yet"
            guard state.waiting[key]?.count == 1 else { return nil }
            return state.sent[key].map { Self.spacing - (now - min(now, $0)) } ?? 0
        }
        forgetClosed()
        guard let delay else { return }
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(clamping: delay))) { self.send(key) }
    }

    /// What became of a question's message, for people; nil where there is none.
    func outcome(of id: String) -> String? { state.withLock { $0.outcomes[id] } }

    /// Sends nothing any more.
    func stop() { state.withLock { $0.isStopped = true } }

    private func forgetClosed() {
        let known = state.withLock {
            $0.outcomes.count > 2 * ApprovalLimits.questions ? Array($0.outcomes.keys) : []
        }
        let over = known.filter { !isOpen($0) }
        state.withLock { state in for id in over { state.outcomes[id] = nil } }
    }

    private func send(_ key: Key) {
        let now = now()
        let told: [String] = state.withLock { state in
            guard !state.isStopped else { return [] }
            return state.waiting.removeValue(forKey: key) ?? []
        }
        let ids = told.filter { isOpen($0) }
        guard !ids.isEmpty, let message = message(ids) else { return }
        state.withLock { $0.sent[key] = now }
        attempt(1, message)
    }

    /// Nil where none waits any more, or it cannot be written.
    private func message(_ ids: [String]) -> Message? {
        do {
            return try compose(ids).map { Message(body: $0.body, first: $0.first, ids: ids) }
        } catch {
            settle(ids, "not told: \(error)", failure: "\(error)")
            return nil
        }
    }

    private struct Message: Sendable {
        let body: String
        let first: String
        let ids: [String]
    }

    private func attempt(_ number: Int, _ planned: Message) {
        let ids = planned.ids.filter { isOpen($0) }
        guard !state.withLock({ $0.isStopped }), !ids.isEmpty else { return }
        // Where the first is over the next of them is what is told.
        let isGood = ids.contains { $0.isSame(as: planned.first) }
        guard let message = isGood ? planned : message(ids) else { return }
        let (reason, mayRepeat, wait): (String, Bool, Int?)
        do {
            let reply = try post(message.body, "approval-\(message.first)")
            guard !(200...299).contains(reply.status) else {
                return settle(message.ids, "told", failure: nil)
            }
            // What says that it will be the same the next time is believed (RFC 9110 section 15.5).
            let passes = [408, 425, 429].contains(reply.status) || reply.status >= 500
            (reason, mayRepeat, wait) = ("it answered \(reply.status)", passes, reply.retryAfter)
        } catch {
            (reason, mayRepeat, wait) = ("\(error)", true, nil)
        }
        guard mayRepeat, number < Self.attempts else {
            return settle(message.ids, "not told, given up: \(reason)", failure: reason)
        }
        settle(message.ids, "not told yet, tried \(number) times: \(reason)", failure: reason)
        queue.asyncAfter(deadline: .now() + .milliseconds(Self.pause(after: number, wait))) {
            self.attempt(number + 1, message)
        }
    }

    /// Twice as long each time, by chance up to half of it shorter, so that many do not come at once.
    private static func pause(after number: Int, _ wait: Int?) -> Int {
        let doubled = min(longestPause, firstPause << min(number - 1, 16))
        let asked = min(
            longestPause,
            wait.map { $0.multipliedReportingOverflow(by: 1_000).partialValue } ?? 0
        )
        return max(asked, Int.random(in: doubled / 2...doubled))
    }

    private func settle(_ ids: [String], _ words: String, failure: String?) {
        let hasChanged = state.withLock { state in
            for id in ids { state.outcomes[id] = "\(name): \(words)" }
            defer { state.isFailing = failure != nil }
            return state.isFailing != (failure != nil)
        }
        guard hasChanged else { return }
        note(CustodyRecord(failure == nil ? .noticeResumed : .noticeFailed, name, reason: failure))
    }
}
