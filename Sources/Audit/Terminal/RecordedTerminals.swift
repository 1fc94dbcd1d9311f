internal import Synchronization

/// Octets that each run has recorded of terminals: together with its bodies they stay within the run's limit, however many
/// terminals its agents open one after the other.
package final class RecordedTerminals: Sendable {
    private let runs = Mutex<[String: UInt64]>([:])

    package init() {}

    func octets(of run: String) -> UInt64 { runs.withLock { $0[run] ?? 0 } }

    /// Counts some more, where they find room beside the run's bodies; false where they do not.
    func take(_ count: UInt64, of run: String, beside bodies: UInt64, upTo limit: UInt64) -> Bool {
        runs.withLock { runs in
            let (sum, isBeyond) = (runs[run] ?? 0).addingReportingOverflow(count)
            let (all, isTooMuch) = sum.addingReportingOverflow(bodies)
            guard !isBeyond, !isTooMuch, all <= limit else { return false }
            runs[run] = sum
            return true
        }
    }

    /// What was counted and could not be written.
    func giveBack(_ count: UInt64, of run: String) {
        runs.withLock { runs in
            guard let octets = runs[run] else { return }
            runs[run] = octets - min(octets, count)
        }
    }

    /// The run is over: nothing more of it is recorded.
    package func forget(_ run: String) { runs.withLock { _ = $0.removeValue(forKey: run) } }
}
