import NIOCore
import PostgresProtocol
import TestSupport
import Testing

/// A client's first packets, and the answer to the gateway's own.
struct OpeningTests {
    private static func packet(_ code: UInt32, _ body: [UInt8] = [], length: UInt32? = nil) -> [UInt8] {
        [length ?? UInt32(body.count + 8), code].flatMap { word in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
        } + body
    }

    static func startup(_ fields: [String], version: UInt32 = 0x0003_0000) -> [UInt8] {
        packet(version, fields.flatMap(Say.text) + [0])
    }

    private static let tls = packet(80_877_103)
    private static let gssapi = packet(80_877_104)
    private static let cancel = packet(80_877_102, [0, 0, 0, 7, 0, 0, 0, 9])
    private static let start = startup(["user", "u"])

    /// What came of octets in pieces of `cut`, `e` when TLS has begun.
    private static func play(
        _ parts: [[UInt8]],
        tls: Bool = true,
        from begin: PostgresOpening? = nil,
        cut: Int = .max
    ) -> [String] {
        var opening = begin ?? PostgresOpening(offersTLS: tls)
        var seen: [String] = []
        for part in parts {
            if part == Array("e".utf8) {
                opening.encrypted()
                continue
            }
            for start in stride(from: 0, to: part.count, by: cut) {
                switch opening.received(ByteBuffer(bytes: part[start...].prefix(cut))) {
                case .more: continue
                case .declined(let answer), .encrypt(let answer): seen.append(String(buffer: answer))
                case .cancel(let key): seen.append("cancel \(key.process) \(key.key)")
                case .startup(let startup, let rest):
                    let settings = startup.settings.map { "\($0.name)=\($0.value)" }
                    seen.append(
                        ([startup.user, startup.database] + settings).joined(separator: " ")
                            + (rest.readableBytes > 0 ? " +\(rest.readableBytes)" : "")
                    )
                case .fault(let fault): return seen + ["fault \(fault.code)"]
                }
            }
        }
        return seen
    }

    private static let begun = Array("e".utf8)

    @Test(arguments: [1, 3, Int.max])
    func `A client that began with TLS does not ask for it again`(cut: Int) {
        let direct = PostgresOpening.encrypted
        #expect(Self.play([Self.start], from: direct, cut: cut) == ["u u"])
        #expect(Self.play([Self.cancel], from: direct, cut: cut) == ["cancel 7 9"])
        for request in [Self.tls, Self.gssapi] {
            #expect(Self.play([request], from: direct, cut: cut) == ["fault 08P01"])
        }
    }

    @Test(arguments: [1, 3, Int.max])
    func `Clients open as libpq and its like do, with and without TLS`(cut: Int) {
        #expect(Self.play([Self.start], cut: cut) == ["u u"])
        #expect(Self.play([Self.tls, Self.begun, Self.start], cut: cut) == ["S", "u u"])
        #expect(Self.play([Self.gssapi, Self.tls, Self.begun, Self.start], cut: cut) == ["N", "S", "u u"])
        #expect(Self.play([Self.tls, Self.gssapi, Self.start], tls: false, cut: cut) == ["N", "N", "u u"])
        #expect(Self.play([Self.cancel], cut: cut) == ["cancel 7 9"])
        #expect(Self.play([Self.tls, Self.begun, Self.cancel], cut: cut) == ["S", "cancel 7 9"])
        let settings = Self.startup([
            "user", "u", "database", "d", "application_name", "psql", "options",
            #"-c datestyle=ISO\ YMD --timezone=UTC -cextra-float-digits=3"#,
        ])
        #expect(
            Self.play([settings], cut: cut) == [
                "u d datestyle=ISO YMD timezone=UTC extra_float_digits=3 application_name=psql"
            ]
        )
    }

    @Test func `What comes behind the first packet is the session's`() {
        #expect(Self.play([Self.start + Say.query("select 1")]) == ["u u +14"])
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let name: String
        let parts: [[UInt8]]
        var before: [String] = []
        var code = "08P01"

        var testDescription: String { name }
    }

    static let hostile = [
        Hostile(
            name: "octets in the clear behind the request for TLS (CVE-2021-23222)",
            parts: [tls + [0x51]]
        ),
        Hostile(name: "a first packet behind the request for TLS", parts: [tls + start]),
        Hostile(name: "octets in the clear while TLS begins", parts: [tls, start], before: ["S"]),
        Hostile(name: "octets behind the request for GSSAPI", parts: [gssapi + start]),
        Hostile(name: "a request for TLS within TLS", parts: [tls, begun, tls], before: ["S"]),
        Hostile(name: "a second request for GSSAPI", parts: [gssapi, gssapi], before: ["N"]),
        Hostile(name: "a request for TLS that is too long", parts: [packet(80_877_103, [0])]),
        Hostile(name: "octets behind a request to cancel", parts: [cancel + [0]]),
        Hostile(name: "a request to cancel that is too short", parts: [packet(80_877_102, [0, 0, 0, 7])]),
        Hostile(name: "a length of zero", parts: [packet(0x0003_0000, [0], length: 0)]),
        Hostile(name: "a length of seven", parts: [packet(0x0003_0000, [0], length: 7)]),
        Hostile(name: "a negative length", parts: [packet(0x0003_0000, [0], length: 0xFFFF_FFFF)]),
        Hostile(name: "a length over the limit", parts: [packet(0x0003_0000, [0], length: 10_001)]),
        Hostile(name: "version 2", parts: [startup(["user", "u"], version: 0x0002_0000)], code: "0A000"),
        Hostile(name: "version 4", parts: [startup(["user", "u"], version: 0x0004_0000)], code: "0A000"),
        Hostile(name: "HTTP", parts: [Array("GET / HTTP/1.1\r\n\r\n".utf8)]),
        Hostile(name: "no user", parts: [startup(["database", "d"])], code: "28000"),
        Hostile(name: "an empty user", parts: [startup(["user", ""])], code: "28000"),
        Hostile(name: "a user twice", parts: [startup(["user", "u", "user", "v"])]),
        Hostile(
            name: "a setting twice, in another case",
            parts: [startup(["user", "u", "TimeZone", "a", "timezone", "b"])]
        ),
        Hostile(name: "a string that does not end", parts: [packet(0x0003_0000, Array("user".utf8))]),
        Hostile(name: "a name without a value", parts: [packet(0x0003_0000, Say.text("user"))]),
        Hostile(name: "no end", parts: [packet(0x0003_0000, Say.text("user") + Say.text("u"))]),
        Hostile(
            name: "something behind the end",
            parts: [packet(0x0003_0000, Say.text("user") + Say.text("u") + [0, 0])]
        ),
        Hostile(
            name: "a user that is not UTF-8",
            parts: [packet(0x0003_0000, Say.text("user") + [0xFF, 0, 0])]
        ),
        Hostile(
            name: "a setting that is not passed on",
            parts: [startup(["user", "u", "role", "postgres"])],
            code: "42501"
        ),
        Hostile(
            name: "the same in options",
            parts: [startup(["user", "u", "options", "-c role=postgres"])],
            code: "42501"
        ),
        Hostile(name: "other options", parts: [startup(["user", "u", "options", "-d 5"])], code: "42501"),
        Hostile(
            name: "an option without its value",
            parts: [startup(["user", "u", "options", "-c"])],
            code: "42501"
        ),
        Hostile(
            name: "replication that is no word",
            parts: [startup(["user", "u", "replication", "maybe"])]
        ),
        Hostile(
            name: "too many settings",
            parts: [startup(["user", "u"] + (0..<70).flatMap { ["_pq_.\($0)", ""] })]
        ),
    ]

    @Test(arguments: hostile)
    func `What no client sends is refused by name`(hostile: Hostile) {
        #expect(Self.play(hostile.parts) == hostile.before + ["fault \(hostile.code)"])
    }

    @Test func `A wish for replication is known, and a newer protocol is negotiated down`() throws {
        func read(_ octets: [UInt8]) throws -> PostgresStartup {
            var opening = PostgresOpening(offersTLS: false)
            guard case .startup(let startup, _) = opening.received(ByteBuffer(bytes: octets)) else {
                throw Finding(what: "it is refused")
            }
            return startup
        }
        let words: [(String, PostgresReplication?)] = [
            ("true", .physical), ("ON", .physical), ("1", .physical), ("database", .logical), ("0", nil),
            ("off", nil),
        ]
        for (word, wanted) in words {
            let startup = try read(Self.startup(["user", "u", "database", "d", "replication", word]))
            #expect(startup.replication == wanted)
            // A session with the cluster is with no database, whatever the client says.
            #expect(startup.database == (wanted == .physical ? "replication" : "d"))
        }
        #expect(try read(Self.start).negotiation == nil)
        let newer = try read(Self.startup(["user", "u", "_pq_.feature", "1"], version: 0x0003_0002))
        let body: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1] + Say.text("_pq_.feature")
        #expect(newer.negotiation == ByteBuffer(bytes: Say.message("v", body)))
    }

    @Test func `The server's answer to the request for TLS is one octet`() {
        #expect(PostgresEncryption(ByteBuffer(string: "S")) == .accepted)
        #expect(PostgresEncryption(ByteBuffer(string: "N")) == .declined)
        for other in ["E", "SX", "", "s"] { #expect(PostgresEncryption(ByteBuffer(string: other)) == .fault) }
        #expect(PostgresEncryption.request == ByteBuffer(bytes: Self.tls))
        #expect(BackendKey(process: 7, key: 9).cancellation == ByteBuffer(bytes: Self.cancel))
        #expect(
            !"\(BackendKey(process: 7, key: 4711)) \(String(reflecting: BackendKey(process: 7, key: 4711)))"
                .contains("4711")
        )
    }
}
