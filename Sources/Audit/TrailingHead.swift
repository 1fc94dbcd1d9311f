internal import Synchronization

/// Moves the head behind the records that are on the disk: at once when it has rested for a while, else within
/// `AuditLimits.headDelay`, because a signature for every few records is what a busy gateway spends most on.
final class TrailingHead: Sendable {
    private struct State {
        /// The last head whose records are on the disk; nil when the file has it.
        var reached: Head?
        var moved: ContinuousClock.Instant?
    }

    private let file: HeadFile
    private let key: SigningKey
    private let state = Mutex(State())

    init(_ file: HeadFile, key: SigningKey) {
        self.file = file
        self.key = key
    }

    /// Whether the file is behind.
    var isBehind: Bool { state.withLock { $0.reached != nil } }

    /// The records up to this head are on the disk; throws when the file was to move and did not.
    func reached(_ head: Head) throws {
        let isDue = state.withLock { state in
            state.reached = head
            guard let moved = state.moved else { return true }
            return moved.duration(to: .now) >= .milliseconds(AuditLimits.headDelay)
        }
        if isDue { try catchUp() }
    }

    /// Moves the file to the last head; after a failure the next record tries again before it counts as safe.
    func catchUp() throws {
        guard let head = state.withLock({ $0.reached }) else { return }
        state.withLock { $0.moved = nil }
        try file.advance(to: head, key: key)
        state.withLock { state in
            if state.reached == head { state.reached = nil }
            state.moved = .now
        }
    }
}
