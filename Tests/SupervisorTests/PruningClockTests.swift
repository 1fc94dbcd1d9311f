import Model
import Supervisor
import Testing

/// What a clock that is ahead does not have removed.
struct PruningClockTests {
    private static let day: Int64 = 86_400_000
    private static let tolerance: Int64 = 300_000
    private static let start = Timestamp(milliseconds: 1_800_000_000_000)

    private func clock(pause: Int64? = 0) -> PruningClock {
        PruningClock(
            clock: Self.start,
            uptime: 1_000,
            newest: pause.map { Timestamp(milliseconds: Self.start.milliseconds - $0) }
        )
    }

    /// What time it is at most, in milliseconds since the start, and by how much the clock is ahead of that.
    private struct Reading: Equatable {
        let now: Int64
        let ahead: Int64

        init(_ now: Int64, _ ahead: Int64) { (self.now, self.ahead) = (now, ahead) }
    }

    private func time(
        _ clock: inout PruningClock,
        after elapsed: Int64,
        gaining gain: Int64
    ) -> Reading {
        let said = Timestamp(milliseconds: Self.start.milliseconds + elapsed + gain)
        let time = clock.time(said, uptime: 1_000 + UInt64(elapsed))
        #expect((time.fault != nil) == (time.ahead > 0))
        return Reading(time.now.milliseconds - Self.start.milliseconds, time.ahead)
    }

    @Test
    func
        `by a clock that was set forward it is no later than the machine ran, give or take five minutes; one that goes on is believed`()
    {
        for elapsed in [0, 60_000, 90 * Self.day] {
            for gain in [Int64(0), 299_000, 300_000] {
                var clock = clock()
                #expect(
                    time(&clock, after: elapsed, gaining: gain) == Reading(elapsed + gain, 0),
                    "\(elapsed) \(gain)"
                )
            }
            for gain in [Int64(301_000), 90 * Self.day] {
                var clock = clock()
                #expect(
                    time(&clock, after: elapsed, gaining: gain)
                        == Reading(elapsed + Self.tolerance, gain - Self.tolerance),
                    "\(elapsed) \(gain)"
                )
            }
        }
        var clock = clock()
        #expect(time(&clock, after: 1_000, gaining: Self.day).now == 1_000 + Self.tolerance)
        #expect(time(&clock, after: 2_000, gaining: Self.day).now == 2_000 + Self.tolerance, "asked again")
        #expect(time(&clock, after: 3_000, gaining: 0) == Reading(3_000, 0), "it was set right")
    }

    @Test func `small steps do not add up: a machine that stands still each night is believed for years`() {
        var clock = clock()
        for night in 1...1_000 {
            let (elapsed, gain) = (Int64(night) * Self.day, Int64(night) * 10_000)
            // Each hour is looked at; the step is before the last look.
            for hour in 1...23 {
                let before = elapsed - Self.day + Int64(hour) * 3_600_000
                #expect(time(&clock, after: before, gaining: gain - 10_000).ahead == 0)
            }
            #expect(
                time(&clock, after: elapsed, gaining: gain) == Reading(elapsed + gain, 0),
                "night \(night)"
            )
        }
        let last = 1_000 * Self.day
        #expect(
            time(&clock, after: last + 1_000, gaining: 10_000_000 + 400_000).ahead > 0,
            "the control: one step of more than five minutes"
        )
    }

    @Test func `what it gained at once is believed at five minutes a day, and no sooner`() {
        var clock = clock()
        let gain: Int64 = 600_000
        for hour in 1..<24 {
            let elapsed = Int64(hour) * 3_600_000
            #expect(time(&clock, after: elapsed, gaining: gain).ahead == gain - Self.tolerance)
        }
        #expect(time(&clock, after: Self.day, gaining: gain).ahead == gain - Self.tolerance)
        #expect(time(&clock, after: Self.day + 1_000, gaining: gain) == Reading(Self.day + 1_000 + gain, 0))
        var far = self.clock()
        for day in 1...30 {
            let elapsed = Int64(day) * Self.day
            let gained = Int64(day) * Self.tolerance
            #expect(time(&far, after: elapsed, gaining: 365 * Self.day).now == elapsed + gained)
        }
    }

    @Test func `a clock that was set back counts from there`() {
        var clock = clock()
        #expect(time(&clock, after: 1_000, gaining: -Self.day) == Reading(1_000 - Self.day, 0))
        #expect(time(&clock, after: 2_000, gaining: 0).ahead > 0, "forward again, by a day")
        #expect(time(&clock, after: 3_000, gaining: -Self.day) == Reading(3_000 - Self.day, 0))
    }

    @Test func `times beyond all bounds are a clock that was set`() {
        var clock = clock()
        let far = clock.time(Timestamp(milliseconds: .max), uptime: 0)
        #expect(far.now.milliseconds == Self.start.milliseconds + Self.tolerance && far.ahead > 0)
        #expect(clock.time(Timestamp(milliseconds: .min), uptime: .max).ahead == 0)
        #expect(clock.time(Timestamp(milliseconds: .max), uptime: .max).ahead > 0)
    }

    /// From when on what was on record at the start counts, in milliseconds since that start.
    private func doubt(
        _ clock: inout PruningClock,
        ofAge age: UInt64?,
        after elapsed: Int64 = 60_000,
        gaining gain: Int64 = 0
    ) -> Int64? {
        let said = Timestamp(milliseconds: Self.start.milliseconds + elapsed + gain)
        let time = clock.time(said, uptime: 1_000 + UInt64(elapsed), age: age)
        return time.doubtedBefore.map { $0.milliseconds - Self.start.milliseconds }
    }

    @Test func `what the clock alone makes too old, all at once, counts from the start`() {
        let age = UInt64(30 * Self.day)
        for (pause, isDoubted) in [
            (Int64?.none, false), (0, false), (29 * Self.day, false), (30 * Self.day, true),
            (365 * Self.day, true), (-Self.day, false),
        ] {
            var clock = clock(pause: pause)
            #expect(doubt(&clock, ofAge: age) == (isDoubted ? 0 : nil), "\(pause ?? 0)")
        }
        var short = clock(pause: 3_600_000)
        #expect(doubt(&short, ofAge: 1_000) == nil, "an hour without a run is nothing")
        var holiday = clock(pause: Self.day)
        #expect(doubt(&holiday, ofAge: 120_000) == 0)
        var kept = clock(pause: 90 * Self.day)
        #expect(doubt(&kept, ofAge: nil) == nil, "nothing goes for its age")
    }

    @Test func `a doubt ends when the machine itself has run for so long, or the clock was set right`() {
        let age = UInt64(7 * Self.day)
        var clock = clock(pause: 10 * Self.day)
        for day in 0..<Int64(7) { #expect(doubt(&clock, ofAge: age, after: day * Self.day) == 0, "\(day)") }
        #expect(doubt(&clock, ofAge: age, after: 7 * Self.day) == nil)
        var ahead = self.clock(pause: 10 * Self.day)
        #expect(doubt(&ahead, ofAge: age, after: 1_000) == 0)
        #expect(doubt(&ahead, ofAge: age, after: 2_000, gaining: 20 * Self.day) == 0, "ahead by more")
        #expect(doubt(&ahead, ofAge: age, after: 3_000, gaining: -9 * Self.day) == nil, "a day's pause")
        var less = self.clock(pause: 10 * Self.day)
        #expect(
            doubt(&less, ofAge: age, after: 3_000, gaining: -2 * Self.day) == -2 * Self.day,
            "the control: eight days are too many still, and count from there"
        )
    }
}
