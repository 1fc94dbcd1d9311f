internal import Audit
package import Model

/// Holds the clock of the wall against time that nobody sets: by a clock that is ahead all that is on record is too old.
///
/// It knows what the clock said at its start, and when the last run before that was on record. A clock that was wrong then already, and
/// in that run, it does not find out.
package struct PruningClock: Sendable {
    /// Milliseconds that the clock may gain in an interval: what a checkpoint's may be ahead, and more than one is set by while it is
    /// kept right.
    private static let tolerance: Int64 = 300_000
    /// Milliseconds of it: a virtual machine that stands still for its snapshots is set forward each night.
    private static let interval: Int64 = 86_400_000
    /// Milliseconds without a run that are nothing to wonder at, however short records are kept.
    private static let usualPause: UInt64 = 86_400_000

    /// What it was, and how long the machine ran.
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

    /// A time that it is at most.
    package struct Time: Sendable {
        package let now: Timestamp
        /// Milliseconds that the clock is ahead of it.
        package let ahead: Int64

        package init(now: Timestamp, ahead: Int64 = 0) {
            (self.now, self.ahead) = (now, ahead)
        }

        /// What there is to say of a clock that is ahead.
        package var fault: Fault? {
            guard ahead > 0 else { return nil }
            return Fault(
                description:
                    "the clock was set forward by more than five minutes while 'bailey serve' ran; records are removed as if it was "
                    + "not, and what it gained is believed at five minutes a day; set it right, or start 'bailey serve' again "
                    + "where it is right now"
            )
        }
    }

    /// What the clock says, or, where it was set forward, what it has to be at most; one that was set back counts from there.
    package mutating func time(_ clock: Timestamp, uptime: UInt64) -> Time {
        let elapsed = Int64(clamping: uptime - min(uptime, anchor.uptime))
        let expected = anchor.clock.later(by: elapsed)
        let now = min(clock, expected.later(by: Self.tolerance))
        if elapsed >= Self.interval || expected.milliseconds(since: clock) > Self.tolerance {
            anchor = (now, uptime)
        }
        return Time(now: now, ahead: clock.milliseconds(since: now))
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

extension Timestamp {
    /// As near as it can be said.
    func later(by milliseconds: Int64) -> Timestamp {
        let (time, isBeyond) = self.milliseconds.addingReportingOverflow(milliseconds)
        return Timestamp(milliseconds: isBeyond ? (milliseconds > 0 ? .max : .min) : time)
    }
}
