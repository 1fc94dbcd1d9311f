import Model
import NIOCore
import PostgresProtocol
import Testing
import Wire

/// The engine alone: events and what came of them.
struct SessionTests {
    private static let allowed = Ruling.allowed(injection: nil)
    private static let denied = Ruling.denied(
        Denial(reason: .denied, message: "no", rule: nil, decidedBy: nil, remedy: "ask")
    )

    @Test func `A statement goes on when it is allowed, and not before; what comes behind it is held`() throws
    {
        let talk = try Talk()
        #expect(try talk.client(Say.query("select 1")) == ["ask 1 SQL select 1"])
        #expect(!talk.wantsMore)
        #expect(try talk.client(Say.query("select 2")) == [])
        try talk.rule(1, Self.allowed)
        #expect(talk.taken() == ["up 1 Q", "ask 2 SQL select 2"])
        try talk.rule(2, Self.denied)
        #expect(talk.taken() == ["up 0 Q"])
        #expect(talk.wantsMore)
        let answers = [
            Tell.description([("a", 25)]), Tell.row("1"), Tell.complete("SELECT 1"), Tell.ready(),
            Tell.error("42601"), Tell.ready(),
        ].flatMap(\.self)
        #expect(
            try talk.server(answers) == [
                "down TDC", "finished 1 SELECT 1 -", "down Z", "reply E ERROR 42501", "down Z",
            ]
        )
        #expect(!String(decoding: talk.toServer, as: UTF8.self).contains("select 2"))
    }

    @Test func `A session that is denied ends with an error that says so`() throws {
        var engine = PostgresSession(Request(endpoint: endpoint, action: .connect), reading: TextReader())
        #expect(engine.begin().count == 1)
        let actions = engine.ruled(RulingID(0), Self.denied)
        guard case .reply(let bytes) = actions.first, case .close = actions.last else {
            Issue.record("\(actions)")
            return
        }
        #expect(String(buffer: bytes).contains("FATAL") && String(buffer: bytes).contains("28000"))
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let name: String
        let octets: [UInt8]
        var side = Side.client
        var code = "08P01"

        var testDescription: String { "\(side): \(name)" }
    }

    private static func head(_ tag: String, _ length: Int32) -> [UInt8] {
        Array(tag.utf8) + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
    }

    static let hostile =
        [("negative", Int32(-1)), ("the least", .min), ("zero", 0), ("three", 3)].flatMap { name, length in
            [
                Hostile(name: "a length that is \(name)", octets: head("Q", length)),
                Hostile(name: "a length that is \(name)", octets: head("Z", length), side: .upstream),
                Hostile(name: "a row's length that is \(name)", octets: head("D", length), side: .upstream),
            ]
        } + [
            Hostile(name: "a statement over the largest", octets: head("Q", 0x3FFF_FFFF), code: "54000"),
            Hostile(name: "a Bind over the largest", octets: head("B", 0x3FFF_FFFF), code: "54000"),
            Hostile(name: "a Sync over the limit", octets: head("S", 10_001), code: "54000"),
            Hostile(name: "CopyData over the limit", octets: head("d", 0x3FFF_FFFF), code: "54000"),
            Hostile(
                name: "a short one over the limit",
                octets: head("C", 30_001),
                side: .upstream,
                code: "54000"
            ),
            Hostile(name: "an unknown type", octets: head("!", 4)),
            Hostile(name: "a password", octets: Say.message("p", Say.text("x"))),
            Hostile(name: "a server's type", octets: Say.message("Z", [0x49])),
            Hostile(name: "an unknown type", octets: head("!", 4), side: .upstream),
            Hostile(name: "a text that does not end", octets: Say.message("Q", Array("select".utf8))),
            Hostile(name: "a text with something behind it", octets: Say.message("Q", Say.text("a") + [0])),
            Hostile(name: "a Parse without types", octets: Say.message("P", Say.text("") + Say.text("a"))),
            Hostile(
                name: "a Parse with fewer types than it says",
                octets: Say.message("P", [0] + Say.text("a") + [0, 1])
            ),
            Hostile(
                name: "a Parse with a negative number of types",
                octets: Say.message("P", [0] + Say.text("a") + [0xFF, 0xFF])
            ),
            Hostile(name: "a Sync with something in it", octets: Say.message("S", [0])),
            Hostile(name: "a Flush with something in it", octets: Say.message("H", [0])),
            Hostile(name: "a Terminate with something in it", octets: Say.message("X", [0])),
            Hostile(name: "a Describe of neither", octets: Say.describe("X")),
            Hostile(name: "a Close of neither", octets: Say.close("X", "")),
            Hostile(name: "an Execute without rows", octets: Say.message("E", Say.text(""))),
            Hostile(name: "ReadyForQuery for nothing", octets: Tell.ready(), side: .upstream),
            Hostile(name: "rows for nothing", octets: Tell.row("a"), side: .upstream),
            Hostile(name: "an end for nothing", octets: Tell.complete("SELECT 1"), side: .upstream),
            Hostile(name: "ParseComplete for nothing", octets: Tell.parsed, side: .upstream),
            Hostile(name: "CopyInResponse for nothing", octets: Tell.copyIn, side: .upstream),
            Hostile(name: "CopyData for nothing", octets: Say.data("a"), side: .upstream),
            Hostile(name: "COPY both ways", octets: Say.message("W", [0, 0, 0]), side: .upstream),
            Hostile(name: "authentication", octets: Say.message("R", [0, 0, 0, 0]), side: .upstream),
            Hostile(name: "a key", octets: Say.message("K", [0, 0, 0, 0, 0, 0, 0, 0]), side: .upstream),
        ]

    @Test(arguments: hostile)
    func `What breaks the protocol ends the session, by name, and goes nowhere`(hostile: Hostile) throws {
        for cut in [1, Int.max] {
            let talk = try Talk(TestRules())
            var lines: [String] = []
            for start in stride(from: 0, to: hostile.octets.count, by: cut) {
                let part = Array(hostile.octets[start...].prefix(cut))
                lines += hostile.side == .client ? try talk.client(part) : try talk.server(part)
            }
            #expect(lines == ["refused 1 malformed", "reply E FATAL \(hostile.code)", "close"])
            #expect(talk.toServer.isEmpty)
            #expect(try talk.client(Say.query("select 1")) == [])
        }
    }

    @Test(arguments: [
        Tell.parsed, Tell.bound, Tell.closed, Tell.noData, Tell.copyIn, Tell.copyOut(),
        Say.message("s", []), Say.message("V", [0, 0, 0, 0]), Say.message("t", [0, 0]), Tell.ready("X"),
    ])
    func `An answer of another kind than was asked for ends the session`(answer: [UInt8]) throws {
        let talk = try Talk(TestRules())
        #expect(try talk.client(Say.query("select 1")) == ["ask 1 SQL select 1", "up 1 Q"])
        let lines = try talk.server(answer)
        #expect(lines == ["refused 2 malformed", "reply E FATAL 08P01", "finished 1 - -", "close"])
    }

    @Test func `What stands in the place of a denied statement must fail`() throws {
        for answer in [Tell.ready(), Tell.complete("SELECT 1"), Tell.row("a"), Tell.description([("a", 25)])]
        {
            let talk = try Talk(TestRules())
            _ = try talk.client(Say.query("forbidden"))
            #expect(try talk.server(answer).last == "close")
        }
    }

    @Test func `What the gateway refuses by itself is on record, with an error, and the session goes on`()
        throws
    {
        let talk = try Talk(TestRules())
        #expect(try talk.client(Say.query("unreadable")) == ["refused 1 malformed", "up 0 Q"])
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 42501", "down Z"])
        // Where in the text it is, as the server says it.
        #expect(String(decoding: talk.toClient, as: UTF8.self).contains("\0P8\0"))
    }

    @Test func `A function call is asked about, and refused where its result would have to be masked`() throws
    {
        let call = Say.message("F", [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        let talk = try Talk()
        #expect(try talk.client(call) == ["ask 1 CALL function"])
        try talk.rule(1, Self.denied)
        #expect(talk.taken() == ["up 0 Q"])
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 42501", "down Z"])
        #expect(try talk.client(call) == ["ask 2 CALL function"])
        try talk.rule(2, .allowed(injection: nil, masks: [.email]))
        #expect(talk.taken() == ["finished 2 - -", "refused 3 unsupported", "up 0 Q"])
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 42501", "down Z"])
        #expect(try talk.client(call) == ["ask 4 CALL function"])
        try talk.rule(4, Self.allowed)
        #expect(talk.taken() == ["up 4 F"])
        let answer = try talk.server(Say.message("V", [0, 0, 0, 0]), Tell.ready())
        #expect(answer == ["down V", "finished 4 - -", "down Z"])
    }

    @Test
    func
        `Names that are not there are errors as the server's, and what SQL prepared is not executed by the protocol`()
        throws
    {
        for (message, code) in [
            (Say.bind("none"), "26000"), (Say.describe("S", "none"), "26000"),
            (Say.execute("none"), "34000"),
        ] {
            let talk = try Talk(TestRules())
            #expect(try talk.client(message, Say.sync) == ["up 0 PS"])
            #expect(
                try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR \(code)", "down Z"]
            )
        }
    }

    @Test func `A name stands for what the server took for it`() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.parse("select 1", as: "p"), Say.sync)
        _ = try talk.server(Tell.parsed, Tell.ready())
        // It is there already: the server fails, and the old one stands.
        _ = try talk.client(Say.parse("select 2", as: "p"), Say.sync)
        _ = try talk.server(Tell.error("42P05"), Tell.ready())
        #expect(try talk.client(Say.bind("p"), Say.execute(), Say.sync).contains("ask 3 SQL select 1"))
        _ = try talk.server(Tell.bound, Tell.complete("SELECT 1"), Tell.ready())
        // Closed and parsed anew in one go.
        _ = try talk.client(Say.close("S", "p"), Say.parse("select 3", as: "p"), Say.sync)
        _ = try talk.server(Tell.closed, Tell.parsed, Tell.ready())
        #expect(try talk.client(Say.bind("p"), Say.execute(), Say.sync).contains("ask 5 SQL select 3"))
        _ = try talk.server(Tell.bound, Tell.complete("SELECT 1"), Tell.ready())
        // Not while it is not known what it stands for.
        #expect(
            try talk.client(Say.parse("select 4", as: "q"), Say.parse("select 5", as: "q")) == [
                "ask 6 SQL select 4", "up 6 PH",
            ]
        )
        #expect(!talk.wantsMore)
        #expect(try talk.server(Tell.parsed) == ["finished 6 - -", "down 1", "ask 7 SQL select 5", "up 7 P"])
    }

    @Test func `A text that a setting under way could change waits for the answer, or for Sync`() throws {
        let talk = try Talk(TestRules())
        #expect(
            try talk.client(Say.query("set x"), Say.query("select 1")) == [
                "ask 1 SQL set x", "up 1 Q", "ask 2 SQL select 1", "up 2 Q",
            ]
        )
        // With a backslash, or what is not ASCII, it is read when both are answered.
        #expect(try talk.client(Say.query("select '\\'")) == ["up 0 H"])
        #expect(
            try talk.server(Tell.complete("SET"), Tell.ready()) == ["down C", "finished 1 SET -", "down Z"]
        )
        #expect(
            try talk.server(Tell.complete("SELECT 1"), Tell.ready()) == [
                "down C", "finished 2 SELECT 1 -", "down Z", "ask 3 SQL select '\\'", "up 3 Q",
            ]
        )
        _ = try talk.server(Tell.complete("SELECT 1"), Tell.ready())
        // The server says what changed at ReadyForQuery only.
        #expect(
            try talk.client(Say.parse("set x"), Say.bind(), Say.execute()) == [
                "ask 4 SQL set x", "up 4 PBE",
            ]
        )
        #expect(try talk.client(Say.parse("select '\\'"), Say.parse("select 'é'")) == ["up 0 H"])
        let lines = try talk.server(Tell.parsed, Tell.bound, Tell.complete("SET"))
        #expect(lines.contains("ask 5 SQL select '\\' either way"))
        #expect(try talk.server(Tell.parsed).contains("refused 6 unsupported"))
        #expect(try talk.client(Say.sync) == ["up 0 S"])
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 42501", "down Z"])
        #expect(try talk.client(Say.query("select 'é'")) == ["ask 7 SQL select 'é'", "up 7 Q"])
    }

    @Test func `Messages amid the data of a COPY end the session; data without a COPY are dropped`() throws {
        let talk = try Talk(TestRules())
        #expect(try talk.client(Say.data("stray"), Say.done, Say.failed) == [])
        #expect(
            try talk.client(Say.query("copy t from stdin"), Say.query("select 1")) == [
                "ask 1 SQL copy t from stdin", "up 1 Q",
            ]
        )
        #expect(!talk.wantsMore)
        let lines = try talk.server(Tell.copyIn)
        #expect(lines == ["down G", "refused 2 malformed", "reply E FATAL 08P01", "finished 1 - -", "close"])
    }

    @Test func `A pipeline is bounded: the engine tells the server to answer, and reads on when it has`()
        throws
    {
        let talk = try Talk(TestRules())
        let one = Say.bind("s") + Say.execute()
        _ = try talk.client(Say.parse("select 1", as: "s"))
        var lines = try talk.client((0..<200).flatMap { _ in one })
        #expect(!talk.wantsMore)
        #expect(lines.last?.hasSuffix("H") == true)
        #expect(lines.filter { $0.hasPrefix("ask") }.count == 99)
        _ = try talk.server(Tell.parsed)
        lines = try talk.server((0..<99).flatMap { _ in Tell.bound + Tell.complete("SELECT 1") })
        #expect(lines.filter { $0.hasPrefix("ask") }.count >= 50)
        let idle = try Talk(TestRules())
        lines = try idle.client((0..<2_000).flatMap { _ in Say.sync })
        #expect(
            try idle.server((0..<2_000).flatMap { _ in Tell.ready() }).last == "down "
                + String(repeating: "Z", count: 2_000)
        )
    }

    @Test func `Prepared statements and portals are bounded`() throws {
        let talk = try Talk(TestRules())
        for number in 0..<4_096 {
            _ = try talk.client(Say.parse("select 1", as: "s\(number)"), Say.sync)
            _ = try talk.server(Tell.parsed, Tell.ready())
        }
        #expect(try talk.client(Say.parse("select 1", as: "more"), Say.sync) == ["up 0 PS"])
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 53400", "down Z"])
        for number in 0..<256 {
            _ = try talk.client(Say.bind("s1", to: "p\(number)"), Say.flush)
            _ = try talk.server(Tell.bound)
        }
        #expect(try talk.client(Say.bind("s1", to: "more"), Say.sync) == ["up 0 PS"])
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 53400", "down Z"])
    }

    @Test func `Rows and data of COPY of any size pass in parts; nothing is held`() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.query("select 1"))
        _ = try talk.server(Tell.description([("a", 17)]))
        #expect(try talk.server(Self.head("D", 0x3FFF_0000) + [0, 1, 0x3F, 0, 0, 0]) == ["down …"])
        let part = [UInt8](repeating: 7, count: 65_536)
        for _ in 0..<50 { #expect(try talk.server(part) == ["down …"]) }
        let large = try Talk(TestRules())
        _ = try large.client(Say.query("select 1"))
        #expect(try large.server(Self.head("D", 0x3FFF_FFFF)).contains("reply E FATAL 54000"))
        let copy = try Talk(TestRules())
        _ = try copy.client(Say.query("copy t from stdin"))
        _ = try copy.server(Tell.copyIn)
        #expect(try copy.client(Self.head("d", 0x3FFF_0000)) == ["up 1 …"])
        for _ in 0..<50 { #expect(try copy.client(part) == ["up 1 …"]) }
    }

    @Test func `The end of either side ends the session, and the server is told`() throws {
        let talk = try Talk(TestRules())
        #expect(try talk.ended(.client) == ["up 0 X", "close"])
        let other = try Talk(TestRules())
        _ = try other.client(Say.query("select 1"))
        #expect(try other.ended(.upstream) == ["finished 1 - -", "close"])
        let third = try Talk(TestRules())
        #expect(try third.client(Say.message("X", [])) == ["up 0 X", "close"])
    }

    /// A conversation with everything in it, cut in two at every octet of either side, and octet by octet.
    @Test func `Every message may come in any pieces`() throws {
        let client =
            Say.query("select 1") + Say.whole("select 2", as: "s") + Say.sync + Say.whole("forbidden")
            + Say.whole("select 4") + Say.sync + Say.query("copy t from stdin") + Say.data("1\n")
            + Say.data("2\n")
            + Say.done + Say.query("forbidden") + Say.bind("s", to: "p") + Say.execute("p")
            + Say.close("P", "p")
            + Say.flush + Say.sync + Say.message("X", [])
        let answers: [[UInt8]] = [
            Tell.status("a", "b") + Tell.description([("a", 25)]) + Tell.row("ada@example.com")
                + Tell.complete("SELECT 1")
                + Tell.ready(),
            Tell.parsed + Tell.bound + Tell.description([("a", 25)]) + Tell.row("ada@example.com")
                + Tell.complete("SELECT 1")
                + Tell.ready(),
            Tell.error("42601") + Tell.ready(), Tell.copyIn, Tell.complete("COPY 2") + Tell.ready(),
            Tell.error("42601") + Tell.ready(),
            Tell.bound + Tell.description([("a", 25)]) + Tell.row("a@example.com") + Tell.complete("SELECT 1")
                + Tell.closed
                + Tell.ready(),
        ]
        func play(_ clientCut: [[UInt8]], _ serverCut: ([UInt8]) -> [[UInt8]]) throws -> [[UInt8]] {
            let talk = try Talk(TestRules(kinds: [.email]))
            var rest = clientCut[...]
            // The client goes on when it would: what it sends ahead is held by the engine.
            for answer in answers {
                while let next = rest.first, talk.wantsMore {
                    _ = try talk.client(next)
                    rest = rest.dropFirst()
                    if rest.count == clientCut.count { break }
                }
                for part in serverCut(answer) { _ = try talk.server(part) }
            }
            for next in rest { _ = try talk.client(next) }
            return [talk.toServer, talk.toClient]
        }
        let whole = try play([client]) { [$0] }
        #expect(whole[1].count > 200 && !String(decoding: whole[1], as: UTF8.self).contains("ada@"))
        for cut in 1..<client.count {
            #expect(try play([Array(client[..<cut]), Array(client[cut...])]) { [$0] } == whole)
        }
        for cut in 1..<100 {
            #expect(try play([client]) { [Array($0.prefix(cut)), Array($0.dropFirst(cut))] } == whole)
        }
        #expect(try play(client.map { [$0] }) { $0.map { [$0] } } == whole)
    }

    @Test func `Behind an error nothing goes on, and nothing is asked, until Sync`() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.parse("select 1"), Say.flush)
        #expect(try talk.server(Tell.error("42P01")) == ["down E", "finished 1 - 42P01"])
        #expect(
            try talk.client(Say.bind(), Say.execute(), Say.query("select 2"), Say.data("x"), Say.flush) == []
        )
        #expect(
            try talk.client(Say.sync, Say.query("select 3")) == ["up 0 S", "ask 2 SQL select 3", "up 2 Q"]
        )
        // What was asked while the error was on its way is not sent either.
        let other = try Talk()
        _ = try other.client(Say.parse("select 1"), Say.flush, Say.parse("select 2"))
        try other.rule(1, Self.allowed)
        #expect(other.taken() == ["up 1 PH", "ask 2 SQL select 2"])
        #expect(try other.server(Tell.error("42P01")) == ["down E", "finished 1 - 42P01"])
        try other.rule(2, Self.allowed)
        #expect(other.taken() == ["finished 2 - -"])
    }
}
