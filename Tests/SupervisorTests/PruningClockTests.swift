import Model
import Supervisor
import Testing

/// What a clock that is ahead does not have removed.
struct PruningClockTests {
    private static let day: Int64 = 86_400_000
    private static let start = Timestamp(milliseconds: 1_800_000_000_000)

    private func clock(pause: Int64? = 0) -> PruningClock {
        PruningClock(
            clock: Self.start,
            uptime: 1_000,
            newest: pause.map { Timestamp(milliseconds: Self.start.milliseconds - $0) }
        )
    }

    private func isRefused(_ clock: inout PruningClock, after elapsed: Int64, gaining gain: Int64) -> Bool {
        let time = Timestamp(milliseconds: Self.start.milliseconds + elapsed + gain)
        do throws(PruningClock.Fault) {
            try clock.requireSteady(time, uptime: 1_000 + UInt64(elapsed))
            return false
        } catch {
            return true
        }
    }

    @Test
    func
        `a clock that was set forward removes nothing, however long the machine runs; one that goes on does`()
    {
        for elapsed in [0, 60_000, 90 * Self.day] {
            let gains = [(Int64(0), false), (299_000, false), (301_000, true), (90 * Self.day, true)]
            for (gain, refused) in gains {
                var clock = clock()
                #expect(isRefused(&clock, after: elapsed, gaining: gain) == refused, "\(elapsed) \(gain)")
            }
        }
        var clock = clock()
        #expect(isRefused(&clock, after: 1_000, gaining: Self.day))
        #expect(isRefused(&clock, after: 2_000, gaining: Self.day), "it is no better for having been asked")
        #expect(!isRefused(&clock, after: 3_000, gaining: 0), "it was set right")
    }

    @Test func `a clock that was set back counts from there`() {
        var clock = clock()
        #expect(!isRefused(&clock, after: 1_000, gaining: -Self.day))
        #expect(isRefused(&clock, after: 2_000, gaining: 0), "forward again, by a day")
        #expect(!isRefused(&clock, after: 3_000, gaining: -Self.day))
    }

    @Test func `times beyond all bounds are a clock that was set`() {
        var clock = clock()
        #expect(throws: PruningClock.Fault.self) {
            try clock.requireSteady(Timestamp(milliseconds: .max), uptime: 0)
        }
        #expect(throws: Never.self) { try clock.requireSteady(Timestamp(milliseconds: .min), uptime: .max) }
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
