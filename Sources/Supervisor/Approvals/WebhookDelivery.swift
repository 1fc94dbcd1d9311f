internal import Approvals
internal import Audit
internal import Dispatch
internal import Model
internal import Synchronization

/// Tells one webhook of what begins to wait and of how it ended, on a thread of its own, so that a server that is slow or gone
/// holds up nobody.
///
/// What is over before it was told is not told any more, nor tried again.
final class WebhookDelivery: Sendable {
    /// Milliseconds for a server's answer.
    static let timeout: Int64 = 5_000
    /// How often a message is sent at most, in about a minute; and milliseconds before the second time, and between two.
    private static let attempts = 8
    private static let firstPause = 1_000
    private static let longestPause = 30_000

    /// What became of a question's message.
    fileprivate struct Outcome {
        enum Stage {
            case waiting, sent, told
        }

        var stage = Stage.waiting
        /// For people.
        var words: String
        /// How the question ended while its message was under way.
        var end: ClosedQuestion?
    }

    fileprivate struct State {
        var line = WebhookLine()
        /// Of questions that wait, and of those that ended while their message was under way.
        var outcomes: [String: Outcome] = [:]
        /// When the line is looked at next, and the number of that look: of two that are planned the later one is none.
        var planned: UInt64?
        var look: UInt64 = 0
        var isFailing = false
        var isStopped = false
    }

    let name: String
    /// Has what a message is signed with; may take its time.
    private let prepare: @Sendable () throws -> Void
    /// Posts a message; throws where there is no answer.
    private let post: @Sendable (SentNotice) throws -> MessageReply
    /// The message about what waits of these; nil where none does any more.
    private let asked: @Sendable ([String]) throws -> SentNotice?
    /// The message about what is over.
    private let over: @Sendable ([ClosedQuestion]) throws -> SentNotice?
    private let isOpen: @Sendable (String) -> Bool
    private let now: @Sendable () -> UInt64
    /// Puts on record that it fails, and that it is over.
    private let note: @Sendable (CustodyRecord) -> Void
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "bailey.approvals.webhook")

    init(
        _ name: String,
        prepare: @escaping @Sendable () throws -> Void,
        post: @escaping @Sendable (SentNotice) throws -> MessageReply,
        asked: @escaping @Sendable ([String]) throws -> SentNotice?,
        over: @escaping @Sendable ([ClosedQuestion]) throws -> SentNotice?,
        isOpen: @escaping @Sendable (String) -> Bool,
        now: @escaping @Sendable () -> UInt64,
        note: @escaping @Sendable (CustodyRecord) -> Void
    ) {
        (self.name, self.prepare, self.post) = (name, prepare, post)
        (self.asked, self.over) = (asked, over)
        (self.isOpen, self.now, self.note) = (isOpen, now, note)
    }

    /// A question waits from now on; never blocks.
    func tell(_ question: OpenQuestion) {
        let key = WebhookNotice.Key(question.held, isOver: false)
        state.withLock { state in
            guard !state.isStopped else { return }
            let hasRoom = state.line.add(question.id, nil, key)
            let words = hasRoom ? "not told yet" : "not told: too much waits for it"
            state.outcomes[question.id] = Outcome(words: "\(name): \(words)")
        }
        look(at: now())
    }

    /// A question is over: whoever was told of it hears how; never blocks.
    func tell(_ question: ClosedQuestion) {
        state.withLock { state in
            guard !state.isStopped, let outcome = state.outcomes[question.id] else { return }
            switch outcome.stage {
            case .waiting:
                state.line.remove(question.id, WebhookNotice.Key(question.held, isOver: false))
                state.outcomes[question.id] = nil
            case .sent: state.outcomes[question.id]?.end = question
            case .told: state.tell(question)
            }
        }
        look(at: now())
    }

    /// What became of a question's message, for people; nil where there is none.
    func outcome(of id: String) -> String? { state.withLock { $0.outcomes[id]?.words } }

    /// Sends nothing any more.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.line.removeAll()
        }
    }

    /// Looks at the line at a moment, where no earlier look is planned.
    private func look(at moment: UInt64) {
        let number: UInt64? = state.withLock { state in
            guard !state.isStopped, state.planned.map({ moment < $0 }) ?? true else { return nil }
            state.planned = moment
            state.look += 1
            return state.look
        }
        guard let number else { return }
        let now = now()
        let pause = Int(clamping: moment - min(now, moment))
        queue.asyncAfter(deadline: .now() + .milliseconds(pause)) { self.send(number) }
    }

    private func send(_ number: UInt64) {
        let now = now()
        let turn: WebhookLine.Turn = state.withLock { state in
            guard state.look == number, !state.isStopped else { return .nothing }
            state.planned = nil
            return state.next(at: now)
        }
        switch turn {
        case .nothing: return
        case .at(let moment): look(at: moment)
        case .now(let notice):
            deliver(notice)
            look(at: self.now())
        }
    }

    private func deliver(_ planned: WebhookNotice) {
        var notice = planned
        do {
            let message = try message(&notice)
            let rest = Set(notice.ids)
            state.withLock { state in
                for id in planned.ids where !rest.contains(id) { state.outcomes[id] = nil }
                if message == nil { state.line.giveBack(planned) }
            }
            if let message { attempt(notice, message) }
        } catch {
            settle(notice, "not told: \(error)", failure: "\(error)")
        }
    }

    /// What is sent now; nil where nothing of it waits any more.
    private func message(_ notice: inout WebhookNotice) throws -> SentNotice? {
        if notice.key.isOver { return try notice.sent ?? over(notice.ends) }
        notice.ids.removeAll { !isOpen($0) }
        guard !notice.ids.isEmpty else { return nil }
        // Where the first is over the next of them is what is told, under another id.
        if let sent = notice.sent, isOpen(sent.first) { return sent }
        return try asked(notice.ids)
    }

    private func attempt(_ planned: WebhookNotice, _ message: SentNotice) {
        var notice = planned
        (notice.sent, notice.attempts) = (message, planned.attempts + 1)
        let (reason, mayRepeat, wait): (String, Bool, Int?)
        do {
            try prepare()
            // That took its time: meanwhile there may be nobody left who sends.
            guard !state.withLock({ $0.isStopped }) else { return }
            let reply = try post(message)
            guard !(200...299).contains(reply.status) else { return settle(notice, "told", failure: nil) }
            // What says that it will be the same the next time is believed (RFC 9110 section 15.5).
            let passes = [408, 425, 429].contains(reply.status) || reply.status >= 500
            (reason, mayRepeat, wait) = ("it answered \(reply.status)", passes, reply.retryAfter)
        } catch {
            (reason, mayRepeat, wait) = ("\(error)", true, nil)
        }
        guard mayRepeat, notice.attempts < Self.attempts else {
            return settle(notice, "not told, given up: \(reason)", failure: reason)
        }
        let pause = Self.pause(after: notice.attempts, wait)
        notice.due = now().addingReportingOverflow(UInt64(pause)).partialValue
        let again = notice
        state.withLock { if !$0.isStopped { $0.line.add(again: again) } }
        settle(
            notice,
            "not told yet, tried \(notice.attempts) times: \(reason)",
            failure: reason,
            isLast: false
        )
    }

    /// Twice as long each time, by chance up to half of it shorter, so that many do not come at once.
    private static func pause(after number: Int, _ wait: Int?) -> Int {
        let doubled = min(longestPause, firstPause << min(number - 1, 16))
        let asked = min(longestPause / 1_000, max(0, wait ?? 0)) * 1_000
        return max(asked, Int.random(in: doubled / 2...doubled))
    }

    private func settle(_ notice: WebhookNotice, _ words: String, failure: String?, isLast: Bool = true) {
        let hasChanged = state.withLock { state in
            for id in notice.key.isOver ? [] : notice.ids {
                state.settle(id, "\(name): \(words)", isTold: failure == nil, isLast: isLast)
            }
            defer { state.isFailing = failure != nil }
            return state.isFailing != (failure != nil)
        }
        guard hasChanged else { return }
        note(CustodyRecord(failure == nil ? .noticeResumed : .noticeFailed, name, reason: failure))
    }
}

extension WebhookDelivery.State {
    /// Whose turn it is; from now on a server may have heard of it.
    fileprivate mutating func next(at now: UInt64) -> WebhookLine.Turn {
        let turn = line.next(at: now)
        if case .now(let notice) = turn, !notice.key.isOver {
            for id in notice.ids { outcomes[id]?.stage = .sent }
        }
        return turn
    }

    /// What became of a question's message; how the question ended meanwhile is told to whom it was told.
    fileprivate mutating func settle(_ id: String, _ words: String, isTold: Bool, isLast: Bool) {
        guard let outcome = outcomes[id] else { return }
        outcomes[id]?.words = words
        guard isLast else { return }
        // Of what nobody was told nobody hears how it ends.
        outcomes[id]?.stage = isTold ? .told : .waiting
        guard let end = outcome.end else { return }
        if isTold { tell(end) } else { outcomes[id] = nil }
    }

    /// Puts into the line how a question ended; where there is no room nobody hears of it.
    fileprivate mutating func tell(_ end: ClosedQuestion) {
        _ = line.add(end.id, end, WebhookNotice.Key(end.held, isOver: true))
        outcomes[end.id] = nil
    }
}
