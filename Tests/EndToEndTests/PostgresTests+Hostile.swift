import Foundation
import TestSupport
import Testing

extension EndToEnd.PostgresTests {
    /// Plays conversations given as lines of hexadecimal steps; says of each, in one line, what came: types of messages, SQLSTATE, where
    /// the transaction stands.
    static let player = #"""
        import os, socket, struct, sys
        def connect():
            s = socket.create_connection((os.environ["PGHOST"], int(os.environ["PGPORT"])), 30)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return s
        def whole(s, count):
            data = b""
            while len(data) < count:
                more = s.recv(count - len(data))
                if not more: return None
                data += more
            return data
        def until(s, ends=b"ZG"):
            seen = []
            while True:
                try:
                    head = whole(s, 5)
                    body = head and whole(s, struct.unpack("!I", head[1:])[0] - 4)
                except ConnectionError: head = body = None
                if not head or body is None: return seen + ["end"]
                kind = head[:1]
                if kind == b"E": seen.append("E" + [f[1:].decode() for f in body.split(b"\0") if f[:1] == b"C"][0])
                elif kind == b"Z": seen.append("Z" + body.decode())
                elif kind == b"D": seen.append("D(" + "".join(chr(c) for c in body if 31 < c < 127) + ")")
                elif kind not in b"SKRN": seen.append(kind.decode())
                if kind in ends: return seen
        def start(**more):
            s = connect()
            body = struct.pack("!I", 196608)
            for name, value in dict({"user": "whoever", "database": os.environ["PGDATABASE"]}, **more).items():
                body += name.encode() + b"\0" + value.encode() + b"\0"
            s.sendall(struct.pack("!I", len(body) + 5) + body + b"\0")
            return s, until(s)
        def play(line, **more):
            s, seen = start(**more)
            if seen[-1] == "end": return seen
            for step in line.split(","):
                try: s.sendall(bytes.fromhex(step))
                except ConnectionError: pass
                seen = seen + until(s)
                if seen[-1] == "end": break
            s.close()
            return seen[1:]
        def open_with(pieces):
            # Of each answer its first octet; of an error its code.
            s, seen = connect(), []
            for piece in pieces:
                try:
                    s.sendall(piece)
                    first = s.recv(1)
                    if first == b"E":
                        body = whole(s, struct.unpack("!I", whole(s, 4))[0] - 4)
                        seen.append("E" + [f[1:].decode() for f in body.split(b"\0") if f[:1] == b"C"][0])
                    else: seen.append(first.decode("latin-1") if first.isalpha() else first.hex() or "end")
                except (ConnectionError, TypeError): seen.append("end")
                if seen[-1] in ("end", "15") or seen[-1][0] == "E": break
            s.close()
            return seen
        if __name__ == "__main__":
            for line in open(sys.argv[1]):
                kind, line = line.strip().split(" ")
                print(*(play(line) if kind == "session" else open_with(map(bytes.fromhex, line.split(",")))), flush=True)

        """#

    /// What came of each, for an agent under a profile.
    func play(_ lines: [String], profile: String = "db", as kind: String = "session") throws -> [String] {
        try place.write(Self.player, to: place.workspace + "/player.py")
        try place.write(lines.map { "\(kind) \($0)\n" }.joined(), to: place.workspace + "/lines")
        let outcome = try psql("/usr/bin/python3 player.py lines", profile: profile)
        try #require(outcome.code == 0 && outcome.lines.count == lines.count, "\(outcome)")
        return outcome.lines
    }

    /// Writes, calls, files, roles and other tables, in every spelling.
    ///
    /// `$MARK---` stands in each text.
    private static let attacks: [PostgresAttack] =
        [
            "delete from people /*$MARK---*/", "DeLeTe/**/FrOm people--$MARK---",
            "truncate people /*$MARK---*/",
            "with x as (delete from people returning *) select * from x /*$MARK---*/",
            "with x as (insert into people values (0) returning id) table x /*$MARK---*/",
            "do $$ begin delete from people; /*$MARK---*/ end $$",
            "do language plpgsql 'begin end /*$MARK---*/'",
            "copy people to program 'true' /*$MARK---*/", "copy people from program 'true' /*$MARK---*/",
            "copy people to '/nowhere/x' /*$MARK---*/", "copy people from '/nowhere/x' /*$MARK---*/",
            "copy (delete from people returning *) to stdout /*$MARK---*/",
            "select 1; delete from people /*$MARK---*/", ";;select 1;;/*$MARK---*/ truncate people",
            "select 1 /* /* */ */; delete from people /*$MARK---*/",
            "select 1 /* /* */ ; select 1 */; delete from people /*$MARK---*/ --*/",
            "select 1 --\r; delete from people /*$MARK---*/\n; delete from people",
            "select 1;\u{C}delete\u{C}from\tpeople /*$MARK---*/",
            "select U&\"pg\\005fread\\005ffile\"('/etc/hostname') /*$MARK---*/",
            "select U&\"pg!005fread_file\" UESCAPE '!' ('/etc/hostname') /*$MARK---*/",
            "delete from U&\"p\\0065ople\" /*$MARK---*/", "delete from \"people\" /*$MARK---*/",
            "select $a$ $b$ $a$; delete from people /*$MARK---*/ --$b$",
            "select $$ $$; delete from people /*$MARK---*/ --$$",
            "select e'\\''; delete from people /*$MARK---*/ --'",
            "select '\\'; delete from people /*$MARK---*/ --'",
            "select n'x'; delete from people /*$MARK---*/ --'",
            "select * into x /*$MARK---*/ from people",
            "create table x /*$MARK---*/ as select 1", "explain analyze delete from people /*$MARK---*/",
            "explain (verbose, analyze on) update people set id = id /*$MARK---*/",
            "prepare p as delete from people /*$MARK---*/",
            "create function public.f(text) returns text language sql as 'select $1 /*$MARK---*/'",
            "create rule r as on insert to people do also select 1 /*$MARK---*/",
            "create trigger t /*$MARK---*/ before insert on people execute function suppress_redundant_updates_trigger()",
            "alter system reset application_name /*$MARK---*/", "select pg_rotate_logfile() /*$MARK---*/",
            "set role app /*$MARK---*/", "begin; set local role app /*$MARK---*/", "reset role /*$MARK---*/",
            "set session authorization default /*$MARK---*/", "reset session authorization /*$MARK---*/",
            "set \"role\" to app /*$MARK---*/", "select set_config('role', 'app', false) /*$MARK---*/",
            "select pg_catalog.set_config('ro' || 'le', 'app', false) /*$MARK---*/",
            "select set_config(setting_name => 'role', new_value => 'app', is_local => false) /*$MARK---*/",
            "set search_path = private /*$MARK---*/", "set schema 'private' /*$MARK---*/",
            "select set_config('search_path', 'private', false) /*$MARK---*/", "discard all /*$MARK---*/",
            "set session characteristics as transaction read write /*$MARK---*/",
            "begin read write; set standard_conforming_strings = off /*$MARK---*/",
            "update pg_settings set setting = 'off' where name = 'x' /*$MARK---*/",
            "select * from private.salaries /*$MARK---*/", "table private.salaries /*$MARK---*/",
            "select (select max(amount) from private.salaries) /*$MARK---*/",
            "select * from people where exists (select from private.salaries) /*$MARK---*/",
            "select query_to_xml('table private.salaries', true, true, '') /*$MARK---*/",
            "select table_to_xml('private.salaries', true, true, '') /*$MARK---*/",
            "select database_to_xml(true, true, '') /*$MARK---*/",
            "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery /*$MARK---*/')",
            "select lo_import('/etc/hostname') /*$MARK---*/", "select lo_get(1) /*$MARK---*/",
            "select pg_read_file('/etc/hostname') /*$MARK---*/", "select pg_ls_dir('/') /*$MARK---*/",
            "select * from rows from (pg_read_file('/etc/hostname')) /*$MARK---*/",
            "select 1 order by pg_read_file('/etc/hostname') /*$MARK---*/",
            "select 1 limit length(pg_read_file('/etc/hostname')) /*$MARK---*/",
            "values (pg_read_file('/etc/hostname')) /*$MARK---*/",
            "select count(*) filter (where pg_read_file('/etc/hostname') is null) /*$MARK---*/",
            "select treat('/etc/hostname' as pg_read_file) /*$MARK---*/",
            "select ('/etc/hostname'::text).pg_read_file /*$MARK---*/",
            "select (array['/etc/hostname'])[1].pg_read_file /*$MARK---*/",
            "select n.pg_read_file from lower('/etc/hostname') n /*$MARK---*/",
            "select (name).pg_ls_dir from people where id = 0 /*$MARK---*/",
            "select (0).pg_sleep /*$MARK---*/",
            "select pg_terminate_backend(0) /*$MARK---*/", "select pg_sleep(0) /*$MARK---*/",
            "select pg_advisory_lock(1) /*$MARK---*/", "select * from people for update /*$MARK---*/",
            "begin; lock table people /*$MARK---*/", "listen x /*$MARK---*/", "notify x, '$MARK---'",
            "select pg_notify('x', '$MARK---')", "vacuum people /*$MARK---*/", "load 'nothing$MARK---'",
            "create extension nothing /*$MARK---*/", "comment on table people is '$MARK---'",
            "merge into people p using people q on false when not matched then insert values (0) /*$MARK---*/",
            "insert into people select 0 /*$MARK---*/", "grant select on people to public /*$MARK---*/",
            "checkpoint /*$MARK---*/",
            "begin; declare c cursor for select pg_read_file('/etc/hostname') /*$MARK---*/",
            "call p /*$MARK---*/ ()",
            "select * from people tablesample system_rows(1) /*$MARK---*/",
        ].map { PostgresAttack($0) } + [
            PostgresAttack(
                "in an extended Parse of several",
                Say.whole("select 1; delete from people /*$MARK---*/") + Say.sync
            ),
            PostgresAttack(
                "in a pipeline",
                Say.whole("select 1") + Say.whole("delete from people /*$MARK---*/") + Say.whole("select 2")
                    + Say.sync
            ),
            PostgresAttack(
                "behind others that were not waited for",
                Say.query("select 1") + Say.query("delete from people /*$MARK---*/"),
                Say.sync
            ),
            PostgresAttack(
                "under a name",
                Say.parse("delete from people /*$MARK---*/", as: "n") + Say.sync,
                Say.bind("n") + Say.execute() + Say.sync
            ),
            PostgresAttack(
                "what is not UTF-8",
                Say.query(Array("select '".utf8) + [0xC0] + Array("' /*$MARK---*/".utf8))
            ),
            PostgresAttack(
                "the protocol's function call of pg_backend_pid",
                Say.message("F", [0, 0, 0x07, 0xEA, 0, 0, 0, 0, 0, 0])
            ),
        ]

    @Test(
        "D01 D02 D03: a rule that reads holds, however a statement is written, sent or hidden; the server sees none of it"
    )
    func attacks() throws {
        let run = UUID().uuidString.prefix(4)
        let mark = { (number: Int, kind: String) in "\(run)\(kind)\(String(1000 + number).dropFirst())" }
        try #require(mark(0, "a").utf8.count == PostgresAttack.markLength)
        func lines(_ kind: String) -> [String] {
            Self.attacks.enumerated().map { $1.line(marked: mark($0, kind)) }
        }
        try rules(allow: ["select on public.*", "transaction"])
        let before = try server.run("SELECT * FROM people", in: database)
        let seen = try play(lines("a"))
        for (number, attack) in Self.attacks.enumerated() {
            #expect(seen[number].contains("E42501"), "\(attack.name): \(seen[number])")
            #expect(try !server.hasLogged(mark(number, "a")), "\(attack.name)")
        }
        #expect(try server.run("SELECT * FROM people", in: database) == before)
        // Under a rule that allows all of it each reaches the server.
        try everything()
        let control = try play(lines("b"), profile: "everything")
        for (number, attack) in Self.attacks.enumerated() where attack.name != "what is not UTF-8" {
            let isLogged = try attack.name.contains("function call") || server.hasLogged(mark(number, "b"))
            #expect(isLogged && !control[number].contains("E42501"), "\(attack.name): \(control[number])")
        }
        #expect(try server.run("SELECT count(*) FROM people", in: database) == ["0"])
    }

    /// With standard_conforming_strings `one` is a query and a DELETE and `other` a text, without it the other way round.
    private static let one = "select '\\'; delete from people; --'"
    private static let other = "select '\\''; delete from people; --'"

    @Test(
        "D02: a text is read as the server reads it, whatever a session has set, and where that is not known it is denied",
        arguments: [
            ("select 1", "on"), ("set standard_conforming_strings = off", "off"),
            ("set standard_conforming_strings to 'false'; set client_min_messages = error", "off"),
            ("select set_config('standard_conforming_strings', 'off', false)", "off"),
            ("set standard_conforming_strings = off; reset standard_conforming_strings", "on"),
            ("begin; set local standard_conforming_strings = off", "off"),
            ("begin; set local standard_conforming_strings = off; rollback", "on"),
            ("begin; set standard_conforming_strings = off; commit", "off"),
        ]
    )
    func strings(setting: String, state: String) throws {
        try rules(allow: [
            "select on public.*", "set", "set on *", "select calling set_config", "transaction",
        ])
        let lines = [Self.one, Self.other].map { text in
            [Say.query(setting), Say.query(text)].map { $0.map { String(format: "%02x", $0) }.joined() }
                .joined(separator: ",")
        }
        let seen = try play(lines)
        let denied = state == "on" ? 0 : 1
        #expect(seen[denied].contains("E42501") && !seen[1 - denied].contains("E42501"), "\(seen)")
        #expect(seen[1 - denied].contains("D("), "\(seen)")
        // Sent at once, before the server has said what it set.
        let glued = [Self.one, Self.other].map { text in
            (Say.query(setting) + Say.whole(text) + Say.sync).map { String(format: "%02x", $0) }.joined()
        }
        _ = try play(
            glued + glued.map { $0 + "," + Say.sync.map { String(format: "%02x", $0) }.joined() },
            profile: "db"
        )
        #expect(try server.run("SELECT count(*) FROM people", in: database) == ["2"])
    }

    @Test("D02: what a rule pins is not changed through the server's view of settings either")
    func settingsView() throws {
        try rules(allow: ["select", "update", "show"], more: "    statement_timeout: 5s")
        try everything()
        let script = """
            psql -XAt <<'END'
            UPDATE people SET name = name WHERE id = 1;
            UPDATE pg_settings SET setting = '7777' WHERE name = 'statement_timeout';
            SHOW statement_timeout;
            END
            """
        let pinned = try psql(script)
        #expect(pinned.lines.first == "UPDATE 1" && pinned.lines.last == "5s", "\(pinned)")
        #expect(pinned.output.contains("hold it fast"), "\(pinned)")
        let free = try psql(script, profile: "everything")
        #expect(free.lines.first == "UPDATE 1" && free.lines.last == "7777ms", "\(free)")
    }

    @Test("D01: a rule for changes with a condition holds for MERGE, which names it elsewhere")
    func merges() throws {
        try rules(allow: ["select on public.*", "merge on public.*", "delete on public.* with where"])
        let outcome = try psql(
            """
            psql -XAt <<'END'
            MERGE INTO people USING (VALUES (1)) s ON true WHEN MATCHED THEN DELETE;
            MERGE INTO people p USING (VALUES (1)) s (id) ON p.id = s.id WHEN MATCHED THEN DELETE;
            END
            """
        )
        #expect(outcome.output.contains("delete on people without where"), "\(outcome)")
        #expect(outcome.lines.last == "MERGE 1", "\(outcome)")
        #expect(try server.run("SELECT id FROM people", in: database) == ["2"])
    }

    @Test(
        "D02: a server that reads backslashes otherwise from the start is read so from the start; a client cannot ask for it"
    )
    func stringsFromTheStart() throws {
        try server.run("ALTER DATABASE \(database) SET standard_conforming_strings = off", in: database)
        let lines = [Self.one, Self.other].map { Say.query($0).map { String(format: "%02x", $0) }.joined() }
        let seen = try play(lines)
        #expect(seen[0].contains("D(") && seen[1].contains("E42501"), "\(seen)")
        let asked = try psql(
            """
            for options in '-c standard_conforming_strings=off' '--standard-conforming-strings=off' '-crole=app' '-c search_path=private'; do
                PGOPTIONS="$options" psql -XAtc 'SELECT 1' 2>&1 | grep -c 'is not passed on'
            done
            """
        )
        #expect(asked.lines == ["1", "1", "1", "1"], "\(asked)")
        #expect(try server.run("SELECT count(*) FROM people", in: database) == ["2"])
    }

    @Test(
        "D02: in an encoding in which a letter may end with a backslash only ASCII is read, whenever it is set; UTF-8 is, again",
        arguments: ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "LATIN1", "EUC_JP"]
    )
    func encodings(encoding: String) throws {
        try rules(allow: ["select on public.*", "set on client_encoding", "transaction"])
        let hex = { (octets: [UInt8]) in octets.map { String(format: "%02x", $0) }.joined() }
        let set = Say.query("set client_encoding = '\(encoding)'")
        let attack = Say.query(
            Array("select '".utf8) + [0x95, 0x5C] + Array("'; delete from people; --'".utf8)
        )
        let seen = try play(
            [
                hex(set) + "," + hex(attack) + "," + hex(Say.query("select 'ascii'")) + ","
                    + hex(Say.query("set client_encoding = 'UTF8'")) + "," + hex(Say.query("select 'é'")),
                hex(set + attack) + "," + hex(Say.query("select 'ascii'")),
                hex(Say.whole("set client_encoding = '\(encoding)'") + Say.parse("select 'é'") + Say.sync),
            ]
        )
        #expect(seen[0].hasPrefix("C ZI E42501 ZI T D(ascii) C ZI C ZI T D("), "\(seen)")
        #expect(seen[1].contains("C ZI E42501 ZI") || seen[1].hasPrefix("C ZI E42501"), "\(seen)")
        #expect(seen[2].contains("E42501"), "\(seen)")
        #expect(try server.run("SELECT count(*) FROM people", in: database) == ["2"])
        #expect(try !server.log(of: database).contains { $0.contains("delete from") })
    }

    @Test(
        "What is masked stays so when SQL uses what the protocol named, and when names or portals are made to be mistaken"
    )
    func names() throws {
        try server.run("CREATE TABLE free (k text); INSERT INTO free VALUES ('free')", in: database)
        try place.profile(
            "two",
            """
            extends: [base]
            egress:
              - {to: "postgres://allowed.test:\(server.port)/db_*", private: true, credential: db, search_path: [public],
                 allow: ["select on public.people"], mask: [email]}
              - {to: "postgres://allowed.test:\(server.port)/db_*", private: true, credential: db, search_path: [public],
                 allow: ["select on public.free", transaction, execute, fetch, deallocate]}

            """
        )
        let long = String(repeating: "a", count: 63)
        let (secret, free) = ("select email from people where id = 1", "select k from free")
        let hex = { (steps: [[UInt8]]) in
            steps.map { $0.map { String(format: "%02x", $0) }.joined() }.joined(separator: ",")
        }
        let seen = try play(
            [
                hex([Say.query(free), Say.whole(secret) + Say.sync]),
                hex([Say.parse(secret, as: "p") + Say.sync, Say.query("execute p")]),
                hex([
                    Say.query("begin"), Say.parse(secret) + Say.bind("", to: "c") + Say.sync,
                    Say.query("fetch 1 from c"),
                ]),
                hex([
                    Say.parse(free, as: long + "X") + Say.sync, Say.close("S", long + "Y") + Say.sync,
                    Say.parse(secret, as: long + "Y") + Say.sync,
                    Say.bind(long + "X") + Say.execute() + Say.sync,
                ]),
                hex([
                    Say.query("begin"),
                    Say.parse(secret, as: "p") + Say.parse(free, as: "f") + Say.bind("p", to: "c") + Say.sync,
                    Say.query("savepoint s"), Say.bind("f", to: "c") + Say.sync, Say.query("rollback to s"),
                    Say.execute("c") + Say.sync,
                ]),
            ],
            profile: "two"
        )
        #expect(seen[0].contains("D(free)"), "\(seen)")
        for line in seen {
            #expect(line.contains("D(") && !line.contains("ann@example.com") && line.contains("@"), "\(seen)")
        }
    }
}
