import NIOCore
import PostgresProtocol
import TestSupport
import Testing

/// Roles of sessions, with a server's answers.
struct RoleScriptTests {
    private static let role = PostgresRole(
        name: "bailey_0123",
        groups: ["readers", "wri\"ters; drop role x"],
        lifetime: 60_000
    )
    private static let until = row("until", "2030-01-02 03:04:05.678+00")
    private static let done = Tell.complete("CREATE ROLE") + Tell.ready()

    private static func row(_ kind: String, _ text: String) -> [UInt8] {
        Tell.row([Array(kind.utf8), Array(text.utf8)])
    }

    /// Each statement that is sent and how it ended, for one answer after the other, in pieces of `cut`.
    private static func play(_ script: RoleScript, _ answers: [[UInt8]], cut: Int = .max) -> [String] {
        var script = script
        var seen = [text(script.opening)]
        for answer in answers {
            for start in stride(from: 0, to: answer.count, by: cut) {
                let (send, outcome) = script.received(ByteBuffer(bytes: answer[start...].prefix(cut)))
                if send.readableBytes > 0 { seen.append(text(send)) }
                switch outcome {
                case .more: break
                case .made: seen.append("made")
                case .over(let fault): seen.append("over \(fault?.message ?? "")")
                case .failed(let fault):
                    return seen + ["failed \(fault.message) | \(fault.answer.readableBytes)"]
                }
            }
        }
        return seen
    }

    private static func text(_ message: ByteBuffer) -> String {
        String(decoding: message.readableBytesView.dropFirst(5).filter { $0 != 0 }, as: UTF8.self)
    }

    private static let creation =
        "CREATE ROLE \"bailey_0123\" LOGIN CONNECTION LIMIT 1 PASSWORD 'ver''ifier' "
        + "VALID UNTIL '2030-01-02 03:04:05.678+00'; GRANT \"readers\" TO \"bailey_0123\"; "
        + "GRANT \"wri\"\"ters; drop role x\" TO \"bailey_0123\"; GRANT \"bailey_0123\" TO CURRENT_USER; "
        + "COMMENT ON ROLE \"bailey_0123\" IS 'the role of one session, made by bailey'"

    @Test(arguments: [1, 7, Int.max])
    func `A role is made by the server's clock, with a verifier, and every name is quoted`(cut: Int) {
        let script = RoleScript(making: Self.role, verifier: "ver'ifier")
        let seen = Self.play(script, [Self.until + Self.done, Self.done], cut: cut)
        #expect(seen.count == 4 && seen[0].contains("'60000 milliseconds'::interval"), "\(seen)")
        // An empty text is the goodbye.
        #expect(seen.dropFirst() == [Self.creation, "", "made"], "\(seen)")
    }

    @Test func `Behind it the roles are dropped that were left, and one that cannot be does not matter`() {
        let script = RoleScript(making: Self.role, verifier: "v")
        let first = Self.until + Self.row("dead", "bailey_a") + Self.row("dead", "bailey_\"b") + Tell.ready()
        let no = { (code: String) in Tell.error(code) + Tell.ready() }
        let seen = Self.play(
            script,
            [first, Self.done, Self.done, no("42501"), no("57014"), no("2BP01"), Self.done]
        )
        #expect(
            Array(seen.dropFirst(2)) == [
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bailey_\"b'", "made",
                "DROP ROLE \"bailey_\"\"b\"",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bailey_a'",
                "DROP ROLE \"bailey_a\"",
                "REASSIGN OWNED BY \"bailey_a\" TO \"readers\"; DROP OWNED BY \"bailey_a\"; DROP ROLE \"bailey_a\"",
                "", "over the database's role bailey_\"b was not dropped: no (42501)",
            ],
            "\(seen)"
        )
    }

    @Test func `Its own is dropped with its session; what it owns goes to its first group`() {
        let script = RoleScript(dropping: Self.role)
        let gone = Tell.error("42704") + Tell.ready()
        let owns = Tell.error("2BP01") + Tell.ready()
        let begin = [
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bailey_0123'",
            "DROP ROLE \"bailey_0123\"",
        ]
        #expect(Self.play(script, [Tell.row("t") + Tell.ready(), Self.done]) == begin + ["", "over "])
        #expect(Self.play(script, [Tell.ready(), gone]) == begin + ["", "over "])
        let giving =
            "REASSIGN OWNED BY \"bailey_0123\" TO \"readers\"; DROP OWNED BY \"bailey_0123\"; "
            + "DROP ROLE \"bailey_0123\""
        #expect(Self.play(script, [Tell.ready(), owns, Self.done]) == begin + [giving, "", "over "])
        #expect(
            Self.play(script, [Tell.ready(), owns, owns]) == begin + [
                giving, "", "over the database's role bailey_0123 was not dropped: no (2BP01)",
            ]
        )
    }

    @Test(arguments: [
        ("an error", [Tell.error("42501", "must be superuser") + Tell.ready()], "must be superuser (42501)"),
        ("no time", [Tell.ready()], "did not tell the time"),
        ("a time that is SQL", [row("until", "x'; DROP ROLE a; --") + Tell.ready()], "did not tell the time"),
        ("a row of one", [Tell.row("until")], "a row that cannot be read"),
        ("rows without end", [(0..<17).flatMap { row("dead", "bailey_\($0)") }], "a row that cannot be read"),
        ("COPY", [Tell.copyIn], "a message of type"),
        (
            "a refusal to make it", [until + Tell.ready(), Tell.error("42704", "no role") + Tell.ready()],
            "no role (42704)"
        ),
    ])
    func `A server that does otherwise makes no role, and it is said why`(
        what: String,
        answers: [[UInt8]],
        says: String
    ) {
        let seen = Self.play(RoleScript(making: Self.role, verifier: "v"), answers)
        #expect(
            seen.last?.hasPrefix("failed the database made no role for this session: ") == true
                && seen.last?.contains(says) == true,
            "\(what): \(seen)"
        )
    }

    @Test func `Names are of their own`() {
        let names = Set((0..<100).map { _ in PostgresRole.freshName() })
        #expect(names.count == 100)
        #expect(names.allSatisfy { $0.hasPrefix(PostgresRole.prefix) && $0.utf8.count == 31 })
    }
}
