import Foundation
import TestSupport
import Testing

extension EndToEnd.PostgresTests {
    /// What is sent, and what comes of it.
    private typealias Case = (name: String, steps: [[UInt8]], answer: String)

    private func lines(_ cases: [Case]) -> [String] {
        cases.map { $0.steps.map { $0.map { String(format: "%02x", $0) }.joined() }.joined(separator: ",") }
    }

    @Test(
        "D03: what a client may not open with ends its connection, with an error where it speaks PostgreSQL at all"
    )
    func hostileOpenings() throws {
        let version = UInt32(196_608)
        let start = Say.packet(version, Array("user\0a\0database\0\(database)\0\0".utf8))
        let cases: [Case] = [
            ("a request for TLS, and the first packet in the clear", [Say.tls, start], "S 15"),
            ("the same at once", [Say.tls + start], "E08P01"),
            ("a second request at once", [Say.tls + Say.tls], "E08P01"),
            ("a second request in the clear", [Say.tls, Say.tls], "S 15"),
            ("GSSAPI, and then in the clear", [Say.gssapi, start], "N R"),
            ("GSSAPI, and then TLS", [Say.gssapi, Say.tls, start], "N S 15"),
            ("GSSAPI twice", [Say.gssapi, Say.gssapi], "N E08P01"),
            ("octets behind GSSAPI", [Say.gssapi + start], "E08P01"),
            ("a negative length", [Say.packet(version, length: .max)], "end"),
            ("a length of zero", [Say.packet(version, length: 0)], "end"),
            ("a length over the limit", [Say.packet(version, length: 10_001)], "end"),
            (
                "a cancellation of a session that is nobody's",
                [Say.packet(80_877_102, [0, 0, 0, 1, 0, 0, 0, 2])], "end"
            ),
            ("a cancellation that is too short", [Say.packet(80_877_102, [0, 0, 0, 1])], "E08P01"),
            (
                "a setting that SET is for", [Say.packet(version, Array("user\0a\0role\0app\0\0".utf8))],
                "E42501"
            ),
        ]
        for (one, seen) in try zip(cases, play(lines(cases), as: "opening")) {
            #expect(seen == one.answer, "\(one.name): \(seen)")
        }
        #expect(try psql("psql -XAtc 'SELECT 1'").lines == ["1"])
    }

    @Test(
        "Messages that break the protocol end their session and no other; those out of place are answered as the server answers them"
    )
    func hostileMessages() throws {
        let (query, ok) = (Say.query("select 1"), "T D(1) C ZI")
        let cases: [Case] =
            [("negative", UInt32.max), ("zero", 0), ("under four", 3)].map { name, length in
                ("a length that is \(name)", [Say.message("Q", [], length: length)], "E08P01 end")
            } + [
                ("a statement over the limit", [Say.message("Q", [], length: 16_777_217)], "E54000 end"),
                ("an unknown type", [Say.message("!", [])], "E08P01 end"),
                ("a request for TLS in a session", [Say.tls], "E08P01 end"),
                ("a password that nobody asked for", [Say.message("p", [0])], "E08P01 end"),
                ("a text with a NUL", [Say.query("select 1\0; delete from people")], "E08P01 end"),
                ("a storm of Sync", [(0..<3_000).flatMap { _ in Say.sync } + query], "ZI"),
                ("a storm of Flush", [(0..<5_000).flatMap { _ in Say.message("H", []) } + query], ok),
                (
                    "a storm of Close",
                    [(0..<300).flatMap { _ in Say.close("S", "x") } + Say.sync],
                    String(repeating: "3 ", count: 300) + "ZI"
                ),
                ("data of no COPY", [Say.message("d", [0x78]) + Say.message("c", []) + query], ok),
                ("Execute of no portal", [Say.execute("x") + Say.sync, query], "E34000 ZI " + ok),
                ("Bind of no statement", [Say.bind("x") + Say.sync, query], "E26000 ZI " + ok),
                (
                    "a name prepared again",
                    [
                        Say.parse("select 1", as: "a") + Say.parse("select 2", as: "a") + Say.sync,
                        Say.bind("a") + Say.execute() + Say.sync,
                    ],
                    "1 E42P05 ZI 2 D(1) C ZI"
                ),
                (
                    "a function call", [Say.message("F", [0, 0, 7, 0xEA, 0, 0, 0, 0, 0, 0]), query],
                    "E42501 ZI " + ok
                ),
                ("nothing", [Say.query("")], "I ZI"), ("the end", [Say.message("X", [])], "end"),
            ]
        for (one, seen) in try zip(cases, play(lines(cases))) {
            #expect(seen == one.answer, "\(one.name): \(seen)")
        }
    }

    @Test(
        "A session octet by octet is the same session; one that says nothing holds up nobody; a key is good while its session is"
    )
    func slowly() throws {
        try rules(allow: ["select on public.*", "select calling pg_sleep"])
        _ = try play([lines([("", [Say.query("select 1")], "")])[0]])
        let outcome = try psql(
            """
            /usr/bin/python3 - <<'END'
            from player import *
            silent = [connect() for _ in range(20)]
            s, _ = start()
            def query(text): return b"Q" + struct.pack("!I", len(text) + 5) + text.encode() + b"\\0"
            for octet in query("select name from people where id = 1") + query("delete from people") + query("select 2"):
                s.sendall(bytes([octet]))
            print(*until(s), *until(s), *until(s))
            import threading
            def session():
                s = connect()
                body = struct.pack("!I", 196608) + b"user\\0a\\0database\\0" + os.environ["PGDATABASE"].encode() + b"\\0\\0"
                s.sendall(struct.pack("!I", len(body) + 4) + body)
                while True:
                    head = whole(s, 5)
                    body = whole(s, struct.unpack("!I", head[1:])[0] - 4)
                    if head[:1] == b"K": key = body
                    if head[:1] == b"Z": return s, key
            def cancel(key):
                c = connect()
                c.sendall(struct.pack("!II", 16, 80877102) + key)
                try: return c.recv(1)
                except ConnectionError: return b""
            old, key = session()
            old.sendall(b"X" + struct.pack("!I", 4))
            print(old.recv(1))
            other, _ = session()
            other.sendall(query("select pg_sleep(1)"))
            print(cancel(key), *until(other))
            END
            """
        )
        #expect(
            outcome.lines == ["T D(Ann) C ZI E42501 ZI T D(2) C ZI", "b''", "b'' T D() C ZI"],
            "\(outcome)"
        )
    }
}
