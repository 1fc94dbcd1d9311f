import Model
import Testing
import Wire

/// Names of prepared statements and portals: what the engine takes one for has to be what the server takes it for, since it
/// says what is decided on and masked.
struct NameTests {
    private static let mail = Array("ada@example.com".utf8)
    private static let long = String(repeating: "a", count: 63)

    private static func results(_ text: [UInt8]) -> [UInt8] {
        Tell.description([("m", 25)]) + Tell.row([text]) + Tell.complete("SELECT 1")
    }

    @Test func `A name longer than the server's is the one that it begins with`() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.parse("select 1", as: Self.long + "X"), Say.sync)
        _ = try talk.server(Tell.parsed, Tell.ready())
        #expect(try talk.client(Say.close("S", Self.long + "Y"), Say.sync) == ["up 0 CS"])
        _ = try talk.server(Tell.closed, Tell.ready())
        #expect(try talk.client(Say.bind(Self.long + "X"), Say.sync) == ["up 0 PS"])
        _ = try talk.server(Tell.error("42601"), Tell.ready())
        _ = try talk.client(Say.parse("select 2", as: Self.long + "Z"), Say.sync)
        _ = try talk.server(Tell.parsed, Tell.ready())
        let lines = try talk.client(
            Say.bind(Self.long + "X", to: Self.long + "P"),
            Say.execute(Self.long + "Q"),
            Say.sync
        )
        #expect(lines == ["up 0 B", "ask 3 SQL select 2", "up 3 ES"], "\(lines)")
    }

    @Test(arguments: [
        Say.parse("select 1", as: "é"), Say.bind("é"), Say.bind("", to: "é"), Say.describe("S", "é"),
        Say.describe("P", "é"), Say.execute("é"), Say.close("S", "é"), Say.close("P", "é"),
    ])
    func `A name that is not ASCII, and so another one in another encoding, ends the session`(
        message: [UInt8]
    ) throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.parse("select 1"), Say.sync)
        _ = try talk.server(Tell.parsed, Tell.ready())
        #expect(try talk.client(message).suffix(2) == ["reply E FATAL 0A000", "close"])
    }

    @Test func `A cursor of SQL's is described by the protocol, as psycopg does, and not executed by it`()
        throws
    {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.query("declare c cursor for select 1"))
        _ = try talk.server(Tell.complete("DECLARE CURSOR"), Tell.ready("T"))
        #expect(try talk.client(Say.describe("P", "c"), Say.sync) == ["up 0 DS"])
        #expect(try talk.server(Tell.description([("a", 25)]), Tell.ready("T")) == ["down TZ"])
        #expect(try talk.client(Say.describe("P", "c"), Say.execute("c"), Say.sync) == ["up 0 DPS"])
        let answer = try talk.server(Tell.description([("a", 25)]), Tell.error("42601"), Tell.ready("E"))
        #expect(answer == ["down T", "reply E ERROR 34000", "down Z"])
        #expect(try talk.client(Say.describe("P", "none"), Say.sync) == ["up 0 DS"])
        #expect(try talk.server(Tell.error("34000"), Tell.ready("E")) == ["down EZ"])
    }

    @Test func `A Bind that fails leaves its portal to what it stood for`() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.query("begin"))
        _ = try talk.server(Tell.complete("BEGIN"), Tell.ready("T"))
        _ = try talk.client(
            Say.parse("select 1", as: "a"),
            Say.parse("select 2", as: "b"),
            Say.bind("a", to: "p"),
            Say.sync
        )
        _ = try talk.server(Tell.parsed, Tell.parsed, Tell.bound, Tell.ready("T"))
        // It is there already; the one behind it in the pipeline is skipped.
        _ = try talk.client(Say.bind("b", to: "p"), Say.bind("b", to: "p"), Say.sync)
        _ = try talk.server(Tell.error("42P03"), Tell.ready("E"))
        _ = try talk.client(Say.query("rollback to s"))
        _ = try talk.server(Tell.complete("ROLLBACK"), Tell.ready("T"))
        let lines = try talk.client(Say.execute("p"), Say.sync)
        #expect(lines.contains { $0.hasSuffix("SQL select 1") }, "\(lines)")
    }

    @Test(arguments: ["statement", "portal"])
    func `What SQL's EXECUTE and FETCH give of the protocol's statements and portals is masked as those are`(
        kind: String
    ) throws {
        let talk = try Talk()
        _ = try talk.client(Say.parse("select m", as: kind == "statement" ? "p" : ""), Say.flush)
        try talk.rule(1, .allowed(injection: nil, masks: [.email]))
        _ = try talk.server(Tell.parsed)
        if kind == "portal" { _ = try talk.client(Say.bind("", to: "c")) }
        _ = try talk.client(Say.sync)
        _ = try talk.server((kind == "portal" ? Tell.bound : []) + Tell.ready("T"))
        for (id, text, isMasked) in [
            (UInt64(2), "select m", false), (3, kind == "statement" ? "execute p" : "fetch c", true),
            (4, "select m", false),
        ] {
            _ = try talk.client(Say.query(text))
            try talk.rule(id, .allowed(injection: nil))
            let start = talk.toClient.count
            _ = try talk.server(Self.results(Self.mail) + Tell.ready("T"))
            let seen = String(decoding: talk.toClient[start...], as: UTF8.self)
            #expect(seen.contains("ada@example.com") != isMasked, "\(text)")
        }
    }
}
