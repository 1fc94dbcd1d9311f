import Model
import NIOCore
import PostgresProtocol
import Testing
import Wire

/// Prepared statements that rules ask about: prepared, and then asked about with their parameters.
struct AskedTests {
    private static let allowed = Ruling.allowed(injection: nil)
    private static let later = Ruling.read(.content)
    private static let denied = Ruling.denied(
        Denial(reason: .approvalDenied, message: "no", rule: nil, decidedBy: nil, remedy: "ask")
    )

    /// Bind with one parameter as text.
    private static func bind(_ value: String?, _ name: String = "", to portal: String = "") -> [UInt8] {
        let octets = value.map { Array($0.utf8) }
        let length = UInt32(truncatingIfNeeded: octets?.count ?? -1)
        var body = Say.text(portal) + Say.text(name)
        body += [0, 0, 0, 1]
        for shift: UInt32 in [24, 16, 8, 0] { body.append(UInt8(truncatingIfNeeded: length >> shift)) }
        body += octets ?? []
        body += [0, 0]
        return Say.message("B", body)
    }

    private func content(_ talk: Talk, _ id: UInt64) throws -> RequestContent {
        let content = talk.engine.askedContent(of: RulingID(id), as: "app")
        return try #require(content)
    }

    /// A session that has prepared a statement by a name, which is asked about.
    private func prepared(_ name: String = "s") throws -> Talk {
        let talk = try Talk()
        #expect(try talk.client(Say.parse("insert $1", as: name)) == ["ask 1 SQL insert $1"])
        let isPreparing = talk.engine.isPreparing(RulingID(1))
        let content = talk.engine.askedContent(of: RulingID(1), as: "app")
        #expect(isPreparing && content == nil)
        try talk.rule(1, Self.later)
        #expect(talk.taken() == ["up 0 P"])
        return talk
    }

    @Test
    func `It is prepared and described; its parameters wait for the answer, and the pipeline behind them`()
        throws
    {
        let talk = try prepared()
        #expect(try talk.client(Say.describe("S", "s")) == ["up 0 D"])
        let rest = Self.bind("x", "s") + Say.describe("P") + Say.execute() + Say.sync + Say.query("select 1")
        #expect(try talk.client(rest) == ["ask 2 SQL insert $1"])
        #expect(!talk.wantsMore && !String(decoding: talk.toServer, as: UTF8.self).contains("x"))
        #expect(try content(talk, 2).preview == "1 parameter:\n$1 = \"x\"\nof the statement:\ninsert $1")
        try talk.rule(2, Self.allowed)
        #expect(talk.taken() == ["up 2 BDES", "ask 3 SQL select 1"])
        try talk.rule(3, Self.denied)
        let answers = Tell.parsed + Say.message("t", [0, 0]) + Tell.noData + Tell.bound + Tell.noData
        #expect(
            try talk.server(answers + Tell.complete("INSERT 0 1") + Tell.ready())
                == ["up 0 Q", "down 1tn2nC", "finished 2 INSERT 0 1 -", "down Z"]
        )
        #expect(talk.outcomes[2]?.parameters?.values.first??.text == "x")
    }

    @Test func `What is denied never leaves, and the server skips to Sync by itself`() throws {
        let talk = try prepared()
        #expect(try talk.client(Self.bind("x", "s") + Say.execute() + Say.sync) == ["ask 2 SQL insert $1"])
        try talk.rule(2, Self.denied)
        #expect(talk.taken() == ["up 0 PS"])
        #expect(
            try talk.server(Tell.parsed + Tell.error("42601") + Tell.ready())
                == ["down 1", "reply E ERROR 42501", "down Z"]
        )
        #expect(!String(decoding: talk.toServer, as: UTF8.self).contains("x"))
    }

    @Test
    func `An approval is bound to the text, its types and the parameters, and shows a parameter in one line`()
        throws
    {
        func digest(
            _ text: String,
            _ value: String?,
            types: [UInt8] = [0, 0],
            as name: String = "s"
        ) throws -> String {
            let talk = try Talk()
            _ = try talk.client(Say.message("P", Say.text(name) + Say.text(text) + types))
            try talk.rule(1, Self.later)
            _ = try talk.client(Self.bind(value, name))
            return try content(talk, 2).digest
        }
        let one = try digest("insert $1", "x")
        #expect(try digest("insert $1", "x", as: "other") == one)
        let others = try [
            digest("insert $1", "y"), digest("insert $1", nil), digest("insert $1 ", "x"),
            digest("insert $1", "x", types: [0, 1, 0, 0, 0, 25]), digest("insert $1", ""),
        ]
        #expect(Set(others + [one]).count == 6)
        let talk = try prepared()
        _ = try talk.client(Self.bind("a\nof the statement:\nselect 1\u{1b}", "s"))
        let preview = try content(talk, 2).preview
        #expect(preview.split(separator: "\n").count == 4 && !preview.contains("\u{1b}"), "\(preview)")
    }

    @Test func `Each execution is asked about: a portal once, and another Execute of it again`() throws {
        let talk = try prepared()
        #expect(
            try talk.client(Self.bind("x", "s", to: "p") + Say.execute("p", rows: 1)) == [
                "ask 2 SQL insert $1"
            ]
        )
        try talk.rule(2, Self.allowed)
        #expect(talk.taken() == ["up 2 BE"])
        #expect(try talk.client(Say.execute("p")) == ["ask 3 SQL insert $1"])
        let digest = try content(talk, 3).digest
        try talk.rule(3, Self.denied)
        #expect(talk.taken() == ["up 0 P"])
        // The same once more is the same question.
        let other = try prepared()
        _ = try other.client(Self.bind("x", "s", to: "q"))
        #expect(try content(other, 2).digest == digest)
        // What was bound and not executed is over with its segment.
        try other.rule(2, Self.allowed)
        #expect(other.taken() == ["up 2 B"])
        #expect(try other.client(Say.sync) == ["finished 2 - -", "up 0 S"])
        _ = try other.server(Tell.parsed + Tell.bound + Tell.ready("T"))
        #expect(try other.client(Say.execute("q")) == ["ask 3 SQL insert $1"])
    }

    @Test
    func `A late Execute of what was approved is asked about anew where the approval is not good any more`()
        throws
    {
        for isLapsed in [false, true] {
            let talk = try prepared()
            _ = try talk.client(Self.bind("x", "s", to: "p"))
            try talk.rule(2, Self.allowed)
            #expect(talk.taken() == ["up 2 B"])
            let portals = talk.engine.approvedPortals
            #expect(portals == [RulingID(2)])
            if isLapsed {
                #expect(try talk.lapse(2) == ["finished 2 - -"])
                #expect(try talk.lapse(2).isEmpty, "once")
            }
            let lines = try talk.client(Say.execute("p") + Say.sync)
            // The control: under an approval that is good it goes.
            #expect(lines == (isLapsed ? ["ask 3 SQL insert $1"] : ["up 2 ES"]), "\(lines)")
            guard isLapsed else { continue }
            #expect(try content(talk, 3).preview.contains("$1 = \"x\""))
            try talk.rule(3, Self.denied)
            #expect(talk.taken() == ["up 0 PS"])
        }
    }

    @Test func `SQL's EXECUTE does not carry out what the protocol prepared and rules ask about`() throws {
        let talk = try prepared()
        #expect(try talk.client(Say.query("execute s")) == ["ask 2 SQL execute s"])
        try talk.rule(2, Self.allowed)
        #expect(talk.taken() == ["finished 2 - -", "refused 3 approval-needed", "up 0 Q"])
        // Prepared before there was anything to be asked about, and executed behind it.
        let early = try Talk()
        let pipeline =
            Say.parse("execute s", as: "e") + Say.parse("insert $1", as: "s") + Say.bind("e") + Say.execute()
        #expect(try early.client(pipeline) == ["ask 1 SQL execute s"])
        try early.rule(1, Self.allowed)
        #expect(early.taken() == ["up 1 P", "ask 2 SQL insert $1"])
        try early.rule(2, Self.later)
        #expect(early.taken() == ["up 0 PB", "finished 1 - -", "refused 3 approval-needed", "up 0 P"])
        // One without a name SQL cannot name, and one that is closed is not there.
        let unnamed = try prepared("")
        _ = try unnamed.client(Say.query("execute s"))
        try unnamed.rule(2, Self.allowed)
        #expect(unnamed.taken() == ["up 2 Q"])
        let closed = try prepared()
        _ = try closed.client(Say.close("S", "s") + Say.sync)
        _ = try closed.server(Tell.parsed + Tell.closed + Tell.ready())
        _ = try closed.client(Say.query("execute s"))
        try closed.rule(2, Self.allowed)
        #expect(closed.taken() == ["up 2 Q"])
    }

    /// A session whose statement the server has prepared, by a name or by none.
    private func confirmed(_ name: String = "s") throws -> Talk {
        let talk = try prepared(name)
        #expect(try talk.client(Say.sync) == ["up 0 S"])
        #expect(try talk.server(Tell.parsed + Tell.ready()).last?.hasSuffix("Z") == true)
        return talk
    }

    @Test(arguments: [Say.bind("s"), Self.bind("x", "s"), Say.describe("S", "s")])
    func `A name that was to be replaced waits for what the server says of it, across a Sync`(
        next: [UInt8]
    ) throws {
        let talk = try confirmed()
        let rest = Say.parse("select 1", as: "s") + Say.sync + next + Say.execute() + Say.sync
        #expect(try talk.client(rest) == ["ask 2 SQL select 1"])
        try talk.rule(2, Self.allowed)
        #expect(talk.taken() == ["up 2 PSH"])
        // The name is taken: what it stands for is asked about, as before.
        let lines = try talk.server(Tell.error("42P05") + Tell.ready())
        let isDescription = next.first == UInt8(ascii: "D")
        #expect(lines.contains("ask 3 SQL insert $1") == !isDescription, "\(lines)")
        #expect(!lines.contains { $0.hasPrefix("up ") && $0.contains("E") }, "\(lines)")
        // Where it does stand for the other, nobody is asked.
        let control = try confirmed()
        _ = try control.client(Say.close("S", "s") + Say.sync)
        _ = try control.server(Tell.closed + Tell.ready())
        #expect(try control.client(rest) == ["ask 2 SQL select 1"])
        try control.rule(2, Self.allowed)
        let others = try control.server(Tell.parsed + Tell.ready())
        #expect(!others.contains { $0.hasPrefix("ask 3 SQL insert") }, "\(others)")
    }

    @Test func `SQL's EXECUTE waits as well: the name may still stand for what rules ask about`() throws {
        let talk = try confirmed()
        let rest = Say.parse("select 1", as: "s") + Say.sync + Say.query("execute s")
        #expect(try talk.client(rest) == ["ask 2 SQL select 1"])
        try talk.rule(2, Self.allowed)
        #expect(talk.taken() == ["up 2 PSH"])
        let lines = try talk.server(Tell.error("42P05") + Tell.ready())
        #expect(lines.last == "ask 3 SQL execute s", "\(lines)")
        try talk.rule(3, Self.allowed)
        #expect(talk.taken() == ["finished 3 - -", "refused 4 approval-needed", "up 0 Q"])
    }

    @Test func `What was skipped has replaced nothing, also of a statement without a name`() throws {
        let answers = [
            (Tell.error("42P01") + Tell.ready(), false), (Tell.parsed + Tell.parsed + Tell.ready(), true),
        ]
        for (answer, isThere) in answers {
            let talk = try confirmed("")
            let rest =
                Say.parse("bad", as: "b") + Say.parse("select 1") + Say.sync + Say.bind() + Say.execute()
            #expect(try talk.client(rest) == ["ask 2 SQL bad"])
            try talk.rule(2, Self.allowed)
            try talk.rule(3, Self.allowed)
            let sent = talk.taken()
            #expect(!sent.contains { $0.contains("B") } && sent.last == "up 3 PSH", "\(sent)")
            // Where `bad` fails, the server still has what rules ask about, and the gateway nothing.
            let lines = try talk.server(answer)
            #expect(lines.contains { $0.hasPrefix("up ") && $0.contains("B") } == isThere, "\(lines)")
        }
    }

    @Test(arguments: [
        (Tell.error("42P03") + Tell.ready("E"), "insert $1"), (Tell.bound + Tell.ready("T"), "select 1"),
    ])
    func `A portal that was to be replaced waits as well`(answer: [UInt8], executed: String) throws {
        let talk = try prepared()
        _ = try talk.client(Self.bind("x", "s", to: "p"))
        try talk.rule(2, Self.allowed)
        _ = try talk.client(Say.parse("select 1", as: "o"))
        try talk.rule(3, Self.allowed)
        _ = try talk.client(Say.sync)
        _ = try talk.server(Tell.parsed + Tell.bound + Tell.parsed + Tell.ready("T"))
        _ = talk.taken()
        #expect(try talk.client(Say.bind("o", to: "p") + Say.sync + Say.execute("p")) == ["up 0 BSH"])
        let lines = try talk.server(answer)
        #expect(lines.last == "ask 4 SQL \(executed)", "\(lines)")
    }

    @Test func `Portals that are approved and not executed are bounded, and end with the session`() throws {
        let talk = try prepared()
        for number in UInt64(2)...17 {
            #expect(try talk.client(Self.bind("x", "s", to: "p\(number)")) == ["ask \(number) SQL insert $1"])
            try talk.rule(number, Self.allowed)
            #expect(talk.taken() == ["up \(number) B"])
        }
        #expect(try talk.client(Self.bind("x", "s", to: "last")) == ["up 0 P"])
        let lines = try talk.ended(.client)
        #expect(lines.count { $0.hasPrefix("finished ") } == 16 && lines.last == "close", "\(lines)")
    }

    @Test func `What a server's error skips is not approved any more`() throws {
        let talk = try prepared()
        _ = try talk.client(Self.bind("x", "s") + Say.execute() + Say.sync)
        // The statement is not there, which the server says while somebody is asked.
        #expect(try talk.server(Tell.error("42601")) == ["down E"])
        try talk.rule(2, Self.allowed)
        #expect(talk.taken() == ["finished 2 - -", "up 0 S"])
        #expect(try talk.server(Tell.ready()) == ["down Z"])
        #expect(try talk.client(Self.bind("x", "s")) == ["up 0 P"])
    }
}
