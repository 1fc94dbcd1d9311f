import Foundation
import TestSupport
import Testing

/// A statement in a parameter, for a server that waits for the rest of a message of data.
enum SmuggledStatement {
    private static let missing = 600
    /// The beginning of that message.
    static let begun = Say.message("d", [0x78], length: UInt32(4 + 1 + missing))
    /// The rest of it.
    static let rest = [UInt8](repeating: 0x2E, count: missing)

    /// Parse, Bind, Sync: where a server takes this for the rest, it reads on at the statement, and then a head that takes the end.
    static let octets: [UInt8] = {
        let parse = Say.parse("select $1::bytea")
        let filling = [UInt8](repeating: 0x2E, count: missing - parse.count - (bind([]).count - 2))
        let statement = Say.query("create table stolen as select 1")
        return parse + bind(filling + statement + Say.message("d", [], length: 6)) + Say.sync
    }()

    private static func bind(_ value: [UInt8]) -> [UInt8] {
        let length = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value.count >> $0) }
        return Say.message("B", [0, 0, 0, 1, 0, 1, 0, 1] + length + value + [0, 0])
    }
}

extension EndToEnd.PostgresTests {
    private func stolen() throws -> [String] {
        try server.run("SELECT count(*) FROM pg_class WHERE relname = 'stolen'", in: database)
    }

    @Test(
        "D01: a COPY that fails amid a message leaves nothing behind that the server reads otherwise than the gateway: no statement comes out of a parameter"
    )
    func copyFailure() throws {
        try rules(allow: ["select on public.*", "copy in on public.people"])
        let failing = [
            Say.query("copy people from stdin"),
            Say.message("d", Array("nonsense\n".utf8)) + SmuggledStatement.begun,
        ]
        let cases = [
            (name: "the rest first", steps: failing + [SmuggledStatement.rest + SmuggledStatement.octets]),
            (name: "no rest", steps: failing + [SmuggledStatement.octets]),
        ]
        let lines = cases.map { one in
            one.steps.map { $0.map { String(format: "%02x", $0) }.joined() }.joined(separator: ",")
        }
        let seen = try play(lines)
        #expect(seen.count == 2 && seen.allSatisfy { $0.hasPrefix("G E22P02 ZI ") }, "\(seen)")
        #expect(seen.first == "G E22P02 ZI 1 2 ZI", "\(seen)")
        // Both read a statement there, and it is decided.
        #expect(seen.last?.hasPrefix("G E22P02 ZI E42501 ZI") == true, "\(seen)")
        #expect(try stolen() == ["0"])
        // The control: one that may.
        try rules(allow: ["select on public.*", "ddl on public.*"])
        let made = try psql("psql -XAtc 'create table stolen (a int)'")
        #expect(made.code == 0, "\(made)")
        #expect(try stolen() == ["1"])
    }

    /// Locks of two other sessions keep the statement before the COPY from its end, and the COPY from its beginning.
    private static let early = """
        import os, time
        from player import start, until
        first, second, commit, asked, head, rest = [bytes.fromhex(line.strip()) for line in open("lines")]
        (one, _), (other, _), (s, _) = start(), start(), start()
        def say(holder, octets):
            holder.sendall(octets)
            seen = until(holder, b"Z")
            assert seen[-1] != "end" and not [kind for kind in seen if kind[0] == "E"], seen
        say(one, first)
        say(other, second)
        s.sendall(asked)
        while not os.path.exists("go"): time.sleep(0.05)
        say(one, commit)
        print(*until(s, b"C"))
        s.sendall(head)
        say(other, commit)
        print(*until(s, b"G"))
        s.sendall(rest)
        print(*until(s, b"Z"), flush=True)

        """

    @Test(
        "D01: data that come before their COPY has begun are data: no statement comes out of one that was cut"
    )
    func earlyData() throws {
        try rules(allow: ["select on public.*", "copy in on public.people", "lock", "transaction"])
        try server.run("CREATE TABLE slow (id int)", in: database)
        let evil = Say.message("c", []) + Say.sync + Say.query("create table stolen as select 1")
        let data = Say.message("d", evil)
        let lines = [
            Say.query("begin; lock table slow in access exclusive mode"),
            Say.query("begin; lock table people in access exclusive mode"), Say.query("commit"),
            Say.whole("select id from slow") + Say.message("H", []) + Say.whole("copy people from stdin"),
            Array(data.prefix(5)), Array(data.dropFirst(5)) + Say.message("c", []) + Say.sync,
        ]
        let text = lines.map { $0.map { String(format: "%02x", $0) }.joined() + "\n" }.joined()
        try place.write(Self.player, to: place.workspace + "/player.py")
        try place.write(Self.early, to: place.workspace + "/early.py")
        try place.write(text, to: place.workspace + "/lines")
        let client = try running("/usr/bin/python3 early.py")
        // Both have been decided, and wait for the server.
        let isDecided = try place.awaits {
            try place.records().contains { $0.record.action.hasPrefix("copy in") && $0.verdict == "allow" }
        }
        try place.write("", to: place.workspace + "/go")
        let outcome = client.finish()
        #expect(isDecided && outcome.code == 0, "\(outcome)")
        let seen = outcome.lines
        #expect(seen.prefix(2) == ["1 2 C", "1 2 G"], "\(outcome)")
        #expect(seen.count == 3 && seen.last?.hasPrefix("E22") == true, "\(outcome)")
        #expect(try stolen() == ["0"])
    }
}
