import Foundation
import Model
import Testing

@Suite("Revocation")
struct RevocationTests {
    private static let agent = Hop(
        agent: AgentID(run: "0badcafe", ordinal: 2),
        name: "ci",
        profile: "p",
        profileDigest: ""
    )

    private static func word(_ reason: String?, agent: Hop? = agent) -> Revocation {
        Revocation(
            agent: agent,
            principal: "user:alice",
            by: "user:bob",
            time: Timestamp(milliseconds: 1_795_706_113_042),
            reason: reason
        )
    }

    @Test("An agent's id and a principal are told apart, and anything else is neither")
    func subjects() {
        #expect(
            RevocationSubject("0badcafe.2") == .agent(AgentID(run: "0badcafe", ordinal: 2))
        )
        for text in ["user:alice", "oidc:https://issuer.example#a b", "user:a.1", "user:Zoë"] {
            #expect(RevocationSubject(text) == .principal(text))
            #expect(RevocationSubject(text)?.description == text)
        }
        let longest = "user:" + String(repeating: "a", count: RevocationSubject.maximumLength - 5)
        #expect(RevocationSubject(longest) != nil)
        for text in [
            "", "alice", ":alice", "user:", "user:a\nb", "user:a\u{1b}[31m", "user:\u{85}", "0badcafe.02",
            "0badcafe.+2", "0badcafe.0", longest + "a",
            "USER:alice", "team:a", "oidc:a", "user:al\u{200b}ice",
        ] {
            #expect(RevocationSubject(text) == nil, "\(text)")
        }
    }

    @Test("A reason is one line of bounded length")
    func reasons() {
        #expect(Revocation.accepts(reason: String(repeating: "a", count: Revocation.maximumReason)))
        #expect(Revocation.accepts(reason: "é: left"))
        for text in [
            "", "a\r\nSet-Cookie: b", "\u{7f}", "a\u{0}",
            String(repeating: "é", count: Revocation.maximumReason / 2 + 1),
        ] { #expect(!Revocation.accepts(reason: text)) }
    }

    @Test("G17: one store bars everything below, at any depth, and nothing above or beside")
    func below() {
        let principal = RevocationEpoch()
        let a = RevocationEpoch(below: principal)
        let b = RevocationEpoch(below: a)
        let d = RevocationEpoch(below: RevocationEpoch(below: b))
        let beside = RevocationEpoch(below: a)
        #expect(!a.isOver && !b.isOver && !d.isOver && !beside.isOver)
        b.end(by: Self.word("the key leaked"))
        #expect(b.isOver && d.isOver && !a.isOver && !beside.isOver)
        #expect(d.revocation == Self.word("the key leaked"))
        // Who is launched below from now on, too.
        #expect(RevocationEpoch(below: d).isOver)
        principal.end(by: Self.word(nil, agent: nil))
        #expect(a.isOver && beside.isOver && beside.revocation == Self.word(nil, agent: nil))
        // The first word stays, and the nearest is told.
        b.end(by: Self.word("later"))
        #expect(d.revocation == Self.word("the key leaked"))
    }

    @Test("It says by whom, when and why; an agent hears no id")
    func words() {
        let opening = "revoked by user:bob at 2026-11-26T15:15:13.042Z"
        #expect(
            Self.word("the key leaked").words
                == opening + ": the key leaked (agent ci, 0badcafe.2, and all below it)"
        )
        #expect(Self.word(nil).told == opening + " (agent ci, and all below it)")
        #expect(Self.word(nil, agent: nil).told == opening + " (user:alice, and all its agents)")
        #expect(Self.word("left").cause == "revoked by user:bob: left")
    }

    @Test(
        "A moment is written as Foundation writes it, from the day on that its calendar is the Gregorian one"
    )
    func moments() {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        for seconds in stride(from: Int64(-12_219_292_800), to: 253_402_300_800, by: 9_999_991) {
            let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(style).dropLast()
            #expect(Timestamp(milliseconds: seconds * 1_000 + 7).text == "\(whole).007Z")
        }
        #expect(Timestamp(milliseconds: -1).text == "1969-12-31T23:59:59.999Z")
    }
}
