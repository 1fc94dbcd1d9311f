/// What one supervisor keeps of questions and approvals: agents cause both.
package enum ApprovalLimits {
    /// Questions of one agent that wait at a time: more than anybody reads before the first of them is over.
    package static let questionsPerAgent = 32
    /// Questions of one run that wait at a time: a quarter of `questions`, so that no run's agents together leave none for others.
    package static let questionsPerRun = 64
    /// Questions of all agents that wait at a time; at 10 KB each they take 3 MB.
    package static let questions = 256
    /// Questions of one agent that are put to people within `window`: two each second is a flood.
    package static let questionsPerWindow = 120
    /// Milliseconds.
    package static let window: UInt64 = 60_000
    /// Who may wait for one answer: as many connections as an agent may have.
    package static let waiters = 512
    /// Milliseconds in which an approval for one request is good that nobody waits for any more: a client that gave up tries
    /// again sooner, or not at all.
    package static let unspent: UInt64 = 600_000
    /// Approvals of one agent that are kept; the one that ends first goes first.
    package static let grantsPerAgent = 256
    /// Answers to one question that were refused and are on record: more than one person's mistakes.
    package static let refusedAnswers = 16
    /// Octets of a reason: it stands in the refusal, of which some are one line of a protocol.
    package static let reason = 512
}
