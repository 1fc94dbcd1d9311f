import Model
import PostgresProtocol
import Testing

/// A COPY that fails while a message of its data is under way.
struct CopyFailureTests {
    /// How a COPY begins, and how the server takes it.
    struct Opening: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let client: [UInt8]
        let server: [UInt8]
        let failure: [UInt8]
        /// What the client sends before its next statement, and what the server says to that.
        let behind: (client: [UInt8], server: [UInt8])
    }

    static let openings = [
        Opening(
            testDescription: "simple",
            client: Say.query("copy t from stdin"),
            server: Tell.copyIn,
            failure: Tell.error("22P02") + Tell.ready(),
            behind: ([], [])
        ),
        Opening(
            testDescription: "extended",
            client: Say.parse("copy t from stdin") + Say.bind("") + Say.execute(),
            server: Tell.parsed + Tell.bound + Tell.copyIn,
            failure: Tell.error("22P02"),
            behind: (Say.sync, Tell.ready())
        ),
        Opening(
            testDescription: "both directions",
            client: Say.query("start_replication slot s logical 0/0"),
            server: Say.message("W", [0, 0, 0]),
            failure: Tell.error("08P01") + Tell.ready(),
            behind: ([], [])
        ),
    ]

    @Test(arguments: openings)
    func `what was begun of a message goes on to its end, and what begins behind the failure stays here`(
        opening: Opening
    ) throws {
        let data = Say.data(String(repeating: "x", count: 300))
        for cut in 1..<data.count {
            let talk = try Talk(TestRules())
            _ = try talk.client(opening.client)
            _ = try talk.server(opening.server)
            _ = try talk.client(Say.data("bad") + data.prefix(cut))
            _ = try talk.server(opening.failure)
            let before = talk.toServer.count
            // In three parts: its rest, one more message of data, and what stands behind.
            _ = try talk.client(Array(data[cut...].prefix(7)))
            _ = try talk.client(Array(data[cut...].dropFirst(7)) + Say.data("stray"))
            let isBegun = cut >= 5
            #expect(talk.toServer.count - before == (isBegun ? data.count - cut : 0), "cut at \(cut)")
            #expect(Say.areWhole(talk.toServer), "cut at \(cut)")
            _ = try talk.client(opening.behind.client)
            _ = try talk.server(opening.behind.server)
            let lines = try talk.client(Say.query("select 1"))
            #expect(lines.first?.hasPrefix("ask ") == true && lines.last?.hasSuffix(" Q") == true, "\(lines)")
            #expect(Say.areWhole(talk.toServer), "cut at \(cut)")
        }
    }

    private static let copy = Say.parse("copy t from stdin") + Say.bind("") + Say.execute()

    @Test func `Data that come before their COPY has begun wait for it, whatever is answered before`() throws
    {
        let data = Say.data(String(repeating: "x", count: 300))
        for cut in 1..<data.count {
            let talk = try Talk(TestRules())
            _ = try talk.client(Say.parse("select 1") + Say.bind("") + Say.execute() + Self.copy)
            _ = try talk.server(Tell.parsed, Tell.bound, Tell.complete("SELECT 1"))
            #expect(!talk.wantsMore)
            let before = talk.toServer.count
            _ = try talk.client(Array(data.prefix(cut)))
            #expect(talk.toServer.count == before, "cut at \(cut)")
            _ = try talk.server(Tell.parsed, Tell.bound, Tell.copyIn)
            _ = try talk.client(Array(data.dropFirst(cut)) + Say.data("more") + Say.done)
            let sent = Array(talk.toServer.dropFirst(before))
            #expect(sent.starts(with: data + Say.data("more") + Say.done), "cut at \(cut)")
            #expect(Say.areWhole(talk.toServer), "cut at \(cut)")
        }
    }

    @Test(arguments: [[], Tell.parsed])
    func `A COPY whose Parse or Bind fails holds nobody up`(answered: [UInt8]) throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Self.copy + Say.sync + Say.query("select 1"))
        let lines = try talk.server(answered, Tell.error("25P02"))
        #expect(lines.contains { $0.hasPrefix("finished 1 ") } && lines.last == "up 2 Q", "\(lines)")
        #expect(Say.areWhole(talk.toServer))
    }
}
