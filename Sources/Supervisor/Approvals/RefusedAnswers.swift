internal import Dispatch
internal import Model
internal import Synchronization

/// Puts answers on record that change nothing and are of no question: malformed, forged, too late, of nobody known.
///
/// Anybody on the machine can send them: of each way so many a minute have a record each, and the rest is counted.
final class RefusedAnswers: Sendable {
    /// By which way they came: noise at the one is not to hide what is forged at the other.
    enum Way: String, Sendable, CaseIterable {
        case api, link, fleet
    }

    /// Records of one way in a window of so many milliseconds: more than anybody mistypes.
    private static let most = 30
    private static let window: UInt64 = 60_000
    /// Octets of a line about one.
    private static let longest = 256

    private struct Tally {
        var began: UInt64
        var count = 0

        /// How many of them have no record.
        var missed: Int { max(0, count - RefusedAnswers.most) }
    }

    private let audit: any AuditSink
    private let now: @Sendable () -> UInt64
    private let tallies = Mutex<[Way: Tally]>([:])
    private let queue = DispatchQueue(label: "bailey.approvals.refused")

    init(_ audit: any AuditSink, now: @escaping @Sendable () -> UInt64) {
        (self.audit, self.now) = (audit, now)
    }

    /// - Parameters:
    ///   - way: by which it came.
    ///   - what: was sent, without a secret.
    ///   - reason: why it counts for nothing.
    ///   - then: called once, on any thread, when it is on record, or is one that is only counted.
    func note(
        _ way: Way,
        _ what: String,
        because reason: String,
        then: @escaping @Sendable () -> Void
    ) {
        let now = now()
        let (missed, count) = tallies.withLock { tallies in
            var tally = tallies[way] ?? Tally(began: now)
            var missed = 0
            if now - min(now, tally.began) >= Self.window {
                missed = tally.missed
                tally = Tally(began: now)
            }
            tally.count += 1
            tallies[way] = tally
            return (missed, tally.count)
        }
        if missed > 0 { tell(missed, way) }
        if count == Self.most + 1 {
            queue.asyncAfter(deadline: .now() + .milliseconds(Int(Self.window))) { self.flush() }
        }
        guard count <= Self.most else { return then() }
        let shown =
            what.utf8.count > Self.longest
            ? String(decoding: what.utf8.prefix(Self.longest), as: UTF8.self) + "…" : what
        append(way, "\(shown): \(reason)", then)
    }

    /// Puts on record how many have none: a minute after the first of them, and at the end.
    func flush() {
        let missed: [Way: Int] = tallies.withLock { tallies in
            let over = tallies.filter { $0.value.missed > 0 }.mapValues(\.missed)
            for way in over.keys { tallies[way]?.count = Self.most }
            return over
        }
        for way in Way.allCases { if let count = missed[way] { tell(count, way) } }
    }

    private func tell(_ count: Int, _ way: Way) {
        append(way, "\(count) more, of which there is no record each") {}
    }

    private func append(_ way: Way, _ reason: String, _ then: @escaping @Sendable () -> Void) {
        let record = CustodyRecord(.answerRefused, way.rawValue, reason: reason)
        audit.append(.custody(record), until: .written) { _ in then() }
    }
}
