import Model
import NIOCore
import PostgresProtocol
import Testing

/// The gateway's login, with answers of a server that were computed by another program (Python's hashlib and hmac).
struct LoginTests {
    private static let nonce = "rOprNGfwEbeRWgbNEkqO"
    private static let full = nonce + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let challenge = "r=\(full),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    private static let signature = "v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg="
    private static let ok = authentication(0)
    private static let plus = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]

    private static func authentication(_ kind: UInt8, _ body: [UInt8] = []) -> [UInt8] {
        Say.message("R", [0, 0, 0, kind] + body)
    }

    private static func sasl(_ mechanisms: [String] = ["SCRAM-SHA-256"]) -> [UInt8] {
        authentication(10, mechanisms.flatMap(Say.text) + [0])
    }

    private static func scram(_ kind: UInt8, _ text: String) -> [UInt8] {
        authentication(kind, Array(text.utf8))
    }

    /// What the gateway sends, a line for each step, and how it ended.
    private static func play(
        _ steps: [[UInt8]],
        password: String? = "pencil",
        trusted: Bool = false,
        binding: [UInt8]? = nil,
        cut: Int = .max
    ) -> [String] {
        var login = PostgresLogin(
            PostgresLoginSettings(
                user: "user",
                database: "db",
                password: password,
                settings: [],
                isTrusted: trusted,
                binding: binding
            ),
            nonce: nonce
        )
        var seen: [String] = []
        for step in steps {
            for start in stride(from: 0, to: step.count, by: cut) {
                let (send, outcome) = login.received(ByteBuffer(bytes: step[start...].prefix(cut)))
                if send.readableBytes > 0 {
                    let body = send.readableBytesView.dropFirst(5).map { $0 < 0x20 ? UInt8(ascii: "~") : $0 }
                    seen.append(String(decoding: body, as: UTF8.self))
                }
                switch outcome {
                case .more: continue
                case .ready(let session):
                    let parameters = session.parameters.map { "\($0.name)=\($0.value)" }
                    seen.append("ready \(parameters.joined(separator: " ")) \(session.key?.process ?? 0)")
                case .failed(let fault):
                    return seen + ["failed \(fault.reason.rawValue): \(fault.told ?? fault.message)"]
                }
            }
        }
        return seen
    }

    private static let rest =
        Tell.status("server_version", "15") + Say.message("K", [0, 0, 0, 7, 0, 0, 0, 9]) + Tell.ready()

    @Test(arguments: [1, 5, Int.max])
    func `SCRAM is spoken as another program speaks it, bound to TLS where the server can`(cut: Int) {
        let first = "n=,r=\(Self.nonce)"
        #expect(
            Self.play(
                [
                    Self.sasl(), Self.scram(11, Self.challenge),
                    Self.scram(12, Self.signature) + Self.ok + Self.rest,
                ],
                cut: cut
            ) == [
                "SCRAM-SHA-256~~~~~n,,\(first)",
                "c=biws,r=\(Self.full),p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k=",
                "ready server_version=15 7",
            ]
        )
        let bound = Self.play(
            [
                Self.sasl(Self.plus), Self.scram(11, Self.challenge),
                Self.scram(12, "v=ykwoqH8mLqO5AQCeuwwf6lsj9f8zyJZT/CcvAbN4Ssc=") + Self.ok + Self.rest,
            ],
            binding: (0..<32).map { UInt8($0) },
            cut: cut
        )
        #expect(
            bound[0].hasPrefix("SCRAM-SHA-256-PLUS~")
                && bound[0].hasSuffix("p=tls-server-end-point,,\(first)")
        )
        #expect(
            bound[1].hasPrefix(
                "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,r="
            )
        )
        #expect(
            bound[1].hasSuffix(",p=Q8h71kjaoMzNI7dPksDrhRE/5mTUObF0fUHVIgBOWQg=")
                && bound[2] == "ready server_version=15 7"
        )
        // Under TLS with a server that offers no binding: it hears that one was possible.
        let unbound = Self.play([Self.sasl(), Self.scram(11, Self.challenge)], binding: [1], cut: cut)
        #expect(unbound[0].hasSuffix("y,,\(first)"))
        #expect(unbound[1] == "c=eSws,r=\(Self.full),p=VpuC5DGQa5ro9tXE9MnKs69NH1nxnuregZZcclqIGfM=")
    }

    @Test func `A password goes as md5, and in the clear only to a server that is known`() {
        #expect(
            Self.play([Self.authentication(5, [1, 2, 3, 4]), Self.ok + Self.rest]) == [
                "md54376eb6913b38f9aaff38dc7cf19ca76~", "ready server_version=15 7",
            ]
        )
        #expect(
            Self.play([Self.authentication(3), Self.ok + Self.rest], trusted: true) == [
                "pencil~", "ready server_version=15 7",
            ]
        )
        #expect(
            Self.play([Self.authentication(3)]).first?.hasPrefix(
                "failed credential-unavailable: the database wants the password in the clear"
            ) == true
        )
        #expect(Self.play([Self.ok + Self.rest], password: nil) == ["ready server_version=15 7"])
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let name: String
        let steps: [[UInt8]]
        var password: String? = "pencil"
        var reason = "malformed"

        var testDescription: String { name }
    }

    private static func challenged(_ text: String) -> [[UInt8]] { [sasl(), scram(11, text)] }

    static let hostile = [
        Hostile(name: "a nonce of its own", steps: challenged("r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")),
        Hostile(
            name: "the gateway's nonce alone",
            steps: challenged("r=\(nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        ),
        Hostile(name: "too few rounds", steps: challenged("r=\(full),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095")),
        Hostile(name: "too many rounds", steps: challenged("r=\(full),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001")),
        Hostile(name: "negative rounds", steps: challenged("r=\(full),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096")),
        Hostile(name: "no salt", steps: challenged("r=\(full),s=,i=4096")),
        Hostile(name: "a salt that is not base64", steps: challenged("r=\(full),s=!,i=4096")),
        Hostile(name: "an extension", steps: challenged("m=x,r=\(full),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")),
        Hostile(name: "a challenge that is not UTF-8", steps: [sasl(), authentication(11, [0xFF])]),
        Hostile(
            name: "a signature that is not the password's",
            steps: challenged(challenge) + [scram(12, "v=AAAA6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSO=")],
            reason: "credential-unavailable"
        ),
        Hostile(
            name: "an error instead of a signature",
            steps: challenged(challenge) + [scram(12, "e=other-error")],
            reason: "credential-unavailable"
        ),
        Hostile(name: "all well without a signature", steps: challenged(challenge) + [ok]),
        Hostile(name: "all well amid the proof", steps: [sasl(), ok]),
        Hostile(name: "a signature before a challenge", steps: [sasl(), scram(12, signature)]),
        Hostile(
            name: "a second request",
            steps: [authentication(5, [1, 2, 3, 4]), authentication(5, [1, 2, 3, 4])]
        ),
        Hostile(
            name: "a request behind md5 for the password in the clear",
            steps: [authentication(5, [1, 2, 3, 4]), authentication(3)]
        ),
        Hostile(name: "a salt of three octets", steps: [authentication(5, [1, 2, 3])]),
        Hostile(name: "authentication behind all is well", steps: [ok + ok]),
        Hostile(name: "no kind", steps: [Say.message("R", [0, 0])]),
        Hostile(name: "Kerberos", steps: [authentication(2)], reason: "unsupported"),
        Hostile(name: "another SCRAM", steps: [sasl(["SCRAM-SHA-1"])], reason: "unsupported"),
        Hostile(name: "ready before all is well", steps: [Tell.ready()]),
        Hostile(name: "ready in a transaction", steps: [ok + Tell.ready("T")]),
        Hostile(name: "something behind ready", steps: [ok + Tell.ready() + Tell.ready()]),
        Hostile(
            name: "two keys",
            steps: [
                ok + Say.message("K", [0, 0, 0, 7, 0, 0, 0, 9]) + Say.message("K", [0, 0, 0, 7, 0, 0, 0, 9])
            ]
        ),
        Hostile(name: "a short key", steps: [ok + Say.message("K", [0, 0, 0, 7])]),
        Hostile(name: "rows", steps: [ok + Tell.row("a")]),
        Hostile(
            name: "a message over the limit",
            steps: [ok + Say.message("N", [UInt8](repeating: 0, count: 30_001))]
        ),
        Hostile(name: "too many parameters", steps: [ok + (0..<65).flatMap { Tell.status("a\($0)", "b") }]),
        Hostile(
            name: "a wish for a password that there is not",
            steps: [authentication(5, [1, 2, 3, 4])],
            password: nil,
            reason: "credential-unavailable"
        ),
    ]

    @Test(arguments: hostile)
    func `What a server may not say ends the login by name, and sends it nothing more`(hostile: Hostile) {
        let seen = Self.play(hostile.steps, password: hostile.password)
        #expect(seen.last?.hasPrefix("failed \(hostile.reason): ") == true, "\(seen)")
        #expect(!seen.contains { $0.contains("pencil") })
    }

    @Test func `The server's refusal is on record in its words, and to the agent a code`() {
        let error = Tell.error("28P01", "password authentication failed for user \"user\"", severity: "FATAL")
        #expect(
            Self.play([error]) == [
                "failed credential-unavailable: the database refused the gateway's login (28P01)"
            ]
        )
    }

    @Test func `The first packet and the greeting are written as they are read`() throws {
        let settings = PostgresLoginSettings(
            user: "u",
            database: "d",
            password: "hidden",
            settings: [PostgresSetting("role", "r")],
            isTrusted: true,
            binding: nil
        )
        var expected = Array("user\0u\0database\0d\0role\0r\0\0".utf8)
        expected = [0, 0, 0, UInt8(expected.count + 8), 0, 3, 0, 0] + expected
        #expect(PostgresLogin(settings).startup == ByteBuffer(bytes: expected))
        #expect(!"\(settings) \(String(reflecting: settings))".contains("hidden"))
        var login = PostgresLogin(settings)
        guard case .ready(let session) = login.received(ByteBuffer(bytes: Self.ok + Self.rest)).outcome else {
            Issue.record("the login failed")
            return
        }
        let own = BackendKey(process: 1, key: 2)
        let greeting =
            Self.ok + Tell.status("server_version", "15") + Say.message("K", [0, 0, 0, 1, 0, 0, 0, 2])
            + Tell.ready()
        #expect(session.greeting(key: own) == ByteBuffer(bytes: greeting))
    }
}
