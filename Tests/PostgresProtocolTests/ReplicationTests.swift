import Model
import NIOCore
import PostgresProtocol
import TestSupport
import Testing
import Wire

/// Streams of replication in the engine alone.
struct ReplicationTests {
    private static let start = "start_replication slot s logical 0/0"
    private static let both = Say.message("W", [0, 0, 0])

    /// A session in which a stream has begun.
    private static func streaming() throws -> Talk {
        let talk = try Talk(TestRules())
        #expect(try talk.client(Say.query(start)) == ["ask 1 SQL \(start)", "up 1 Q"])
        #expect(try talk.server(both) == ["down W"])
        return talk
    }

    @Test func `Both sides send until each has said that it is over, and what comes behind is held`() throws {
        let talk = try Self.streaming()
        #expect(talk.wantsMore)
        #expect(try talk.server(Say.data("w1"), Say.data("k")) == ["down dd"])
        #expect(try talk.client(Say.data("r1")) == ["up 1 d"])
        #expect(try talk.server(Say.data("w2")) == ["down d"])
        #expect(try talk.client(Say.done) == ["up 1 c"])
        #expect(!talk.wantsMore)
        #expect(try talk.client(Say.query("select 1")) == [])
        #expect(try talk.server(Say.data("w3"), Say.done) == ["down d", "down c"])
        #expect(
            try talk.server(Tell.complete("START_REPLICATION"), Tell.ready()) == [
                "down C", "finished 1 START_REPLICATION -", "down Z", "ask 2 SQL select 1", "up 2 Q",
            ]
        )
        #expect(talk.outcomes[1]?.isCutStream == false)
        let messages = try #require(talk.outcomes[1]?.messages)
        #expect(messages.sent == 1 && messages.received == 4, "\(messages)")
    }

    @Test func `A server that ends first is followed by its client, and may say more`() throws {
        let talk = try Self.streaming()
        #expect(try talk.server(Say.done) == ["down c"])
        #expect(try talk.client(Say.data("r1")) == ["up 1 d"])
        #expect(try talk.client(Say.done) == ["up 1 c"])
        let end =
            Tell.description([("next_tli", 20)]) + Tell.row("2") + Tell.complete("START_STREAMING")
            + Tell.complete("START_REPLICATION") + Tell.ready()
        #expect(
            try talk.server(end) == [
                "down T", "down D", "down CC", "finished 1 START_STREAMING, START_REPLICATION -", "down Z",
            ]
        )
        #expect(talk.wantsMore)
    }

    @Test func `What a server sends behind its end of the data, as PostgreSQL does, is passed on`() throws {
        let talk = try Self.streaming()
        #expect(try talk.client(Say.done) == ["up 1 c"])
        #expect(try talk.server(Say.data("w1"), Say.done, Say.data("k")) == ["down d", "down c", "down d"])
        #expect(
            try talk.server(Tell.complete("COPY 0"), Tell.complete("START_REPLICATION"), Tell.ready())
                == ["down CC", "finished 1 COPY 0, START_REPLICATION -", "down Z"]
        )
    }

    @Test func `An error amid a stream ends it, and not its session`() throws {
        let talk = try Self.streaming()
        let lines = try talk.server(Tell.error("57014"), Tell.ready())
        #expect(lines == ["down E", "finished 1 - 57014", "down Z"])
        #expect(talk.outcomes[1]?.isCutStream == false)
        #expect(
            try talk.client(Say.data("late"), Say.done, Say.query("select 1"))
                == ["ask 2 SQL select 1", "up 2 Q"]
        )
    }

    @Test func `Whoever goes amid a stream ends it, and what had passed is known`() throws {
        let quits = try Self.streaming()
        _ = try quits.client(Say.data("r1"))
        #expect(try quits.client(Say.message("X", [])) == ["up 0 X", "finished 1 - -", "close"])
        #expect(quits.outcomes[1]?.messages?.sent == 1 && quits.outcomes[1]?.isCutStream == true)
        let gone = try Self.streaming()
        _ = try gone.server(Say.data("w1"))
        #expect(try gone.ended(.upstream) == ["finished 1 - -", "close"])
        #expect(gone.outcomes[1]?.messages?.received == 1)
        let left = try Self.streaming()
        #expect(try left.ended(.client) == ["up 0 X", "finished 1 - -", "close"])
    }

    @Test func `What nobody asked for is no stream, and a stream is of data alone`() throws {
        for text in ["select 1", "copy t from stdin", "copy t to stdout"] {
            let talk = try Talk(TestRules())
            _ = try talk.client(Say.query(text))
            #expect(try talk.server(Self.both).contains("reply E FATAL 08P01"), "\(text)")
        }
        let hostile: [(String, Side, [UInt8])] = [
            ("a second beginning", .upstream, Self.both),
            ("COPY out", .upstream, Tell.copyOut()),
            ("a second end", .upstream, Say.done + Say.done),
            ("Sync", .client, Say.sync),
            ("Flush", .client, Say.flush),
            ("a query", .client, Say.query("select 1")),
            ("Parse", .client, Say.parse("select 1")),
        ]
        for (name, side, octets) in hostile {
            for cut in [1, Int.max] {
                let talk = try Self.streaming()
                var lines: [String] = []
                for start in stride(from: 0, to: octets.count, by: cut) {
                    let part = Array(octets[start...].prefix(cut))
                    lines += side == .client ? try talk.client(part) : try talk.server(part)
                }
                #expect(lines.contains("reply E FATAL 08P01") && lines.last == "close", "\(name): \(lines)")
            }
        }
    }

    @Test func `Where anything is masked a stream does not go to the server`() throws {
        let talk = try Talk(TestRules(kinds: [.email]))
        #expect(
            try talk.client(Say.query(Self.start))
                == ["ask 1 SQL \(Self.start)", "finished 1 - -", "refused 2 denied", "up 0 Q"]
        )
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 42501", "down Z"])
        #expect(!String(decoding: talk.toServer, as: UTF8.self).contains(Self.start))
    }

    @Test(
        "A stream: no trap, and the same in pieces",
        arguments: [Side.client, .upstream]
    )
    func damaged(side: Side) throws {
        let client = [
            Say.data("r1") + Say.data(String(repeating: "h", count: 300)) + Say.done,
            Say.data("") + Say.message("X", []), Say.data("r") + Say.failed,
        ]
        let server = [
            Say.data("w1") + Say.data(String(repeating: "w", count: 300)) + Say.done
                + Tell.complete("START_REPLICATION") + Tell.ready(),
            Say.done + Tell.description([("a", 25)]) + Tell.row("2") + Tell.complete("START_STREAMING")
                + Tell.ready(),
            Say.data("w") + Tell.error("57P01", severity: "FATAL"),
        ]
        let seeds = side == .client ? client : server
        try Fuzz("postgres-stream-\(side)", seeds: seeds).run { input, random in
            func play(_ pieces: [[UInt8]]) throws -> [[UInt8]] {
                let talk = try Self.streaming()
                var isOver = false
                for piece in pieces where !isOver {
                    let lines = side == .client ? try talk.client(piece) : try talk.server(piece)
                    isOver = lines.last == "close"
                }
                return isOver ? [] : [talk.toServer, talk.toClient]
            }
            let (whole, cut) = (try play([input]), try play(input.pieces(of: 50, &random)))
            try Finding.unless(whole == cut, "in pieces it is another: \(whole) \(cut)")
        }
    }
}
