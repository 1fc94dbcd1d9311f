import Model
import PostgresProtocol
import Testing

/// A COPY that fails while a message of its data is under way.
struct CopyFailureTests {
    /// Whole messages, one behind the other, and nothing else.
    private func areWhole(_ octets: [UInt8]) -> Bool {
        var rest = octets[...]
        while rest.count >= 5 {
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard length >= 4, rest.count > length else { return false }
            rest = rest.dropFirst(length + 1)
        }
        return rest.isEmpty
    }

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
            #expect(areWhole(talk.toServer), "cut at \(cut)")
            _ = try talk.client(opening.behind.client)
            _ = try talk.server(opening.behind.server)
            let lines = try talk.client(Say.query("select 1"))
            #expect(lines.first?.hasPrefix("ask ") == true && lines.last?.hasSuffix(" Q") == true, "\(lines)")
            #expect(areWhole(talk.toServer), "cut at \(cut)")
        }
    }
}
