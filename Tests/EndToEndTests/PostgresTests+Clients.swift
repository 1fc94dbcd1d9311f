import Foundation
import TestSupport
import Testing

extension EndToEnd.PostgresTests {
    /// A profile for all that there is; `search_path` is free, since programs that dump set it.
    func everything(_ more: String = "") throws {
        try place.profile(
            "everything",
            """
            extends: [base]
            egress:
              - to: "postgres://allowed.test:\(server.port)/db_*"
                private: true
                credential: db
                allow: ["*", "* calling *", copy program, copy file, set role, load, alter system, function call,
                        "copy program calling *", "copy file calling *", "set role calling *"]
            \(more)
            """
        )
    }

    /// Tables with what dumps stumble over.
    private func fill(_ database: String) throws {
        try server.run(
            #"""
            INSERT INTO people SELECT n, 'P ' || n, 'p' || n || '@example.com' FROM generate_series(10, 2000) n;
            CREATE TYPE mood AS ENUM ('sad', 'glad');
            CREATE TABLE odd (k text, b bytea, j jsonb, a int[], m mood, t timestamptz DEFAULT '2020-01-02 03:04:05Z');
            INSERT INTO odd VALUES (E'tab\there\\ back\nline', '\x00ff10', '{"a": [1, 2]}', '{1,2}', 'glad');
            CREATE VIEW young AS SELECT name FROM people WHERE id < 5;
            CREATE FUNCTION twice(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN $1 * 2; END $$;
            CREATE SEQUENCE numbers; CREATE INDEX ON people (name);
            COMMENT ON TABLE people IS 'it''s "quoted" \ back'; SELECT lo_from_bytea(0, '\xdeadbeef');
            """#,
            in: database
        )
    }

    @Test(
        "J11: pg_dump and pg_restore, in each format, at once and in parallel, bring the same database back"
    )
    func dumps() throws {
        try everything()
        try fill(database)
        let other = try server.database()
        let outcome = try psql(
            """
            set -e
            pg_dump -Fp > plain.sql
            pg_dump -Fc -f custom.dump
            pg_dump -Fd -j 2 -f folder.dump
            pg_dump --data-only --inserts -t odd > rows.sql
            for dump in custom.dump '-j 2 folder.dump'; do
                pg_restore --clean --if-exists -d \(other) $dump
                pg_dump -Fp -d \(other) | grep -v '^-- Dumped\\|^\\\\\\(un\\)\\?restrict' > again.sql
                grep -v '^-- Dumped\\|^\\\\\\(un\\)\\?restrict' plain.sql | cmp - again.sql && echo same
            done
            pg_restore --data-only -t odd -d \(other) custom.dump
            psql -Xq -v ON_ERROR_STOP=1 -d \(other) -f rows.sql > /dev/null
            psql -XAtd \(other) -c 'SELECT count(*), count(DISTINCT odd) FROM odd'
            """,
            profile: "everything"
        )
        #expect(outcome.code == 0 && outcome.lines == ["same", "same", "3|1"], "\(outcome)")
        let (one, two) = try (server.run(Self.sums, in: database), server.run(Self.sums, in: other))
        #expect(one == two && one == ["1993|2000958|glad"], "\(one) \(two)")
    }

    private static let sums = "SELECT count(*), sum(id), (SELECT max(m) FROM odd) FROM people"

    @Test("A dump has what a rule masks masked, and a rule that reads only lets nothing be restored")
    func maskedDump() throws {
        try everything("    mask: [email]")
        let outcome = try psql("pg_dump -t people && echo dumped", profile: "everything")
        #expect(outcome.code == 0 && outcome.lines.last == "dumped", "\(outcome)")
        #expect(outcome.output.contains("Ann") && !outcome.output.contains("ann@example.com"), "\(outcome)")
        let restored = try psql("printf 'DROP TABLE people;' | psql -X -v ON_ERROR_STOP=1")
        #expect(restored.code == 3 && restored.output.contains("ERROR:  drop on people"), "\(restored)")
        #expect(try server.run("SELECT count(*) FROM people", in: database) == ["2"])
    }

    @Test("J11: pgbench makes its tables and runs by each protocol, with several clients, over TLS")
    func pgbench() throws {
        try everything()
        let outcome = try psql(
            """
            set -e
            pgbench -i -q -s 1 > made 2>&1 || { cat made; exit 9; }
            for mode in simple extended prepared; do
                pgbench -n -M $mode -c 4 -j 2 -t 25 2>/dev/null | grep -c 'processed: 100/100'
            done
            """,
            profile: "everything"
        )
        #expect(outcome.code == 0 && outcome.lines == ["1", "1", "1"], "\(outcome)")
        #expect(try server.run("SELECT count(*) FROM pgbench_history", in: database) == ["300"])
    }

    /// What people type into psql.
    private static let typed = #"""
        \set VERBOSITY verbose
        \d people
        \dt
        \df twice
        \dn+
        \dT+
        \du
        \l postgres
        \z people
        \copy (SELECT * FROM people ORDER BY id LIMIT 3) TO 'out.csv' CSV HEADER
        CREATE TEMP TABLE copied (LIKE people);
        \copy copied FROM 'out.csv' CSV HEADER
        SELECT count(*) FROM copied \g
        SELECT 'SELECT ' || n FROM generate_series(1, 3) n \gexec
        SELECT 1 AS x \gset
        \echo :x
        SELECT 'a' AS r, 'b' AS c, 1 AS v \crosstabview
        SELECT 1 AS w, now() AS z \gdesc
        \set FETCH_COUNT 100
        SELECT id FROM people ORDER BY id LIMIT 250 \g out.txt
        \! wc -l < out.txt
        \unset FETCH_COUNT
        BEGIN; DECLARE c CURSOR FOR SELECT id FROM people ORDER BY id; FETCH 3 FROM c; MOVE 5 IN c; FETCH BACKWARD 2 FROM c;
        SAVEPOINT s; SELECT 1/0; ROLLBACK TO s; FETCH 1 FROM c; COMMIT;
        PREPARE p(int) AS SELECT name FROM people WHERE id = $1; EXECUTE p(1); DEALLOCATE p;
        SELECT 1; SELECT 'a' \; SELECT 2 \; SELECT 'b';
        \encoding latin1
        SELECT 'x';
        \encoding utf8
        SELECT 'é', U&'\00e9', E'\x41';
        DO $$ BEGIN RAISE NOTICE 'noted %', 1; RAISE WARNING 'warned'; END $$;
        SELEC 1;
        SELECT * FROM nowhere;
        \errverbose
        INSERT INTO people VALUES (1, 'twice', '');
        """#

    @Test("J11: what is typed into psql prints what it prints without the gateway")
    func typed() throws {
        try everything()
        try fill(database)
        try place.write(Self.typed + "\n", to: place.workspace + "/typed.sql")
        let through = try psql("psql -X < typed.sql", profile: "everything")
        let straight = try server.client(
            ["sh", "-c", "cd '\(place.workspace)' && psql -X < typed.sql 2>&1"],
            in: database
        )
        #expect(through.code == 0 && straight.code == 0, "\(through) \(straight)")
        #expect(straight.lines.count > 150 && straight.output.contains("noted 1"), "\(straight)")
        // A text that the parser does not take is the gateway's to refuse.
        let ours = through.lines.filter { !$0.hasPrefix("HINT:  the gateway passes on") }.map {
            $0 == "ERROR:  42501: syntax error at or near \"SELEC\""
                ? $0.replacing("42501", with: "42601") : $0
        }
        let theirs = straight.lines.filter { !$0.hasPrefix("LOCATION:  scanner_yyerror") }
        for (line, other) in zip(ours, theirs) where line != other {
            Issue.record("\(line) instead of \(other)")
        }
        #expect(ours.count == theirs.count)
        let watched = try psql(
            "echo 'SELECT 7 \\watch 0.1' | psql -XAt | head -n 3",
            profile: "everything"
        )
        #expect(watched.lines == ["7", "7", "7"], "\(watched)")
    }

    @Test(
        "J11: psycopg, in text and in binary: types, parameters, cursors of the server's, COPY, a pipeline",
        arguments: ["False", "True"]
    )
    func psycopgTypes(binary: String) throws {
        try everything()
        try place.write(
            #"""
            import datetime, decimal, psycopg, uuid
            binary = \#(binary)
            values = [1, 2**40, True, "é", b"\x00\xff", decimal.Decimal("1.50"), datetime.date(2020, 1, 2), 1.5, [1, 2],
                uuid.UUID(int=7), datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), None]
            with psycopg.connect("", autocommit=True) as c:
                c.execute("SET TIME ZONE 'UTC'")
                cursor = c.cursor(binary=binary)
                mark = "%b" if binary else "%t"
                got = cursor.execute("SELECT " + ", ".join([mark] * 11) + ", NULL", values[:11]).fetchone()
                print(list(got) == values, got if list(got) != values else "")
                with c.transaction():
                    with c.cursor("named", binary=binary) as named:
                        named.itersize = 7
                        print(sum(row[0] for row in named.execute("SELECT * FROM generate_series(1, 100)")))
                c.cursor().executemany("INSERT INTO people VALUES (%s, %s)", [(n, "x") for n in range(100, 150)])
                with c.cursor().copy("COPY people (id, name) FROM STDIN" + (" (FORMAT binary)" if binary else "")) as copy:
                    copy.set_types(["int4", "text"])
                    for n in range(200, 300): copy.write_row((n, "y"))
                with c.cursor().copy("COPY (SELECT id FROM people WHERE id >= 290 ORDER BY id) TO STDOUT") as copy:
                    print(len(list(copy.rows())))
                with c.pipeline() as pipeline:
                    cursors = [c.execute("SELECT %s::int", [n], prepare=True) for n in range(30)]
                    pipeline.sync()
                    print(sum(cursor.fetchone()[0] for cursor in cursors))
                print(c.execute("SELECT count(*) FROM people").fetchone()[0])
                print(c.execute("SELECT 1; SELECT 2").nextset())
                try: c.execute("SELECT 1/0")
                except psycopg.errors.DivisionByZero as e: print(e.sqlstate)
                print(c.info.transaction_status.name)
            """#,
            to: place.workspace + "/kinds.py"
        )
        let outcome = try psql("/usr/bin/python3 kinds.py", profile: "everything")
        #expect(
            outcome.code == 0
                && outcome.lines == ["True ", "5050", "10", "435", "152", "True", "22012", "IDLE"],
            "\(outcome)"
        )
    }

    @Test(
        "J11: asyncpg: statements that it prepares, a cursor, COPY in binary, notifications; a denied one leaves it alive",
        .enabled(if: Programs.hasPython("asyncpg"), "needs python3-asyncpg")
    )
    func asyncpg() throws {
        try rules(allow: [
            "select on public.*", "select on *.pg_*", "insert on public.people",
            "copy in on public.people", "transaction",
            "listen",
            "unlisten", "notify",
        ])
        try place.write(
            #"""
            import asyncio, asyncpg
            async def main():
                c = await asyncpg.connect(user="whoever")
                print(await c.fetchval("SELECT name FROM people WHERE id = $1", 2))
                p = await c.prepare("SELECT id, name FROM people WHERE id > $1 ORDER BY id")
                print([tuple(row) for row in await p.fetch(0)])
                async with c.transaction():
                    print([row["id"] async for row in c.cursor("SELECT id FROM people ORDER BY id", prefetch=1)])
                row = await c.fetchrow("SELECT 1.5::numeric, '{1,2}'::int[], '{\"a\": 1}'::jsonb, 'é'::text")
                print(*row)
                print(await c.copy_records_to_table("people", records=[(7, "Seven", "-")]))
                await c.executemany("INSERT INTO people VALUES ($1, $2)", [(8, "a"), (9, "b")])
                got = asyncio.Queue()
                await c.add_listener("ch", lambda *words: got.put_nowait(words[3]))
                await c.execute("NOTIFY ch, 'payload'")
                print(await asyncio.wait_for(got.get(), 20))
                for text in ("DELETE FROM people", "SELECT * FROM private.salaries WHERE id = $1"):
                    try: await c.fetch(text, *([1] if "$" in text else []))
                    except asyncpg.InsufficientPrivilegeError as e: print("denied", bool(e.hint))
                print(await c.fetchval("SELECT count(*) FROM people"))
                await c.close()
            asyncio.run(main())
            """#,
            to: place.workspace + "/client.py"
        )
        let outcome = try psql("/usr/bin/python3 client.py")
        #expect(
            outcome.code == 0
                && outcome.lines == [
                    "Bob", "[(1, 'Ann'), (2, 'Bob')]", "[1, 2]", #"1.5 [1, 2] {"a": 1} é"#, "COPY 1",
                    "payload", "denied True", "denied True", "5",
                ],
            "\(outcome)"
        )
        #expect(try !server.log(of: database).contains { $0.contains("DELETE") || $0.contains("salaries") })
    }

    private static let jar = "/usr/share/java/postgresql.jar"

    @Test(
        "J11: JDBC: metadata, prepared statements past the threshold, batches, fetch size, COPY; over TLS and without",
        .enabled(
            if: Programs.has("javac") && FileManager.default.fileExists(atPath: jar),
            "needs a JDK and libpostgresql-jdbc-java"
        ),
        arguments: [
            "sslmode=disable", "sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory",
        ]
    )
    func jdbc(options: String) throws {
        try everything()
        try place.write(
            #"""
            import java.sql.*;
            public class Client {
                public static void main(String[] words) throws Exception {
                    String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                        + System.getenv("PGDATABASE") + "?user=whoever&" + words[0];
                    try (Connection c = DriverManager.getConnection(url); Statement s = c.createStatement()) {
                        ResultSet r = c.getMetaData().getPrimaryKeys(null, "public", "people");
                        while (r.next()) System.out.println(r.getString("COLUMN_NAME"));
                        r = c.getMetaData().getColumns(null, "public", "people", null);
                        while (r.next()) System.out.print(r.getString("COLUMN_NAME") + " ");
                        System.out.println();
                        PreparedStatement p = c.prepareStatement("SELECT name FROM people WHERE id = ?");
                        for (int n = 0; n < 12; n++) {
                            p.setInt(1, n % 2 + 1);
                            r = p.executeQuery();
                            r.next();
                            if (n > 9) System.out.println(r.getString(1));
                        }
                        p = c.prepareStatement("INSERT INTO people VALUES (?, ?)");
                        for (int n = 100; n < 400; n++) { p.setInt(1, n); p.setString(2, "x"); p.addBatch(); }
                        System.out.println(p.executeBatch().length);
                        c.setAutoCommit(false);
                        s.setFetchSize(50);
                        int rows = 0;
                        r = s.executeQuery("SELECT * FROM people");
                        while (r.next()) rows++;
                        System.out.println(rows);
                        try { s.execute("DROP TABLE nowhere"); } catch (SQLException e) { System.out.println(e.getSQLState()); }
                        c.rollback();
                        c.setAutoCommit(true);
                        var copy = c.unwrap(org.postgresql.PGConnection.class).getCopyAPI();
                        System.out.println(copy.copyIn("COPY people (id) FROM STDIN", new java.io.StringReader("500\n501\n")));
                        try { s.execute("SELEC 1"); }
                        catch (SQLException e) { System.out.println(e.getSQLState()); }
                        r = s.executeQuery("SELECT count(*) FROM people");
                        r.next();
                        System.out.println(r.getInt(1));
                    }
                }
            }
            """#,
            to: place.workspace + "/Client.java"
        )
        let outcome = try psql(
            "java -XX:-UsePerfData -Xmx256m -cp \(Self.jar) Client.java '\(options)' 2>&1 | grep -v '^Picked up'",
            profile: "everything"
        )
        #expect(
            outcome.lines == [
                "id", "id name email ", "Ann", "Bob", "300", "302", "42P01", "2", "42501", "304",
            ],
            "\(outcome)"
        )
    }
}
