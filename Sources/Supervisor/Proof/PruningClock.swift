internal import Audit
package import Model

/// Holds the clock of the wall against time that nobody sets: by a clock that is ahead all that is on record is too old.
///
/// It knows what the clock said at its start, and when the last run before that was on record. A clock that was wrong then already, and
/// in that run, it does not find out.
package struct PruningClock: Sendable {
    /// Milliseconds that the clock may gain: what a checkpoint's may be ahead, and more than one is set by while it is kept right.
    private static let tolerance: Int64 = 300_000
    /// Milliseconds without a run that are nothing to wonder at, however short records are kept.
    private static let usualPause: UInt64 = 86_400_000

    /// What the clock said, and how long the machine ran.
    private var anchor: (clock: Timestamp, uptime: UInt64)
    /// Milliseconds between the last run's record before the start, and the start; nil where there is none.
    private let pause: Int64?

    package init(clock: Timestamp, uptime: UInt64, newest: Timestamp?) {
        anchor = (clock, uptime)
        pause = newest.map { clock.milliseconds(since: $0) }
    }

    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    /// Throws where the clock was set forward since the start; one that was set back counts from there.
    package mutating func requireSteady(_ clock: Timestamp, uptime: UInt64) throws(Fault) {
        let elapsed = Int64(clamping: uptime - min(uptime, anchor.uptime))
        let since = clock.milliseconds(since: anchor.clock)
        let (most, isBeyond) = elapsed.addingReportingOverflow(Self.tolerance)
        guard since > most, !isBeyond else {
            if since < elapsed - Self.tolerance { anchor = (clock, uptime) }
            return
        }
        throw Fault(
            description:
                "the clock was set forward since 'bailey serve' started, and by it records are older than they "
                + "are; set it right, or start 'bailey serve' again where it is right now"
        )
    }

    /// Why nothing goes for its age: by the clock alone all that was on record at the start is too old.
    package func doubt(ofAge age: UInt64?) -> Fault? {
        guard let age, let pause, pause >= 0, UInt64(pause) >= max(age, Self.usualPause) else { return nil }
        return Fault(
            description:
                "before 'bailey serve' started there was no run for as long as records are kept, if the clock is "
                + "right, and so all were too old at once; see that it is, and remove them with 'bailey audit prune'"
        )
    }
}
