internal import Dispatch
internal import Gateway
internal import Model
internal import Synchronization

/// Looks through folders that agents may write, on a thread of its own: there may be many, or on a slow disk.
///
/// In slices, between which runs take turns; one run's are done one after the other.
final class FolderWork: Sendable {
    /// What of one run's may wait: as many as an agent may have launches under way.
    static let maximumWaiting = 64
    /// Folders and files of one slice: some milliseconds.
    static let slice = 4_096

    /// One thing to do.
    final class Job: Sendable {
        fileprivate let work: @Sendable () -> Bool
        private let isGivenUp = Atomic(false)

        /// `work` does a slice, and says whether it was the last.
        init(_ work: @escaping @Sendable () -> Bool) { self.work = work }

        fileprivate var isWanted: Bool { !isGivenUp.load(ordering: .relaxed) }

        /// Nobody waits for it any more.
        func giveUp() { isGivenUp.store(true, ordering: .relaxed) }
    }

    private let line = Mutex(
        FairQueue<Job>(
            FairQueue.Limits(running: 1, runningPerAgent: 1, waitingPerAgent: maximumWaiting)
        )
    )
    private let thread = DispatchQueue(label: "bailey.folders")

    /// Begins a job of a run's; false when too many of that run's wait.
    func begin(_ job: Job, for root: AgentID) -> Bool {
        guard line.withLock({ $0.add(job, for: root) }) else { return false }
        thread.async { [self] in advance() }
        return true
    }

    private func advance() {
        guard let (root, job) = line.withLock({ $0.next() }) else { return }
        let isDone = !job.isWanted || job.work()
        let goesOn = line.withLock { line in
            line.finished(root)
            if !isDone { line.putBack(job, for: root) }
            return !isDone
        }
        if goesOn { thread.async { [self] in advance() } }
    }
}
