internal import Model

extension CustodyRecord.Event {
    /// Something could not be done, or was refused.
    var isFailure: Bool {
        switch self {
        case .checkpointFailed, .pruningFailed, .noticeFailed, .answerRefused: true
        case .checkpointResumed, .held, .released, .pruned, .pruningResumed, .noticeResumed, .answerSent:
            false
        }
    }

    /// About the log, and not about the ways to those who answer.
    var isOfLog: Bool {
        switch self {
        case .checkpointFailed, .checkpointResumed, .held, .released, .pruned, .pruningFailed,
            .pruningResumed:
            true
        case .noticeFailed, .noticeResumed, .answerRefused, .answerSent: false
        }
    }
}
