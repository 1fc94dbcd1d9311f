internal import Synchronization

/// The time in which an agent, or a principal's agents, may act: ends once, by a revocation, for all below in one store.
///
/// Each agent's hangs below its parent's, and a root agent's below its principal's: whoever asks looks up the chain, so that
/// nobody has to be told, and nobody can be forgotten. What must not outlive it asks twice: when it is decided, and when it
/// takes effect.
package final class RevocationEpoch: Sendable {
    private let above: RevocationEpoch?
    private let hasEnded = Atomic(false)
    private let word = Mutex<Revocation?>(nil)

    package init(below above: RevocationEpoch? = nil) {
        self.above = above
    }

    /// Ends it; the first word stays.
    package func end(by revocation: Revocation) {
        word.withLock { $0 = $0 ?? revocation }
        hasEnded.store(true, ordering: .releasing)
    }

    /// Whether it, or one above it, has ended.
    package var isOver: Bool { ended != nil }

    /// What ended it, or one above it: the nearest.
    package var revocation: Revocation? { ended?.word.withLock { $0 } }

    private var ended: RevocationEpoch? {
        var epoch: RevocationEpoch? = self
        while let next = epoch {
            if next.hasEnded.load(ordering: .acquiring) { return next }
            epoch = next.above
        }
        return nil
    }
}
