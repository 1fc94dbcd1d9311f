/// What was done about the log itself, or failed: a copy of its end, what is kept for longer, what was removed; and what became of
/// the ways to those who answer questions, which are no agent's.
package struct CustodyRecord: Sendable, Hashable, Codable {
    package enum Event: String, Sendable, Hashable, Codable {
        /// A checkpoint could not be written elsewhere; the log itself goes on.
        case checkpointFailed = "checkpoint-failed"
        /// One could again, after that.
        case checkpointResumed = "checkpoint-resumed"
        /// What is on record of the subject is not pruned until it is released.
        case held
        case released
        /// Records are removed, and a signed statement stands in their place: first what is begun, then what was done.
        case pruned
        /// The supervisor could not prune by itself; the log goes on.
        case pruningFailed = "pruning-failed"
        /// It could again, after that.
        case pruningResumed = "pruning-resumed"
        /// A webhook could not be told of a question.
        case noticeFailed = "notice-failed"
        /// It could again, after that.
        case noticeResumed = "notice-resumed"
        /// An answer that came over the API, by a link or from another machine, and changes nothing: malformed, too late, or of
        /// nobody known.
        case answerRefused = "answer-refused"
        /// An answer that was given here goes to the machine of the fleet that holds what is asked.
        case answerSent = "answer-sent"
    }

    package let event: Event
    /// The run, agent or principal that is held, the place that checkpoints go to, how much is removed, the webhook, or how
    /// the answer came.
    package let subject: String
    /// Who said so; nil for the supervisor itself.
    package let by: Principal?
    package let reason: String?
    /// The runs that a pruning was begun of; empty for all else.
    package let runs: [String]

    package init(
        _ event: Event,
        _ subject: String,
        by: Principal? = nil,
        reason: String? = nil,
        runs: [String] = []
    ) {
        self.event = event
        self.subject = subject
        self.by = by
        self.reason = reason
        self.runs = runs
    }
}
