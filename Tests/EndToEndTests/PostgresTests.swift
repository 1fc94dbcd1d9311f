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
            try place.agent(
                """
                exec 2>&1; export PGHOST=allowed.test PGPORT=\(server.port) PGDATABASE=\(database) PGUSER=whoever
                export PGSSLMODE=\(ssl) PGCONNECT_TIMEOUT=8
                \(script)
                """,
                profile: profile,
                environment: ["DATABASE_PASSWORD": DatabaseServer.account.password]
            )
        }

        @Test(
            "An agent uses psql without a password, with TLS and without",
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
            #expect(records.contains { $0.action.contains("insert on people") && $0.reason == nil }, "\(records)")
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
    }
}
