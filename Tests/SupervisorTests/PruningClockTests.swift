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

    @Test func `what the clock alone makes too old, all at once, is doubted`() {
        let age = UInt64(30 * Self.day)
        for (pause, isDoubted) in [
            (Int64?.none, false), (0, false), (29 * Self.day, false), (30 * Self.day, true), (.max, true),
            (-Self.day, false),
        ] {
            #expect((clock(pause: pause).doubt(ofAge: age) != nil) == isDoubted, "\(pause ?? 0)")
        }
        #expect(clock(pause: 3_600_000).doubt(ofAge: 1_000) == nil, "an hour without a run is nothing")
        #expect(clock(pause: Self.day).doubt(ofAge: 1_000) != nil)
        #expect(clock(pause: 90 * Self.day).doubt(ofAge: nil) == nil, "nothing goes for its age")
    }
}
