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
        var cases: [Case] = []
        func add(_ name: String, _ steps: [[UInt8]], _ answer: String) { cases.append((name, steps, answer)) }
        add("a request for TLS, and the first packet in the clear", [Say.tls, start], "S 15")
        add("the same at once", [Say.tls + start], "E08P01")
        add("a second request at once", [Say.tls + Say.tls], "E08P01")
        add("a second request in the clear", [Say.tls, Say.tls], "S 15")
        add("GSSAPI, and then in the clear", [Say.gssapi, start], "N R")
        add("GSSAPI, and then TLS", [Say.gssapi, Say.tls, start], "N S 15")
        add("GSSAPI twice", [Say.gssapi, Say.gssapi], "N E08P01")
        add("octets behind GSSAPI", [Say.gssapi + start], "E08P01")
        add("a negative length", [Say.packet(version, length: .max)], "end")
        add("a length of zero", [Say.packet(version, length: 0)], "end")
        add("a length over the limit", [Say.packet(version, length: 10_001)], "end")
        let cancellation: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 2]
        add("a cancellation of a session that is nobody's", [Say.packet(80_877_102, cancellation)], "end")
        add("a cancellation that is too short", [Say.packet(80_877_102, [0, 0, 0, 1])], "E08P01")
        let role = Say.packet(version, Array("user\0a\0role\0app\0\0".utf8))
        add("a setting that SET is for", [role], "E42501")
        for (one, seen) in try zip(cases, play(lines(cases), as: "opening")) {
            #expect(seen == one.answer, "\(one.name): \(seen)")
        }
        #expect(try psql("psql -XAtc 'SELECT 1'").lines == ["1"])
    }

    @Test(
        "Messages that break the protocol end their session and no other; those out of place are answered as the server answers them"
    )
    func hostileMessages() throws {
        let query = Say.query("select 1")
        let ok = "T D(1) C ZI"
        var cases: [Case] = []
        for (name, length) in [("negative", UInt32.max), ("zero", UInt32(0)), ("under four", UInt32(3))] {
            cases.append(("a length that is \(name)", [Say.message("Q", [], length: length)], "E08P01 end"))
        }
        func add(_ name: String, _ steps: [[UInt8]], _ answer: String) { cases.append((name, steps, answer)) }
        func storm(_ message: [UInt8], _ count: Int) -> [UInt8] {
            Array(repeatElement(message, count: count).joined())
        }
        let long = [Say.message("Q", [], length: 16_777_217)]
        add("a statement over the limit, which is dropped as it comes", long, "E54000 ZI")
        add("an unknown type", [Say.message("!", [])], "E08P01 end")
        add("a request for TLS in a session", [Say.tls], "E08P01 end")
        add("a password that nobody asked for", [Say.message("p", [0])], "E08P01 end")
        add("a text with a NUL", [Say.query("select 1\0; delete from people")], "E08P01 end")
        add("a storm of Sync", [storm(Say.sync, 3_000) + query], "ZI")
        add("a storm of Flush", [storm(Say.message("H", []), 5_000) + query], ok)
        let closes = storm(Say.close("S", "x"), 300) + Say.sync
        add("a storm of Close", [closes], String(repeating: "3 ", count: 300) + "ZI")
        add("data of no COPY", [Say.message("d", [0x78]) + Say.message("c", []) + query], ok)
        add("Execute of no portal", [Say.execute("x") + Say.sync, query], "E34000 ZI " + ok)
        add("Bind of no statement", [Say.bind("x") + Say.sync, query], "E26000 ZI " + ok)
        let twice = Say.parse("select 1", as: "a") + Say.parse("select 2", as: "a") + Say.sync
        let execute = Say.bind("a") + Say.execute() + Say.sync
        add("a name prepared again", [twice, execute], "1 E42P05 ZI 2 D(1) C ZI")
        let call = Say.message("F", [0, 0, 7, 0xEA, 0, 0, 0, 0, 0, 0])
        add("a function call", [call, query], "E42501 ZI " + ok)
        add("nothing", [Say.query("")], "I ZI")
        add("the end", [Say.message("X", [])], "end")
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
