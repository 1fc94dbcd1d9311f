internal import Synchronization

/// How long terminals that have ended wait for front-ends that do not take what is left of them.
///
/// Each waits with a thread and descriptors, and its agent counts nowhere any more: a run whose front-ends, inside its agents, read nothing has
/// a few of these, and the rest leave sooner. The user's own terminal, that of a run's first agent, is one, and does not pay for those.
package final class TerminalFarewells: Sendable {
    /// Terminals of one run that wait for long: more than people look at.
    package static let most = 16
    /// Milliseconds: who stopped a screen to read it goes on within that.
    package static let long: UInt64 = 10_000
    /// Milliseconds beyond `most`: who reads at all has read it by then.
    package static let short: UInt64 = 1_000

    /// By run.
    private let waiting = Mutex<[String: Int]>([:])

    package init() {}

    /// Milliseconds for one more of a run, or the user's own, which is of none; `leave` follows.
    package func enter(_ run: String?) -> UInt64 {
        guard let run else { return Self.long }
        return waiting.withLock { waiting in
            waiting[run, default: 0] += 1
            return waiting[run, default: 0] > Self.most ? Self.short : Self.long
        }
    }

    /// One of them has left.
    package func leave(_ run: String?) {
        guard let run else { return }
        waiting.withLock { waiting in
            let left = (waiting[run] ?? 0) - 1
            waiting[run] = left > 0 ? left : nil
        }
    }
}
