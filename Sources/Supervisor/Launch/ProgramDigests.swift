internal import Crypto
internal import Dispatch
internal import Gateway
internal import Glibc
internal import Linux
package import Model
internal import Synchronization

/// SHA-256 of programs' files: evidence of what ran, never grounds for a decision.
///
/// A file is read on a thread of its own, for it may be large, or on a slow disk; what was read once is remembered.
/// Runs take turns, and what an agent that is gone asked for is not read.
package final class ProgramDigests: Sendable {
    /// Bytes hashed; a larger program has no digest in the record.
    static let maximumSize = 128 << 20
    /// Files of one run that wait to be read, each with a descriptor: more than a burst of launches has programs that
    /// are not remembered.
    package static let maximumWaiting = 64
    /// Files remembered, more than a build has programs; when they are reached all are forgotten.
    private static let maximumKnown = 4096
    /// Seconds by which a file's time may lie before the clock's: the kernel takes it from the last tick.
    private static let tick = 1

    /// One state of one file.
    private struct Version: Hashable {
        let device: UInt
        let inode: UInt
        let size: Int
        let modified: [Int]
        let changed: [Int]

        /// Nil when the file cannot be looked at.
        init?(_ descriptor: Int32) {
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0 else { return nil }
            device = status.st_dev
            inode = status.st_ino
            size = status.st_size
            modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
            changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        }
    }

    /// One file to be read for one agent.
    private final class Job: Sendable {
        let agent: AgentID
        let descriptor: OwnedDescriptor
        let then: @Sendable (String?) -> Void
        private let isGivenUp = Atomic(false)

        init(
            _ agent: AgentID,
            _ descriptor: consuming OwnedDescriptor,
            _ then: @escaping @Sendable (String?) -> Void
        ) {
            self.agent = agent
            self.descriptor = descriptor
            self.then = then
        }

        var isWanted: Bool { !isGivenUp.load(ordering: .relaxed) }

        func giveUp() { isGivenUp.store(true, ordering: .relaxed) }
    }

    private struct Line {
        var waiting = FairQueue<Job>(
            FairQueue.Limits(running: 1, runningPerAgent: 1, waitingPerAgent: maximumWaiting)
        )
        var reading: Job?
    }

    private let began: Int
    private let known = Mutex<[Version: String]>([:])
    private let line = Mutex(Line())
    private let reader = DispatchQueue(label: "bailey.digests")

    /// - Parameter began: seconds of the wall clock; a file that changed later is read each time, because an agent
    ///   may have it mapped and go on writing without another change of its times (mmap(2)).
    package init(began: Int = time(nil)) {
        self.began = began
    }

    /// The digest of an open file as far as it is remembered, in lower-case hex.
    package func remembered(_ descriptor: Int32) -> String? {
        Version(descriptor).flatMap { version in known.withLock { $0[version] } }
    }

    /// Whether one more file of this run's may wait.
    package func hasRoom(for root: AgentID) -> Bool { line.withLock { $0.waiting.hasRoom(for: root) } }

    /// Reads an open file, which the caller may close meanwhile, and says its digest on another thread.
    ///
    /// Nil when it cannot be read, is over the limit, or too many of the run's files wait.
    ///
    /// - Parameters:
    ///   - descriptor: the program's file.
    ///   - agent: whose program it is.
    ///   - root: the root agent of its run, which takes turns with others.
    ///   - then: is told the digest, unless the agent was forgotten meanwhile.
    package func read(
        _ descriptor: Int32,
        of agent: AgentID,
        under root: AgentID,
        then: @escaping @Sendable (String?) -> Void
    ) {
        let own = OwnedDescriptor(fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
        guard own.rawValue >= 0 else { return then(nil) }
        let job = Job(agent, own, then)
        guard line.withLock({ $0.waiting.add(job, for: root) }) else { return then(nil) }
        reader.async { [self] in readNext() }
    }

    /// The digest of an open file as far as it is to be had at once: remembered, or of a small file that is read here.
    ///
    /// A larger one is read for the next who asks, where it can be remembered: what an agent writes anew and anew costs it
    /// its digest, and nobody's time.
    ///
    /// - Parameters:
    ///   - descriptor: the program's file.
    ///   - agent: whose program it is.
    ///   - root: the root agent of its run.
    ///   - mayRead: a small file may be read.
    /// - Returns: lower-case hex.
    package func atOnce(
        _ descriptor: Int32,
        of agent: AgentID,
        under root: AgentID,
        mayRead: Bool
    ) -> String? {
        if let digest = remembered(descriptor) { return digest }
        guard let version = Version(descriptor) else { return nil }
        if mayRead, version.size <= Self.maximumAtOnce {
            return digest(of: descriptor, limit: Self.maximumAtOnce) { true }
        }
        if isSettled(version) { read(descriptor, of: agent, under: root) { _ in } }
        return nil
    }

    /// Bytes that are hashed in some five milliseconds: most interpreters and tools have less.
    private static let maximumAtOnce = 8 << 20

    /// Gives up what an agent's launch waits for: it is gone, or will be.
    package func forget(_ agent: AgentID, under root: AgentID) {
        let unread = line.withLock { line in
            if line.reading?.agent == agent { line.reading?.giveUp() }
            return line.waiting.removeAll(of: root) { $0.agent == agent }
        }
        // Their descriptors are closed here, outside of the lock.
        _ = consume unread
    }

    private func readNext() {
        let next = line.withLock { line in
            let next = line.waiting.next()
            line.reading = next?.job
            return next
        }
        guard let (root, job) = next else { return }
        let digest = digest(of: job)
        line.withLock { line in
            line.reading = nil
            line.waiting.finished(root)
        }
        if job.isWanted { job.then(digest) }
    }

    private func digest(of job: Job) -> String? {
        let descriptor = job.descriptor.rawValue
        // It may have been read for another meanwhile.
        return remembered(descriptor) ?? digest(of: descriptor, limit: Self.maximumSize) { job.isWanted }
    }

    private func digest(of descriptor: Int32, limit: Int, while isWanted: () -> Bool) -> String? {
        let version = Version(descriptor)
        var hash = SHA256()
        let isWhole = ReadFile.forEachChunk(of: descriptor, limit: limit) { chunk in
            hash.update(data: chunk)
            return isWanted()
        }
        guard isWhole else { return nil }
        let text = hash.finalize().hex
        if let version, version == Version(descriptor), isSettled(version) {
            known.withLock { known in
                if known.count >= Self.maximumKnown { known = [:] }
                known[version] = text
            }
        }
        return text
    }

    /// Whether it changed last before the supervisor began, so that its digest can be remembered.
    private func isSettled(_ version: Version) -> Bool { version.changed[0] < began - Self.tick }
}
