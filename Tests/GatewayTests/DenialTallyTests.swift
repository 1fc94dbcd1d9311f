import Gateway
import Model
import Testing

/// What an agent's flood of refused requests costs the log.
@Suite struct DenialTallyTests {
    private static let lineage = Lineage(
        principal: Principal(localUser: "tester", uid: 1_000),
        root: Hop(
            agent: AgentID(run: "0badcafe", ordinal: 1),
            name: "a",
            profile: "a",
            profileDigest: ""
        )
    )

    private func denial(
        _ number: Int,
        of host: String = "a.test",
        _ reason: Denial.Reason = .noRule
    )
        -> RequestRecord
    {
        RequestRecord(
            lineage: Self.lineage,
            action: "GET /\(number)",
            resource: "https://\(host)",
            verdict: .deny,
            levels: [],
            reason: reason,
            message: "no"
        )
    }

    @Test func `The first refusals of a window are recorded, the rest is counted and summed up once`() {
        var tally = DenialTally()
        for number in 0..<RefusalWindow.maximumRecorded {
            #expect(tally.add(denial(number), at: 5) == .recorded)
        }
        // The first of the place when the window is full.
        #expect(tally.add(denial(100), at: 6) == .recorded)
        #expect(tally.add(denial(101), at: 7) == .counted(sumDue: RefusalWindow.length - 2))
        #expect(tally.add(denial(102), at: 8) == .counted(sumDue: nil))
        let sum = tally.takeSum()
        #expect(sum?.message?.hasPrefix("2 more requests were refused within 10 s") == true)
        #expect(sum?.resource == "https://a.test" && sum?.reason == .noRule && sum?.verdict == .deny)
        #expect(tally.takeSum() == nil)
        #expect(tally.add(denial(103), at: 9) == .recorded)
    }

    @Test func `A flood hides no other place and no other reason, and its places are bounded as well`() {
        var tally = DenialTally()
        for number in 0..<1_000 { _ = tally.add(denial(number), at: 5) }
        #expect(tally.add(denial(0, of: "b.test"), at: 6) == .recorded)
        #expect(tally.add(denial(1, of: "b.test"), at: 6) == .counted(sumDue: nil))
        #expect(tally.add(denial(2, of: "b.test", .placeholderMisused), at: 6) == .recorded)
        let recorded = (0..<1_000).count { tally.add(denial($0, of: "n\($0).test"), at: 6) == .recorded }
        #expect(recorded == DenialTally.maximumPlaces - 3)
    }

    @Test func `What policy refuses of a request that was allowed counts, a server's failure does not`() {
        var tally = DenialTally()
        _ = tally.add(denial(1), at: 5)
        for reason in [Denial.Reason.forbiddenAddress, .secretLeaving, .upstreamFailed, .malformed] {
            let failure = RequestRecord(
                lineage: Self.lineage,
                action: "GET /",
                resource: "https://a.test",
                exchange: 7,
                verdict: .deny,
                levels: [],
                reason: reason,
                message: "no"
            )
            #expect(failure.matter == .failure)
            _ = tally.add(failure, at: 5)
        }
        #expect(tally.total == 3)
    }

    @Test func `A window that is over begins anew`() {
        var tally = DenialTally()
        for number in 0..<RefusalWindow.maximumRecorded { _ = tally.add(denial(number), at: 0) }
        for number in 0..<RefusalWindow.maximumRecorded {
            #expect(tally.add(denial(number), at: RefusalWindow.length) == .recorded)
        }
        #expect(tally.add(denial(1), at: RefusalWindow.length) == .recorded)
        #expect(tally.takeSum() == nil)
    }
}
