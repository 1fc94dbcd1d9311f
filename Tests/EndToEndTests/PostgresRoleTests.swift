import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Roles that are made for one session each, by a real PostgreSQL.
    @Suite(
        "Gateway: roles of PostgreSQL's sessions",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct PostgresRoleTests {
        let place: Place
        let server: DatabaseServer
        let database: String
        private static let secret = "maker-REAL-d77c05e1"

        init() throws {
            place = try Place()
            server = try DatabaseServer.started()
            _ = try Self.accounts.get()
            database = try server.database()
            try server.run(
                "GRANT SELECT ON people TO readers; GRANT CREATE, USAGE ON SCHEMA public TO readers",
                in: database
            )
            try place.write(
                Servers.started().operatorConfiguration,
                to: place.configuration + "/bailey.yaml"
            )
            try rules()
        }

        /// Who makes roles and who may not; their passwords are not in the log.
        private static let accounts = Result {
            try DatabaseServer.started().run(
                "SET log_statement = none",
                "CREATE ROLE readers",
                "CREATE ROLE \"wri\"\"ters\"",
                "CREATE ROLE maker LOGIN CREATEROLE PASSWORD '\(secret)'",
                "GRANT readers, \"wri\"\"ters\" TO maker",
                "CREATE ROLE nobody_special LOGIN PASSWORD '\(secret)'",
                in: "postgres"
            )
        }

        private func rules(maker: String = "maker", groups: String = "[readers, 'wri\"ters']") throws {
            let bound = "for: [\"postgres://allowed.test:\(server.port)\"]"
            try place.write(
                """
                bailey: 1
                credentials:
                  maker: {from: {env: MAKER}, as: password \(maker), \(bound)}
                  made: {from: {postgres-role: {by: maker, member-of: \(groups)}}, as: password, \(bound)}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            try place.profile(
                "roles",
                """
                extends: [base]
                egress:
                  - to: "postgres://allowed.test:\(server.port)/db_*"
                    private: true
                    allow: ["*", "* calling *"]
                    credential: made

                """
            )
        }

        private func script(_ text: String) -> String {
            """
            exec 2>&1; export PGHOST=allowed.test PGPORT=\(server.port) PGDATABASE=\(database) PGUSER=whoever
            export PGSSLMODE=verify-full PGCONNECT_TIMEOUT=8
            \(text)
            """
        }

        private func agent(_ text: String, secret: String = secret) throws -> Outcome {
            try place.agent(script(text), profile: "roles", environment: ["MAKER": secret])
        }

        /// The names of those of these roles that there are, of which a condition is so.
        private func roles(_ condition: String = "true") throws -> [String] {
            try server.run(
                "SELECT rolname FROM pg_roles WHERE rolname ~ '^bailey_' AND \(condition)",
                in: database
            )
        }

        /// Whether a role is gone; a session's is dropped right behind it.
        private func isGone(_ name: String, within seconds: Double = 20) throws -> Bool {
            let end = Date(timeIntervalSinceNow: seconds)
            while Date() < end {
                if try roles("rolname = '\(name)'").isEmpty { return true }
                Thread.sleep(forTimeInterval: 0.1)
            }
            return false
        }

        private func isName(_ text: String?) -> Bool {
            text?.wholeMatch(of: /bailey_[0-9a-f]{24}/) != nil
        }

        @Test(
            "A session has a role of its own, with what the groups may and an end, which is dropped behind it; no secret is anywhere"
        )
        func session() throws {
            let outcome = try agent(
                """
                psql -XAt -c 'SELECT current_user' -c 'SELECT name FROM people ORDER BY id LIMIT 1' -c "
                  SELECT rolconnlimit, rolvaliduntil > now(), rolvaliduntil < now() + interval '61 s', rolcreaterole,
                    pg_has_role('readers', 'member'), pg_has_role('wri\\"ters', 'member')
                  FROM pg_roles WHERE rolname = current_user" || echo failed
                psql -XAtc 'SELECT current_user' || echo failed
                env | grep -c REAL
                """
            )
            let lines = outcome.lines
            try #require(lines.count == 5, "\(outcome)")
            #expect(isName(lines[0]) && lines[1] == "Ann" && lines[2] == "1|t|t|f|t|t", "\(outcome)")
            #expect(isName(lines[3]) && lines[3] != lines[0] && lines[4] == "0", "\(outcome)")
            #expect(try isGone(lines[0]) && isGone(lines[3]))
            let made = try #require(try server.log(holding: "CREATE ROLE \"\(lines[0])\"").first)
            #expect(made.contains("PASSWORD 'SCRAM-SHA-256$4096:"), "\(made)")
            #expect(try !server.hasLogged(Self.secret))
            #expect(try server.hasLogged("identity=\"\(lines[0])\" method=scram-sha-256"))
            for folder in ["state", "run", "workspace", "home"] {
                #expect(try place.files(holding: Self.secret, below: folder).isEmpty, "\(folder)")
            }
            #expect(try place.records().contains { $0.record.credential == "made" })
        }

        @Test("What a session leaves behind belongs to its first group")
        func leaves() throws {
            let outcome = try agent(
                "psql -XAtq -c 'SELECT current_user' -c 'CREATE TABLE left_behind (id int)' || echo failed"
            )
            #expect(outcome.code == 0 && outcome.lines.count == 1, "\(outcome)")
            #expect(try isGone(outcome.lines.first ?? "none"))
            #expect(
                try server.run(
                    "SELECT tableowner FROM pg_tables WHERE tablename = 'left_behind'",
                    in: database
                ) == ["readers"]
            )
        }

        @Test(
            "G17: an agent that ends, or is revoked and goes on, leaves neither the session at work nor its role",
            arguments: [false, true]
        )
        func cut(isRevoked: Bool) throws {
            let running = try place.running(
                script("psql -XAtc 'SELECT pg_sleep(300.5)'; code=$?; echo over; read wait; exit $code"),
                profile: "roles",
                environment: ["MAKER": Self.secret]
            )
            let busy = "query LIKE '%pg_sleep(300.5)%' AND usename LIKE 'bailey%' AND datname = '\(database)'"
            var names: [String] = []
            for _ in 0..<300 where names.isEmpty {
                names = try server.run("SELECT usename FROM pg_stat_activity WHERE \(busy)", in: database)
                Thread.sleep(forTimeInterval: 0.1)
            }
            let name = try #require(names.first)
            if isRevoked {
                let agent = try #require(try place.living().values.first)
                #expect(try place.bailey(["revoke", agent, "--keep-running"]).code == 0)
                #expect(running.awaitOutput("over"))
                #expect(try isGone(name))
            } else {
                running.signal(SIGTERM)
            }
            let outcome = running.finish()
            #expect(outcome.code != 0, "\(outcome)")
            #expect(try isGone(name))
            #expect(try server.run("SELECT usename FROM pg_stat_activity WHERE \(busy)", in: database) == [])
        }

        @Test(
            "A session drops what a gateway left that is gone: expired roles of ours without a session, and no others"
        )
        func sweeps() throws {
            let names = ["dead", "alive", "foreign"].map { kind in
                // Hexadecimal, and of this test alone.
                (kind, "bailey_" + UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(24))
            }
            let role = Dictionary(uniqueKeysWithValues: names)
            let comment = "IS 'the role of one session, made by bailey'"
            let (dead, alive, foreign) = (role["dead"] ?? "", role["alive"] ?? "", role["foreign"] ?? "")
            try server.run(
                """
                CREATE ROLE \(dead) LOGIN VALID UNTIL '2020-01-01'; COMMENT ON ROLE \(dead) \(comment);
                GRANT readers TO \(dead); GRANT \(dead) TO maker;
                CREATE TABLE of_the_dead (id int); ALTER TABLE of_the_dead OWNER TO \(dead);
                CREATE ROLE \(alive) LOGIN VALID UNTIL '2040-01-01'; COMMENT ON ROLE \(alive) \(comment);
                CREATE ROLE \(foreign) LOGIN VALID UNTIL '2020-01-01'
                """,
                in: database
            )
            let outcome = try agent("psql -XAtc 'SELECT current_user' || echo failed")
            #expect(outcome.lines.count == 1 && isName(outcome.lines.first), "\(outcome)")
            #expect(try isGone(String(dead)))
            #expect(
                try server.run(
                    "SELECT tableowner FROM pg_tables WHERE tablename = 'of_the_dead'",
                    in: database
                ) == ["readers"]
            )
            #expect(
                try Set(roles("rolname IN ('\(alive)', '\(foreign)')")) == [String(alive), String(foreign)]
            )
            try server.run("DROP ROLE \(alive); DROP ROLE \(foreign)", in: database)
        }

        @Test("Where no role can be made there is no session, and it is said why")
        func refused() throws {
            let before = try roles()
            let wrong = try agent("psql -XAtc 'SELECT 1'", secret: "wrong-\(Self.secret)")
            #expect(wrong.code == 2 && wrong.output.contains("gateway's login (28P01)"), "\(wrong)")
            try rules(maker: "nobody_special")
            let weak = try agent("psql -XAtc 'SELECT 1'")
            #expect(
                weak.code == 2 && weak.output.contains("made no role for this session (42501)"),
                "\(weak)"
            )
            try rules(groups: "[nowhere]")
            let unknown = try agent("psql -XAtc 'SELECT 1'")
            #expect(unknown.code == 2 && unknown.output.contains("(42704)"), "\(unknown)")
            let messages = try place.records().compactMap(\.record.message).joined(separator: "\n")
            #expect(messages.contains("refused the login as maker"), "\(messages)")
            #expect(messages.contains("role \"nowhere\" does not exist (42704)"), "\(messages)")
            #expect(try roles().filter { !before.contains($0) } == [])
        }
    }
}
