import HTTPProtocol
import Model
import NIOHTTP1
import Reflection
import Testing
import Wire

/// Bodies that stand for more than is looked through in a turn of the loop.
struct SearchTurnsTests {
    /// Room of two pieces, however short.
    private static let room = 1_000
    private static let secret = "QmZ7tWvLq93xXkY2pHs81dUeA"

    /// So many members of gzip, each a piece of its own, and another one behind them.
    private static func members(_ count: Int, _ last: [UInt8] = Calls.plain) -> [UInt8] {
        Array((0..<count).map { _ in Calls.plain }.joined()) + last
    }

    private static func post(_ body: [UInt8], _ fields: String = "Content-Encoding: gzip") -> [UInt8] {
        let head = lines("POST / HTTP/1.1", "Host: allowed.test", "Content-Length: \(body.count)", fields)
        return Array(head.utf8) + body
    }

    private static func reply(_ body: [UInt8], _ fields: String = "Content-Encoding: gzip") -> [UInt8] {
        Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\(fields)\r\n\r\n".utf8) + body
    }

    private static func call(_ count: Int) -> [UInt8] {
        Array((0..<count).map { _ in Calls.message(Calls.plain) + Calls.message("plain") }.joined())
            + Calls.message(Calls.withSecret)
    }

    /// A body is read first, and meanwhile another request puts the secret in.
    private static func learning() throws -> Playbook {
        let spellings = SpellingsCache()
        let host = Host.name(try #require(DNSName("model.test")))
        return try Playbook(
            masking: spellings,
            decide: { request in
                guard request.body.tells(.digest) else { return .read(.digest) }
                _ = spellings.spellings(ofField: "Bearer \(secret)", sentTo: host)
                return .allowed(injection: nil)
            }
        )
    }

    /// What has gone to the upstream behind its request's head.
    private static func body(_ play: Playbook) -> Substring? {
        play.toUpstream.components(after: "\r\n\r\n").first
    }

    @Test(arguments: [7, Int.max])
    func `A coded body goes out once it is looked through, so much in each turn`(cut: Int) throws {
        let play = try Playbook()
        play.room = Self.room
        try play.client(octets: Self.post(Self.members(100)), cut: cut)
        #expect(play.isSearching && !play.wantsClientMessages)
        let sent = try #require(Self.body(play))
        #expect(cut == 7 || sent.isEmpty)
        #expect(try play.turns(Self.room) >= 40)
        #expect(!play.isSearching && play.wantsClientMessages && play.refused.isEmpty)
        #expect(Self.body(play)?.count ?? 0 > sent.count)
        try play.upstream("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(play.finished == 1)
        // The control: with room for all of it nothing waits.
        let other = try Playbook()
        try other.client(octets: Self.post(Self.members(100)), cut: cut)
        #expect(!other.isSearching && (cut == 7 || other.toUpstream == play.toUpstream))
    }

    @Test func `What is found in a later turn ends the request, and nothing of it has gone out`() throws {
        let play = try Playbook()
        play.room = Self.room
        try play.client(octets: Self.post(Self.members(50, Calls.withToken)))
        #expect(play.refused.isEmpty && play.isSearching)
        #expect(try play.turns(Self.room) > 1)
        #expect(play.refused.map(\.reason) == [.secretLeaving] && play.isClosed)
        #expect(Self.body(play)?.isEmpty == true)
    }

    @Test func `A turn without room does nothing`() throws {
        let play = try Playbook()
        play.room = 0
        try play.client(octets: Self.post(Self.members(2)))
        try play.turn(0)
        try play.turn(-1)
        #expect(play.isSearching)
        #expect(Self.body(play)?.isEmpty == true)
        // What is not coded needs none.
        let plain = try Playbook()
        plain.room = 0
        try plain.client(octets: Self.post(Array("plain".utf8), "X: y"))
        #expect(!plain.isSearching && plain.toUpstream.hasSuffix("plain"))
    }

    @Test func `A body that is read first is decided on once it is looked through, though its client ended`()
        throws
    {
        let play = try Playbook(decide: { request in
            request.body.tells(.digest) ? .allowed(injection: nil) : .read(.digest)
        })
        play.room = Self.room
        try play.client(octets: Self.post(Self.members(50)))
        try play.clientEnds()
        #expect(play.asked.count == 1 && play.isSearching && !play.isClosed)
        #expect(try play.turns(Self.room) > 20)
        #expect(play.asked.count == 2 && play.refused.isEmpty && !play.isClosed)
        #expect(Self.body(play)?.isEmpty == false)
    }

    @Test func `What waits behind a body that is refused meanwhile is thrown away`() throws {
        let play = try Playbook(decide: { _ in .read(.digest) })
        play.room = 0
        try play.client(octets: Self.post(Self.members(50)), cut: 200)
        #expect(play.isSearching && !play.wantsClientMessages)
        try play.refuseGathering()
        #expect(play.refused.count == 1 && play.statuses.count == 1 && !play.isClosed)
        #expect(!play.isSearching && play.wantsClientMessages)
    }

    @Test(arguments: [secret, "nothing"])
    func `A secret that is first put in while a body is read is looked for in later turns as well`(
        word: String
    ) throws {
        let play = try Self.learning()
        play.room = 0
        try play.client(octets: Self.post(Array("a=\(word)&b=1".utf8), "X: y"))
        #expect(play.asked.count == 2 && play.isSearching && play.toUpstream.isEmpty)
        _ = try play.turns(Self.room)
        let isFound = word == Self.secret
        #expect(play.refused.map(\.reason) == (isFound ? [.secretLeaving] : []))
        #expect(play.toUpstream.isEmpty == isFound)
        #expect(play.toUpstream.hasSuffix("a=nothing&b=1") == !isFound)
    }

    @Test func `An upstream that ends before such a body has gone out is told of`() throws {
        let play = try Self.learning()
        play.room = 0
        try play.client(octets: Self.post(Array("a=1".utf8), "X: y"))
        try play.upstreamEnds()
        #expect(play.statuses == [502] && play.toUpstream.isEmpty)
    }

    static let replies: [(fields: String, body: [UInt8])] = [
        ("Content-Encoding: gzip", members(50, Calls.withSecret)),
        ("Content-Type: application/grpc\r\nGrpc-Encoding: gzip", call(30)),
    ]

    @Test(arguments: replies, [1, 5_000, 1_000_000])
    func `A reply that is looked through in turns comes out as it does in one`(
        reply: (fields: String, body: [UInt8]),
        room: Int
    ) throws {
        let whole = try CredentialsTests.play()
        try whole.client(StateMachineTests.get)
        try whole.upstream(octets: Self.reply(reply.body, reply.fields))
        #expect(whole.finished == 1 && whole.masked == [.body])
        for cut in [11, Int.max] {
            let play = try CredentialsTests.play()
            try play.client(StateMachineTests.get)
            play.room = room
            try play.upstream(octets: Self.reply(reply.body, reply.fields), cut: cut)
            #expect(play.isSearching == (room < 1_000_000))
            // It may end meanwhile.
            if play.isSearching { try play.upstreamEnds() }
            #expect(play.finished == (room < 1_000_000 ? 0 : 1) && play.refused.isEmpty)
            _ = try play.turns(room)
            #expect(play.finished == 1 && play.refused.isEmpty && play.masked == [.body])
            if cut == Int.max { #expect(play.octetsToClient == whole.octetsToClient) }
            #expect(!play.toClient.contains("s3cr3t"))
        }
    }

    @Test func `A reply waits while its client takes no more of it`() throws {
        let play = try CredentialsTests.play()
        try play.client(StateMachineTests.get)
        play.room = Self.room
        try play.upstream(octets: Self.reply(Self.members(50)))
        let count = play.octetsToClient.count
        for _ in 0..<100 { try play.turn(Self.room, takingReply: false) }
        #expect(play.octetsToClient.count == count && play.finished == 0)
        _ = try play.turns(Self.room)
        #expect(play.octetsToClient.count > count && play.finished == 1)
    }

    @Test func `An upstream that ends in the midst of a reply is told of when that is looked through`() throws
    {
        let play = try CredentialsTests.play()
        try play.client(StateMachineTests.get)
        play.room = Self.room
        try play.upstream(octets: Array(Self.reply(Self.members(50)).dropLast()))
        try play.upstreamEnds()
        #expect(play.refused.isEmpty && !play.isClosed)
        _ = try play.turns(Self.room)
        #expect(play.refused.map(\.reason) == [.upstreamFailed] && play.isClosed && play.finished == 0)
    }

    @Test func `Parts of a body that wait are joined: there may be one for each octet`() throws {
        let body = Self.members(2_000)
        let play = try Playbook()
        play.room = 1
        let head = lines(
            "POST / HTTP/1.1",
            "Host: allowed.test",
            "Transfer-Encoding: chunked",
            "Content-Encoding: gzip"
        )
        try play.client(octets: Array(head.utf8) + body.flatMap { [0x31, 0x0d, 0x0a, $0, 0x0d, 0x0a] })
        #expect(body.count > 16_384 && play.isSearching && !play.isClosed)
        try play.client("0\r\n\r\n")
        _ = try play.turns(1_000_000)
        #expect(!play.isClosed && play.refused.isEmpty && play.toUpstream.hasSuffix("0\r\n\r\n"))
    }
}
