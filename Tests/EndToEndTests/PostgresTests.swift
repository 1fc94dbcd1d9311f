import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// PostgreSQL through the gateway, with psql on one side and a real server on the other.
    @Suite(
        "Gateway: PostgreSQL",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct PostgresTests {
        let place: Place
        let server: DatabaseServer
        let database: String

        init() throws {
            place = try Place()
            server = try DatabaseServer.started()
            database = try server.database()
            try place.write(
                Servers.started().operatorConfiguration,
                to: place.configuration + "/bailey.yaml"
            )
            try place.write(
                """
                bailey: 1
                credentials:
                  db: {from: {env: DATABASE_PASSWORD}, as: password \(DatabaseServer.account.user), for: ["postgres://allowed.test:\(server.port)"]}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            try rules(allow: ["select on public.*", "insert on public.people", "transaction"])
        }

        func rules(allow: [String], deny: [String] = [], more: String = "", profile: String = "db") throws {
            let list = { (words: [String]) in words.map { "\"\($0)\"" }.joined(separator: ", ") }
            try place.profile(
                profile,
                """
                extends: [base]
                egress:
                  - to: "postgres://allowed.test:\(server.port)/db_*"
                    private: true
                    credential: db
                    search_path: [public]
                    allow: [\(list(allow))]
                    deny: [\(list(deny))]
                \(more)
                """
            )
        }

        /// A script with psql, which holds no password.
        func psql(_ script: String, ssl: String = "verify-full", profile: String = "db") throws -> Outcome {
            try place.agent(asking(script, ssl), profile: profile, environment: environment)
        }

        /// The same, still running.
        func running(_ script: String) throws -> RunningCommand {
            try place.running(asking(script, "verify-full"), profile: "db", environment: environment)
        }

        private var environment: [String: String] {
            ["DATABASE_PASSWORD": DatabaseServer.account.password]
        }

        private func asking(_ script: String, _ ssl: String) -> String {
            """
            exec 2>&1; export PGHOST=allowed.test PGPORT=\(server.port) PGDATABASE=\(database) PGUSER=whoever
            export PGSSLMODE=\(ssl) PGCONNECT_TIMEOUT=8
            \(script)
            """
        }

        @Test(
            "J11: psql needs no password, with TLS and without; the gateway logs in by SCRAM",
            arguments: ["verify-full", "require", "prefer", "disable"]
        )
        func connects(ssl: String) throws {
            let outcome = try psql(
                """
                psql -XAtc "SELECT name FROM people ORDER BY id" -c "INSERT INTO people VALUES (3, 'Eve')"
                env | grep -c REAL
                """,
                ssl: ssl
            )
            #expect(outcome.lines == ["Ann", "Bob", "INSERT 0 1", "0"], "\(outcome)")
            #expect(try server.run("SELECT name FROM people WHERE id = 3", in: database) == ["Eve"])
            let records = try place.records().map(\.record)
            #expect(
                records.contains { $0.action.contains("insert on people") && $0.reason == nil },
                "\(records)"
            )
        }

        @Test("D01: a denied statement is an error that names the rule, and leaves the session alive")
        func denied() throws {
            let outcome = try psql(
                """
                psql -XAt <<'END'
                \\set VERBOSITY verbose
                DELETE FROM people;
                SELECT count(*) FROM people;
                BEGIN;
                DROP TABLE people;
                SELECT 1;
                ROLLBACK;
                SELECT 2;
                END
                """
            )
            #expect(outcome.output.contains("ERROR:  42501: "), "\(outcome)")
            #expect(outcome.output.contains("25P02"), "\(outcome)")
            #expect(outcome.lines.last == "2" && outcome.lines.contains("2"), "\(outcome)")
            #expect(try server.run("SELECT count(*) FROM people", in: database) == ["2"])
            #expect(try !server.log(of: database).contains { $0.contains("DELETE") || $0.contains("DROP") })
        }

        @Test(
            "A session is for the databases that a rule names, and a statement for the agent and its ancestors"
        )
        func lineage() throws {
            let outcome = try psql(
                """
                psql -XAtc 'SELECT 1' postgres
                to="host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=a sslmode=verify-full"
                bailey run -p narrow -- psql -XAt "$to" -c "INSERT INTO people VALUES (9, 'X')" -c 'SELECT count(*) FROM people'
                """,
                profile: try nested()
            )
            #expect(outcome.output.contains("FATAL:  "), "\(outcome)")
            #expect(outcome.output.contains("ERROR:  "), "\(outcome)")
            #expect(outcome.lines.last == "2", "\(outcome)")
            #expect(try server.log(of: "postgres").allSatisfy { !$0.contains("SELECT 1") })
        }

        /// A profile whose child may only read.
        private func nested() throws -> String {
            try rules(allow: ["select on public.*"], profile: "narrow")
            try rules(
                allow: ["select on public.*", "insert on public.people"],
                more: "children: {profiles: [narrow], depth: 1, count: 4}",
                profile: "wide"
            )
            return "wide"
        }

        @Test("What a session is bound to is there from the start, and no statement changes it")
        func pins() throws {
            try rules(allow: ["*"], profile: "pinned")
            let outcome = try psql(
                """
                psql -XAt -c 'SHOW search_path' -c 'SET search_path = private' -c 'SHOW search_path' \
                  -c 'RESET ALL' -c 'SHOW search_path'
                """,
                profile: "pinned"
            )
            #expect(outcome.lines.filter { $0 == "\"public\"" }.count >= 2, "\(outcome)")
            #expect(outcome.output.contains("search_path"), "\(outcome)")
        }

        @Test("COPY goes both ways where rules say so, and replication does not")
        func copies() throws {
            try rules(allow: ["select on public.*", "copy out on public.people", "copy in on public.people"])
            let outcome = try psql(
                """
                psql -XAtc 'COPY people (id, name) TO STDOUT' | tr '\t' ,
                printf '7\tSeven\n' | psql -XAtqc 'COPY people (id, name) FROM STDIN' && echo copied
                psql -XAtc "COPY people TO PROGRAM 'cat > /tmp/stolen'"
                psql -XAt 'replication=database' -c 'IDENTIFY_SYSTEM'
                """
            )
            #expect(outcome.lines.prefix(3) == ["1,Ann", "2,Bob", "copied"], "\(outcome)")
            #expect(
                outcome.output.contains("ERROR:  ") && outcome.output.contains("replication"),
                "\(outcome)"
            )
            #expect(try server.run("SELECT name FROM people WHERE id = 7", in: database) == ["Seven"])
            #expect(try !server.log(of: database).contains { $0.contains("PROGRAM") })
        }

        @Test("An agent cancels what its own session does")
        func cancels() throws {
            try rules(allow: ["select calling pg_sleep", "select"])
            let outcome = try psql(
                """
                start=$(date +%s); timeout -s INT 2 psql -XAtc 'SELECT pg_sleep(20)'
                [ $(($(date +%s) - start)) -lt 15 ] && echo early
                """
            )
            #expect(outcome.output.contains("canceling statement due to user request"), "\(outcome)")
            #expect(outcome.lines.last == "early", "\(outcome)")
        }

        /// Speaks the protocol by hand: `open` gives a session and its key, `cancel` sends one, `ask` a query.
        private static let protocolByHand = #"""
            import os, socket, struct, sys, time
            def connect():
                return socket.create_connection((os.environ["PGHOST"], int(os.environ["PGPORT"])), 8)
            def message(s):
                head = s.recv(5, socket.MSG_WAITALL)
                return head[:1], s.recv(struct.unpack("!I", head[1:])[0] - 4, socket.MSG_WAITALL)
            def open():
                s = connect()
                body = struct.pack("!I", 196608) + b"user\0x\0database\0" + os.environ["PGDATABASE"].encode() + b"\0\0"
                s.sendall(struct.pack("!I", len(body) + 4) + body)
                key = None
                while True:
                    kind, body = message(s)
                    if kind == b"K": key = struct.unpack("!II", body)
                    if kind == b"Z": return s, key
            def cancel(key):
                s = connect()
                s.sendall(struct.pack("!IIII", 16, 80877102, *key))
                try: return s.recv(1)
                except ConnectionError: return b""
            def ask(s, text):
                body = text.encode() + b"\0"
                s.sendall(b"Q" + struct.pack("!I", len(body) + 4) + body)
                kinds = b""
                while not kinds.endswith(b"Z"): kinds += message(s)[0]
                return kinds.decode()

            """#

        @Test("A cancellation with another agent's key cancels nothing; with its own it does")
        func foreignKey() throws {
            try rules(allow: ["select calling pg_sleep", "select"])
            try place.write(Self.protocolByHand, to: place.workspace + "/byhand.py")
            let own = try psql(
                """
                /usr/bin/python3 - <<'END'
                from byhand import *
                import threading
                s, key = open()
                threading.Timer(1, cancel, [key]).start()
                print(ask(s, "SELECT pg_sleep(15)"))
                END
                """
            )
            #expect(own.lines == ["TEZ"] || own.lines == ["EZ"], "\(own)")
            let holder = try place.running(
                """
                export PGHOST=allowed.test PGPORT=\(server.port) PGDATABASE=\(database)
                /usr/bin/python3 -c '
                from byhand import *
                s, key = open()
                import builtins
                builtins.open("key", "w").write("%d %d" % key)
                print(ask(s, "SELECT pg_sleep(4)"))'
                """,
                profile: "db",
                environment: ["DATABASE_PASSWORD": DatabaseServer.account.password]
            )
            let thief = try psql(
                """
                for i in $(seq 100); do [ -s key ] && break; sleep 0.1; done
                /usr/bin/python3 -c '
                from byhand import *
                import builtins
                print(cancel(tuple(map(int, builtins.open("key").read().split()))))'
                """
            )
            #expect(thief.lines == ["b''"], "\(thief)")
            let outcome = holder.finish()
            #expect(outcome.lines == ["TDCZ"], "\(outcome)")
            #expect(
                try place.records().contains {
                    $0.record.message?.contains("a session that this agent does not have") == true
                }
            )
        }

        @Test("What a rule masks comes back masked, in text, in binary and in COPY")
        func masks() throws {
            try rules(
                allow: ["select on public.*", "copy out on public.people", "transaction"],
                more: "    mask: [email, \"column people.name\"]"
            )
            let outcome = try psql(
                """
                psql -XAtc 'SELECT id, name, email FROM people'
                psql -XAtc 'COPY people TO STDOUT'
                /usr/bin/python3 -c '
                import psycopg
                with psycopg.connect("") as connection:
                    rows = connection.cursor(binary=True).execute("SELECT id, name AS other, email FROM people").fetchall()
                    print([row[0] for row in rows], rows)'
                """
            )
            for secret in ["Ann", "Bob", "ann@example.com", "bob@example.com"] {
                #expect(!outcome.output.contains(secret), "\(outcome)")
            }
            #expect(outcome.output.contains("[1, 2]"), "\(outcome)")
            #expect(outcome.lines.contains("1\txxx\txxx@xxxxxxx.xxx"), "\(outcome)")
        }

        @Test(
            "psycopg: prepared statements, a cursor of the server's, and a pipeline with a denied statement"
        )
        func psycopg() throws {
            let outcome = try psql(
                """
                /usr/bin/python3 -c '
                import psycopg
                with psycopg.connect("", autocommit=True) as c:
                    for n in range(8):
                        assert c.execute("SELECT name FROM people WHERE id = %s", [1], prepare=True).fetchone() == ("Ann",)
                    try:
                        with c.pipeline():
                            c.execute("SELECT 1")
                            c.execute("DELETE FROM people")
                            c.execute("SELECT 2")
                        print("passed")
                    except psycopg.errors.InsufficientPrivilege as e:
                        print("denied")
                    print(c.execute("SELECT count(*) FROM people").fetchone()[0])'
                """
            )
            #expect(outcome.lines == ["denied", "2"], "\(outcome)")
            #expect(try !server.log(of: database).contains { $0.contains("DELETE") })
        }

        @Test(
            "A server that is not who the rule means, or that is not there, is told of in the client's words"
        )
        func unreachable() throws {
            let port = try Port.free()
            for (name, words) in [
                ("wrongname.test", "certificate"), ("allowed.test", "could not be reached"),
            ] {
                let number = name == "allowed.test" ? port : server.port
                try place.profile(
                    "away",
                    """
                    extends: [base]
                    egress: [{to: "postgres://\(name):\(number)/*", private: true, allow: [select]}]

                    """
                )
                let outcome = try place.agent(
                    "PGSSLMODE=disable psql -XAtc 'SELECT 1' 'host=\(name) port=\(number) user=a dbname=b' 2>&1",
                    profile: "away"
                )
                #expect(outcome.code == 2 && outcome.output.contains(words), "\(outcome)")
            }
        }

        @Test("What each statement said and how it ended is on record, and not what the gateway logs in with")
        func records() throws {
            _ = try psql(
                """
                psql -XAt -c "SELECT name FROM people WHERE name <> 'l1teral'" -c 'SELECT 1/0' -c 'DELETE FROM people'
                """
            )
            let text = try place.bailey(["audit", "--json"]).lines
                .filter { !$0.contains("\"kind\":\"spawn\"") }.joined(separator: "\n")
            #expect(text.contains("SELECT 2") && text.contains("ERROR 22012"), "\(text)")
            #expect(text.contains("delete on people without where"), "\(text)")
            #expect(text.contains("l1teral") && !text.contains("REAL"), "\(text)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }
    }
}
