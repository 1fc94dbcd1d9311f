internal import Model

extension CustodyRecord.Event {
    /// Something could not be done, or was refused.
    var isFailure: Bool {
        switch self {
        case .checkpointFailed, .noticeFailed, .answerRefused: true
        case .checkpointResumed, .held, .released, .pruned, .noticeResumed: false
        }
    }

    /// About the log, and not about the ways to those who answer.
    var isOfLog: Bool {
        switch self {
        case .checkpointFailed, .checkpointResumed, .held, .released, .pruned: true
        case .noticeFailed, .noticeResumed, .answerRefused: false
        }
    }
}
