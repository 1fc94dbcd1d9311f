import Foundation
import TestSupport
import Testing

/// Long statements.
extension EndToEnd.PostgresTests {
    /// Four sessions, on every loop of the gateway, that send one long text after the other; what is answered between
    /// `begin` and `end` is counted.
    private static let flood = """
        import os, threading, time, psycopg
        text = "select " + "1," * 120000 + "1"
        counts, total, codes, end = [], [], set(), time.time() + 120
        def flood():
            with psycopg.connect("", autocommit=True) as connection:
                while not os.path.exists("end") and time.time() < end:
                    try: connection.execute(text)
                    except psycopg.Error as error: code = error.sqlstate
                    else: code = "00000"
                    codes.add(code)
                    total.append(1)
                    open("started", "a").close()
                    if os.path.exists("begin"): counts.append(1)
        threads = [threading.Thread(target=flood) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        # 54011 is the server's own word of so many columns: each was passed on.
        print(codes, len(total) >= 4)
        print(len(counts))

        """

    @Test("An agent's long statements hold up nobody else's")
    func longTexts() throws {
        try place.write(Self.flood, to: place.workspace + "/flood.py")
        let holder = try place.running(
            """
            export PGHOST=allowed.test PGPORT=\(server.port) PGDATABASE=\(database) PGUSER=x PGSSLMODE=require
            exec /usr/bin/python3 flood.py 2>&1
            """,
            profile: "db",
            environment: ["DATABASE_PASSWORD": DatabaseServer.account.password]
        )
        let other = try psql(
            """
            for i in $(seq 600); do [ -e started ] && break; sleep 0.1; done
            for i in $(seq 60); do echo "select name from people where id = 1;"; done > short.sql
            touch begin; psql -XAtf short.sql -v ON_ERROR_STOP=1; echo "code $?"; touch end
            """
        )
        let flooded = holder.finish()
        #expect(other.lines == Array(repeating: "Ann", count: 60) + ["code 0"], "\(other)")
        #expect(flooded.code == 0 && flooded.lines.first == "{'54011'} True", "\(flooded)")
        // Each of the sixty would wait for one at least.
        let count = try #require(Int(flooded.lines.last ?? ""), "\(flooded)")
        #expect(count < 30, "\(count) long statements were read while sixty short ones went through")
    }

    @Test("A statement that is too long for the gateway is an error, and the session goes on")
    func tooLong() throws {
        let outcome = try psql(
            """
            /usr/bin/python3 -c '
            import psycopg
            with psycopg.connect("", autocommit=True) as c:
                for parameters in (None, [1]):
                    try: c.execute("select " + "1" * (17 << 20) + ("" if parameters is None else " + %s"), parameters)
                    except psycopg.Error as error: print(error.sqlstate)
                try: c.execute("select %s", ["x" * (17 << 20)])
                except psycopg.Error as error: print(error.sqlstate)
                print(c.execute("select name from people where id = 1").fetchone()[0])'
            """
        )
        #expect(outcome.lines == ["54000", "54000", "54000", "Ann"], "\(outcome)")
    }
}
