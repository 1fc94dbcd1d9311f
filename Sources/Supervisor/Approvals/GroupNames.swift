package import Model
internal import Synchronization

/// What groups of this machine are called, as rules name them; each is looked up once a minute at most.
package final class GroupNames: Sendable {
    /// Milliseconds for which an answer of the group database is taken for good: whoever answers several questions does so at once.
    package static let memory: UInt64 = 60_000
    /// Groups in it: what one process can be in (credentials(7), NGROUPS_MAX), a sixteenth of it for each who may be connected.
    package static let most = 4_096

    private struct Known {
        let name: ByteText?
        let since: UInt64
    }

    private let known = Mutex<[UInt32: Known]>([:])
    private let now: @Sendable () -> UInt64
    private let lookUp: @Sendable (UInt32) -> String?

    /// - Parameters:
    ///   - now: monotonic milliseconds.
    ///   - lookUp: what a number is called; may take a while.
    package init(now: @escaping @Sendable () -> UInt64, lookUp: @escaping @Sendable (UInt32) -> String?) {
        (self.now, self.lookUp) = (now, lookUp)
    }

    /// The names of those that have one.
    package func names(of groups: Set<UInt32>) -> Set<ByteText> { Set(groups.compactMap(name)) }

    private func name(of group: UInt32) -> ByteText? {
        let time = now()
        if let known = known.withLock({ $0[group] }), time - min(time, known.since) < Self.memory {
            return known.name
        }
        let name = lookUp(group).flatMap { ApproverGroup.local($0) }
        known.withLock { known in
            if known.count >= Self.most { known.removeAll() }
            known[group] = Known(name: name, since: time)
        }
        return name
    }
}
