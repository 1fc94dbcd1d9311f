internal import Model
internal import Synchronization

/// Puts answers on record that change nothing and are of no question: malformed, forged, too late, of nobody known.
///
/// Anybody on the machine can send them: so many a minute have a record each, and the rest is counted.
final class RefusedAnswers: Sendable {
    /// Records in a window of so many milliseconds: more than anybody mistypes.
    private static let most = 30
    private static let window: UInt64 = 60_000
    /// Octets of a line about one.
    private static let longest = 256

    private struct State {
        var began: UInt64 = 0
        var count = 0
    }

    private let audit: any AuditSink
    private let now: @Sendable () -> UInt64
    private let state = Mutex(State())

    init(_ audit: any AuditSink, now: @escaping @Sendable () -> UInt64) {
        (self.audit, self.now) = (audit, now)
    }

    /// - Parameters:
    ///   - way: `api`, `link`.
    ///   - what: was sent, without a secret.
    ///   - reason: why it counts for nothing.
    func note(_ way: String, _ what: String, because reason: String) {
        let now = now()
        let unrecorded: Int? = state.withLock { state in
            var missed = 0
            if now - min(now, state.began) >= Self.window {
                missed = max(0, state.count - Self.most)
                state = State(began: now)
            }
            state.count += 1
            return state.count <= Self.most ? missed : nil
        }
        guard let unrecorded else { return }
        let shown =
            what.utf8.count > Self.longest
            ? String(decoding: what.utf8.prefix(Self.longest), as: UTF8.self) + "…" : what
        let words = "\(shown): \(reason)" + (unrecorded > 0 ? "; \(unrecorded) more before it" : "")
        audit.append(.custody(CustodyRecord(.answerRefused, way, reason: words)), until: .written) { _ in }
    }
}
