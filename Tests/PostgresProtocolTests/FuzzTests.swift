import Model
import NIOCore
import PostgresProtocol
import TestSupport
import Testing
import Wire

struct FuzzTests {
    @Test func `First packets: no trap, and the same in pieces`() throws {
        let seeds = [
            OpeningTests.startup(["user", "u", "database", "d", "options", #"-c datestyle=ISO\ YMD"#]),
            [0, 0, 0, 8, 4, 0xD2, 0x16, 0x2F], [0, 0, 0, 8, 4, 0xD2, 0x16, 0x30],
            [0, 0, 0, 16, 4, 0xD2, 0x16, 0x2E, 0, 0, 0, 7, 0, 0, 0, 9],
        ]
        try Fuzz("postgres-opening", seeds: seeds, words: ["user\0", "options\0", "-c ", "--a=b"]).run {
            input,
            random in
            func play(_ pieces: [[UInt8]]) -> String {
                var opening = PostgresOpening(offersTLS: false)
                for piece in pieces {
                    switch opening.received(ByteBuffer(bytes: piece)) {
                    case .more, .declined: continue
                    case .encrypt: return "encrypt"
                    case .cancel(let key): return "cancel \(key.process)"
                    case .startup(let startup, _): return "\(startup)"
                    case .fault: return "fault"
                    }
                }
                return "more"
            }
            let (whole, cut) = (play([input]), play(input.pieces(of: 3, &random)))
            // What is glued to a request for encryption is seen when it comes with it.
            try Finding.unless(whole == cut || whole == "fault", "in pieces it is another: \(whole) \(cut)")
        }
    }

    @Test func `A server at login: no trap, and the same in pieces`() throws {
        let seeds = [
            Say.message("R", [0, 0, 0, 10] + Say.text("SCRAM-SHA-256") + [0])
                + Say.message("R", [0, 0, 0, 11] + Array("r=nonce1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".utf8))
                + Say.message("R", [0, 0, 0, 12] + Array("v=AAAA".utf8)),
            Say.message("R", [0, 0, 0, 5, 1, 2, 3, 4]) + Say.message("R", [0, 0, 0, 0])
                + Tell.status("a", "b")
                + Say.message("K", [0, 0, 0, 7, 0, 0, 0, 9]) + Tell.ready(),
            Tell.error("28P01"),
        ]
        try Fuzz("postgres-login", seeds: seeds, words: ["r=nonce", ",i=", ",s="]).run { input, random in
            func play(_ pieces: [[UInt8]]) -> String {
                var login = PostgresLogin(
                    PostgresLoginSettings(
                        user: "u",
                        database: "d",
                        password: "p",
                        settings: [],
                        isTrusted: true,
                        binding: nil
                    ),
                    nonce: "nonce"
                )
                var sent: [UInt8] = []
                for piece in pieces {
                    let step = login.received(ByteBuffer(bytes: piece))
                    sent += step.send.readableBytesView
                    switch step.outcome {
                    case .more: continue
                    case .ready(let session): return "\(sent) \(session.parameters)"
                    case .failed: return "failed"
                    }
                }
                return "\(sent)"
            }
            let (whole, cut) = (play([input]), play(input.pieces(of: 40, &random)))
            // What stands behind the end is seen only when it comes with it.
            try Finding.unless(whole == cut || whole == "failed", "in pieces it is another: \(whole) \(cut)")
        }
    }

    @Test(
        "A session: no trap, no action that was not ruled on, and the same in pieces",
        arguments: [Side.client, .upstream]
    )
    func session(side: Side) throws {
        let begun =
            Say.query("select 1") + Say.whole("select 2", as: "s") + Say.sync + Say.query("copy t to stdout")
        let client = [
            begun,
            Say.whole("forbidden") + Say.bind("s") + Say.execute() + Say.sync + Say.close("S", "s")
                + Say.flush,
            Say.query("unreadable") + Say.data("x") + Say.done + Say.query("set x")
                + Say.query("select '\\'"),
        ]
        let server = [
            Tell.description([("a", 25), ("b", 1700)]) + Tell.row([Array("ada@example.com".utf8), [0x31]])
                + Tell.complete("SELECT 1") + Tell.ready() + Tell.parsed + Tell.bound
                + Tell.description([("a", 1009)], binary: true)
                + Tell.row([[0, 0, 0, 1]]) + Tell.complete("SELECT 1") + Tell.ready("T") + Tell.copyOut()
                + Say.data("ada@example.com\n")
                + Say.done + Tell.complete("COPY 1") + Tell.ready(),
            Tell.error("22P02", "ada@example.com") + Tell.status("client_encoding", "SQL_ASCII")
                + Tell.ready("E"),
            Say.message("A", [0, 0, 0, 1] + Say.text("c") + Say.text("ada@example.com"))
                + Say.message("N", Say.text("Mx") + [0]),
        ]
        let seeds = side == .client ? client : server
        try Fuzz("postgres-session-\(side)", seeds: seeds, words: ["ada@example.com", "forbidden"]).run {
            input,
            random in
            func play(_ pieces: [[UInt8]]) throws -> [[UInt8]] {
                let talk = try Talk(TestRules(kinds: [.email, .paymentCard]))
                if side == .upstream { _ = try talk.client(begun) }
                var isOver = false
                for piece in pieces where !isOver {
                    let lines = side == .client ? try talk.client(piece) : try talk.server(piece)
                    isOver = lines.last == "close"
                }
                if isOver { return [] }
                return [talk.toServer, talk.toClient]
            }
            let (whole, cut) = (try play([input]), try play(input.pieces(of: 50, &random)))
            let denied = Self.statements(whole.first ?? []).contains { $0.contains("forbidden") }
            try Finding.unless(!denied, "what is denied went to the server")
            // No COPY has begun: its data alone pass in parts.
            try Finding.unless(Say.areWhole(whole.first ?? []), "a part of a message went to the server")
            try Finding.unless(whole == cut, "in pieces it is another: \(whole) \(cut)")
        }
    }

    /// The texts of Query and Parse.
    private static func statements(_ octets: [UInt8]) -> [String] {
        var bytes = ByteBuffer(bytes: octets)
        var texts: [String] = []
        while let (tag, length) = bytes.readMultipleIntegers(as: (UInt8, UInt32).self),
            let body = bytes.readBytes(length: Int(length) - 4)
        {
            let parts = body.split(separator: 0, omittingEmptySubsequences: false)
            if tag == UInt8(ascii: "Q") { texts.append(String(decoding: parts[0], as: UTF8.self)) }
            if tag == UInt8(ascii: "P") { texts.append(String(decoding: parts[1], as: UTF8.self)) }
        }
        return texts
    }
}
