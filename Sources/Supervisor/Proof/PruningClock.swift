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
    /// When it started, as it is known now.
    private var start: Timestamp
    /// When the last run before the start was on record; nil where there is none.
    private let newest: Timestamp?

    package init(clock: Timestamp, uptime: UInt64, newest: Timestamp?) {
        (anchor, start, self.newest) = ((clock, uptime), clock, newest)
    }

    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    /// A time that it is at most.
    package struct Time: Sendable {
        package let now: Timestamp
        /// Milliseconds that the clock is ahead of it.
        package let ahead: Int64
        /// From when on counts what was on record before; nil where that is not doubted.
        package let doubtedBefore: Timestamp?

        package init(now: Timestamp, ahead: Int64 = 0, doubtedBefore: Timestamp? = nil) {
            (self.now, self.ahead, self.doubtedBefore) = (now, ahead, doubtedBefore)
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

    /// What there is to say where something is too old by a clock that is doubted.
    package static let doubt = Fault(
        description:
            "before 'bailey serve' started there was no run for as long as records are kept, if the clock is right, and so all were "
            + "too old at once: their age counts from that start; see that the clock is right, and remove them with "
            + "'bailey audit prune'"
    )

    /// What the clock says, or, where it was set forward, what it has to be at most; one that was set back counts from there.
    ///
    /// - Parameters:
    ///   - clock: what the clock of the wall says.
    ///   - uptime: how long the machine ran, in milliseconds.
    ///   - age: milliseconds for which records are kept; nil for ever.
    /// - Returns: what to go by.
    package mutating func time(_ clock: Timestamp, uptime: UInt64, age: UInt64? = nil) -> Time {
        let elapsed = Int64(clamping: uptime - min(uptime, anchor.uptime))
        let expected = anchor.clock.later(by: elapsed)
        let now = min(clock, expected.later(by: Self.tolerance))
        let behind = expected.milliseconds(since: clock)
        // It was ahead at the start already.
        if behind > Self.tolerance { start = start.later(by: -behind) }
        if elapsed >= Self.interval || behind > Self.tolerance { anchor = (now, uptime) }
        return Time(
            now: now,
            ahead: clock.milliseconds(since: now),
            doubtedBefore: doubtedBefore(age, at: now)
        )
    }

    /// When it started, where by the clock alone all that was on record then is too old; nil once that is known to be so.
    private func doubtedBefore(_ age: UInt64?, at now: Timestamp) -> Timestamp? {
        guard let age, let newest else { return nil }
        let pause = start.milliseconds(since: newest)
        guard pause >= 0, UInt64(pause) >= max(age, Self.usualPause) else { return nil }
        return UInt64(clamping: now.milliseconds(since: start)) < age ? start : nil
    }
}

extension Timestamp {
    /// As near as it can be said.
    func later(by milliseconds: Int64) -> Timestamp {
        let (time, isBeyond) = self.milliseconds.addingReportingOverflow(milliseconds)
        return Timestamp(milliseconds: isBeyond ? (milliseconds > 0 ? .max : .min) : time)
    }
}
