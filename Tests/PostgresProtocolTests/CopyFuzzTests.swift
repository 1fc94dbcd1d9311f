import PostgresProtocol
import TestSupport
import Testing

/// Data of clients', while the server says at random places that a COPY begins, and that it has failed.
struct CopyFuzzTests {
    /// What a client begins with, and what its server says to it, one after the other.
    private struct Scene {
        let client: [UInt8]
        let server: [[UInt8]]
    }

    private static let copy = Say.parse("copy t from stdin") + Say.bind() + Say.execute()
    private static let failure = Tell.error("22P02")

    private static let scenes = [
        Scene(client: Say.query("copy t from stdin"), server: [Tell.copyIn, failure + Tell.ready()]),
        Scene(client: copy, server: [Tell.parsed + Tell.bound + Tell.copyIn, failure]),
        Scene(
            client: Say.parse("select 1") + Say.bind() + Say.execute() + copy,
            server: [
                Tell.parsed + Tell.bound + Tell.complete("SELECT 1"), Tell.parsed + Tell.bound + Tell.copyIn,
                failure,
            ]
        ),
        Scene(
            client: Say.query("start_replication slot s logical 0/0"),
            server: [Say.message("W", [0, 0, 0]), failure + Tell.ready()]
        ),
    ]

    private static let seeds = [
        Say.data("bad") + Say.data(String(repeating: "x", count: 300)) + Say.data("y")
            + Say.query("select 1"),
        Say.data(String(repeating: "x", count: 120)) + Say.done + Say.sync + Say.whole("select 2") + Say.sync,
        Say.data(String(repeating: "x", count: 80)) + Say.failed + Say.sync + copy
            + Say.data(String(repeating: "z", count: 80)),
    ]

    /// Everything that went to the server, where it says each thing at a place of its own.
    private static func play(_ scene: Scene, _ pieces: [[UInt8]], _ random: inout SplitMix) throws -> [UInt8]
    {
        let talk = try Talk(TestRules())
        _ = try talk.client(scene.client)
        let places = scene.server.map { _ in Int.random(in: 0...pieces.count, using: &random) }.sorted()
        var said = Array(zip(places, scene.server))[...]
        for (place, piece) in (pieces + [[]]).enumerated() {
            while let (when, what) = said.first, when == place {
                said.removeFirst()
                if try talk.server(what).last == "close" { return talk.toServer }
            }
            if try talk.client(piece).last == "close" { break }
        }
        return talk.toServer
    }

    /// Of each message of data all goes to the server, or nothing; what has not come yet may be missing.
    private static func check(_ sent: [UInt8], of client: [UInt8]) throws {
        let said = Say.frames(client).filter { $0.first == UInt8(ascii: "d") }
        let frames = Say.frames(sent)
        for (place, frame) in frames.enumerated() where frame.first == UInt8(ascii: "d") {
            let isSaid =
                place < frames.count - 1 ? said.contains(frame) : said.contains { $0.starts(with: frame) }
            try Finding.unless(isSaid, "the server reads what the client did not say: \(frame)")
        }
        guard let last = frames.last, last.first != UInt8(ascii: "d") else { return }
        try Finding.unless(Say.areWhole(last), "a part of a message: \(last)")
    }

    @Test
    func `A COPY that begins late, or fails amid a message: of each all goes to the server, or nothing`()
        throws
    {
        try Fuzz("postgres-copy-failing", seeds: Self.seeds, words: ["copy t from stdin"]).run {
            input,
            random in
            for scene in Self.scenes {
                let pieces = input.pieces(of: 50, &random)
                let sent = try Self.play(scene, pieces, &random)
                try Self.check(sent, of: scene.client + input)
            }
        }
    }
}
