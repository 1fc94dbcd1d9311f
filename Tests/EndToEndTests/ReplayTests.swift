import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What clients said to a real PostgreSQL, as it is on record.
    @Suite(
        "Replay of databases' sessions",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct ReplayTests {
        let database: PostgresTests
        var place: Place { database.place }

        init() throws { database = try PostgresTests() }

        /// One line of `bailey replay --json`.
        struct Line: Decodable {
            struct Parameters: Decodable {
                let values: [String?]
                let more: Int
            }
            struct Rule: Decodable { let text: String }

            let event: String
            let record: Int
            let agent: String
            let lineage: String
            let action: String
            let session: Int?
            let statement: String?
            let parameters: Parameters?
            let verdict: String?
            let rule: Rule?
            let message: String?
            let notes: [String]?
            let outcome: String?
            let sqlstate: String?
            let rows: Int?
            let microseconds: Int?
            let cause: String?
        }

        private func replay(_ session: String) throws -> [Line] {
            let outcome = try place.bailey(["replay", session, "--json"])
            try #require(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
            return try outcome.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        }

        /// The run that there is.
        private func run() throws -> String {
            let agents = Set(try place.records().map(\.agent))
            let agent = try #require(agents.count == 1 ? agents.first : nil, "\(agents)")
            return String(agent.prefix { $0 != "." })
        }

        private func statements(_ lines: [Line]) -> [Line] { lines.filter { $0.statement != nil } }

        @Test("psql's conversation is shown as it was: texts, ends, rows, errors, a denial with its rule")
        func psql() throws {
            try database.rules(
                allow: ["select on public.*", "insert on public.people", "transaction"],
                deny: ["delete"]
            )
            // The agent outlives its client until the session's end is on record.
            let agent = try database.running(
                """
                psql -XAt <<'END'
                SELECT name FROM people ORDER BY id; -- all of them
                INSERT INTO people VALUES (3, 'Eve'), (4, 'Kim');
                SELECT 1/0;
                DELETE FROM people WHERE id = 1;
                nonsense 'h1dden';
                END
                echo code $?; read over; true
                """
            )
            #expect(agent.awaitOutput("code 0"))
            var lines = try replay(run())
            let end = Date(timeIntervalSinceNow: 60)
            while lines.last?.event != "end", Date() < end { lines = try replay(run()) }
            let outcome = agent.finish()
            #expect(outcome.code == 0 && outcome.lines.last == "code 0", "\(outcome)")
            #expect(lines.first?.action == "connect" && lines.first?.event == "request", "\(lines)")
            #expect(lines.last?.event == "end" && lines.last?.cause == "the session ended", "\(lines)")
            let said = statements(lines)
            #expect(
                said.map(\.statement) == [
                    "SELECT name FROM people ORDER BY id;",
                    "INSERT INTO people VALUES (3, 'Eve'), (4, 'Kim');",
                    "SELECT 1/0;", "DELETE FROM people WHERE id = 1;", "nonsense '***';",
                ]
            )
            #expect(said.map(\.outcome) == ["SELECT 2", "INSERT 0 2", "ERROR 22012", nil, nil])
            #expect(said.map(\.rows) == [2, 2, nil, nil, nil])
            #expect(said.map(\.sqlstate) == [nil, nil, "22012", nil, nil])
            #expect(
                said.prefix(3).allSatisfy { $0.microseconds.map { $0 > 0 } == true && $0.verdict == "allow" }
            )
            #expect(said[3].verdict == "deny" && said[3].rule?.text.contains("delete") == true, "\(said[3])")
            #expect(said[4].verdict == "deny" && said[4].message?.contains("not understood") == true)
            #expect(
                Set(said.compactMap(\.session)) == [lines[0].record]
                    && said.allSatisfy { $0.lineage.hasSuffix(" > db") }
            )

            let text = try place.bailey(["replay", "\(said[1].record)"])
            #expect(text.code == 0 && text.errors.isEmpty)
            for part in [
                "    INSERT INTO people VALUES (3, 'Eve'), (4, 'Kim');\n  INSERT 0 2, 2 rows, ",
                "\n  deny by db: ",
            ] {
                #expect(text.output.contains(part), "\(text.output)")
            }
            #expect(!text.output.contains("\u{1b}"))
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("Parameters are on record, as text and in binary, of prepared statements and in a pipeline")
        func parameters() throws {
            let outcome = try database.psql(
                """
                /usr/bin/python3 -c '
                import psycopg, datetime
                with psycopg.connect("", autocommit=True) as c:
                    c.execute("SELECT name FROM people WHERE id = %s", [1])
                    c.execute("SELECT name FROM people WHERE name = %t AND id > %t", ["Ann", None])
                    for n in range(2):
                        c.execute("SELECT name FROM people WHERE id = %b", [n], prepare=True)
                    c.execute("SELECT %b::date", [datetime.date(2024, 2, 29)])
                    with c.pipeline():
                        c.execute("SELECT %s::text", ["a"])
                        c.execute("SELECT %s::text", ["b"])
                    try:
                        with c.pipeline():
                            c.execute("SELECT %s::text", ["before"])
                            c.execute("DELETE FROM people WHERE name = %s", ["Bob"])
                            c.execute("SELECT %s::text", ["behind"])
                    except psycopg.errors.InsufficientPrivilege: print("denied")'
                """
            )
            #expect(outcome.code == 0 && outcome.lines == ["denied"], "\(outcome)")
            let said = try statements(replay(run()))
            let values = { (place: String) in said.filter { $0.parameters?.values.contains(place) == true } }
            for (value, text) in [
                ("1", "SELECT name FROM people WHERE id = $1"),
                ("Ann", "SELECT name FROM people WHERE name = $1 AND id > $2"),
                ("0", "SELECT name FROM people WHERE id = $1"), ("2024-02-29", "SELECT $1::date"),
                ("a", "SELECT $1::text"), ("b", "SELECT $1::text"), ("before", "SELECT $1::text"),
            ] {
                #expect(
                    values(value).contains { $0.statement == text && $0.rows != nil },
                    "\(value): \(said)"
                )
            }
            #expect(said.contains { $0.parameters?.values == ["Ann", nil] })
            #expect(
                said.contains { $0.verdict == "deny" && $0.statement == "DELETE FROM people WHERE name = $1" }
            )
            #expect(values("behind").allSatisfy { $0.rows == nil })
        }

        @Test("COPY and a statement that was cancelled are on record with how they ended")
        func others() throws {
            try database.rules(
                allow: [
                    "select", "select calling pg_sleep", "copy out on public.people",
                    "copy in on public.people",
                ]
            )
            let outcome = try database.psql(
                """
                psql -XAtqc 'COPY people (id, name) TO STDOUT' && printf '7\\tSeven\\n' | psql -XAtqc 'COPY people (id, name) FROM STDIN'
                echo copied $?
                /usr/bin/python3 -c '
                import psycopg, threading, time
                with psycopg.connect("", autocommit=True) as c, psycopg.connect("", autocommit=True) as other:
                    def cancel():
                        # Not before it is there.
                        while other.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = %s AND datname = current_database()", ["PgSleep"]).fetchone()[0] == 0: pass
                        c.cancel()
                    threading.Thread(target=cancel).start()
                    try: c.execute("SELECT pg_sleep(60)")
                    except psycopg.errors.QueryCanceled: print("cancelled")'
                """
            )
            #expect(outcome.code == 0 && outcome.lines.suffix(2) == ["copied 0", "cancelled"], "\(outcome)")
            let said = try statements(replay(run()))
            #expect(
                said.contains {
                    $0.statement == "COPY people (id, name) TO STDOUT" && $0.outcome == "COPY 2"
                        && $0.rows == 2
                }
            )
            #expect(
                said.contains {
                    $0.statement == "COPY people (id, name) FROM STDIN" && $0.outcome == "COPY 1"
                }
            )
            let slept = try #require(said.first { $0.statement == "SELECT pg_sleep(60)" })
            #expect(
                slept.sqlstate == "57014" && slept.rows == nil && slept.microseconds.map { $0 > 0 } == true
            )
        }

        @Test(
            "Nothing that must not be shown is on record anywhere: secrets, what rules mask, values of masked columns"
        )
        func secrets() throws {
            let token = "ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m"
            let words = [
                "h1dden-role", "h1dden-mapping", "h1dden-dblink", "h1dden-do", "eve@example.com", token,
            ]
            let script = { (marks: String) in
                """
                psql -XAt <<'END'
                ALTER ROLE nobody PASSWORD 'h1dden-role';
                CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'x', password 'h1dden-mapping');
                SELECT dblink_connect('c', 'host=h user=u password=h1dden-dblink');
                DO $$ BEGIN EXECUTE 'ALTER ROLE nobody PASSWORD ''h1dden-do'''; END $$;
                SELECT 'eve@example.com', '\(token)', '\(DatabaseServer.account.password)', 'open', 'mark-\(marks)';
                END
                cat > asks.py <<'END'
                import psycopg
                with psycopg.connect("", autocommit=True) as c:
                    for binary in ("%s", "%b", "%t"):
                        c.execute(f"SELECT {binary}::text", ["to eve@example.com"])
                        c.execute(f"SELECT {binary}::text", ["\(token)"])
                        c.execute(f"SELECT {binary}::text", ["\(DatabaseServer.account.password)"])
                        c.execute(f"SELECT {binary}::text", ["value-\(marks)"])
                END
                /usr/bin/python3 asks.py
                """
            }
            for (marks, masks) in [("one", "email"), ("two", "\"column people.name\"")] {
                try database.rules(allow: ["*"], more: "    mask: [\(masks)]")
                // On no command line: those are on record themselves.
                try place.write(script(marks), to: place.workspace + "/script.sh")
                let outcome = try database.psql("sh script.sh")
                #expect(outcome.code == 0 && outcome.output.contains("mark-\(marks)"), "\(outcome)")
            }
            for word in words + [DatabaseServer.account.password, "mark-two", "value-two"] {
                #expect(try place.files(holding: word, below: "state").isEmpty, "\(word)")
            }
            // The same search finds what may be there.
            for word in ["mark-one", "value-one"] {
                #expect(try !place.files(holding: word, below: "state").isEmpty, "\(word)")
            }
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "Under `record: full` rows are on record as the client received them, masked, and the store verifies"
        )
        func rows() throws {
            try database.rules(
                allow: ["select on public.*", "copy out on public.people"],
                more: "    mask: [email]\nrecord: full"
            )
            let outcome = try database.psql(
                """
                psql -XAt -c 'SELECT id, name, email FROM people ORDER BY id' -c 'COPY people (id, email) TO STDOUT'
                echo psql $?
                /usr/bin/python3 -c '
                import psycopg
                with psycopg.connect("", autocommit=True) as c:
                    print(c.cursor(binary=True).execute("SELECT id, name FROM people WHERE id = %s", [2]).fetchall())
                    print(len(c.execute("SELECT n, repeat(md5(n::text), 10) FROM generate_series(1, 20000) n").fetchall()))'
                """
            )
            #expect(
                outcome.code == 0 && outcome.lines.contains("psql 0") && outcome.lines.last == "20000",
                "\(outcome)"
            )
            let text = try place.bailey(["replay", run()])
            #expect(text.code == 0 && text.errors.isEmpty, "\(text)")
            for line in [
                #"  {"columns":["id","name","email"]}"#, #"  ["1","Ann","xxx@xxxxxxx.xxx"]"#,
                #"  {"copy":"1\txxx@xxxxxxx.xxx\n"}"#, #"  ["2","Bob"]"#,
            ] {
                #expect(text.output.split(separator: "\n").contains { $0 == line }, "\(line)")
            }
            #expect(text.output.contains(#"  ["20000","8c69ae4d"#) || text.output.contains(#"["20000","#))
            let json = try place.bailey(["replay", run(), "--json"])
            let results = json.lines.filter { $0.contains("\"event\":\"result\"") }
            #expect(
                json.code == 0 && results.count > 20_000 && results.allSatisfy { $0.contains("\"record\":") }
            )
            #expect(try place.files(holding: "ann@example.com", below: "state").isEmpty)
            #expect(try place.files(holding: "\"Bob\"", below: "state/bailey/recordings").isEmpty, "sealed")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test("What is not there, or no session, is refused by name")
        func refused() throws {
            #expect(try database.psql("psql -XAtc 'SELECT 1'").code == 0)
            let run = try self.run()
            for (name, words) in [
                ("nowhere", "there is no run 'nowhere'"), ("\(run).99", "no agent \(run).99"),
                ("99999", "there is no record 99999"),
                ("1", "record 1 is of no session"),
            ] {
                let outcome = try place.bailey(["replay", name])
                #expect(
                    outcome.code == 1 && outcome.output.isEmpty && outcome.errors.contains(words),
                    "\(outcome)"
                )
            }
            let agent = try #require(place.records().first?.agent)
            #expect(try place.bailey(["replay", agent]).output.contains("    SELECT 1\n"))
            #expect(try place.agent("bailey replay \(run) 2>&1", profile: "db").output.contains("operator's"))
        }
    }
}
