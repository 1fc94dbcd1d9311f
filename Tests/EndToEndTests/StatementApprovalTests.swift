import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Statements that rules ask about, with psql and a real server.
    @Suite(
        "Approvals of statements",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct StatementApprovalTests {
        let place: Place
        let databases: DatabaseServer
        let database: String

        init() throws {
            place = try Place()
            databases = try DatabaseServer.started()
            database = try databases.database()
            try place.write(
                try Servers.started().operatorConfiguration,
                to: place.configuration + "/bailey.yaml"
            )
            let login = "password \(DatabaseServer.account.user)"
            try place.write(
                """
                bailey: 1
                credentials:
                  db: {from: {env: SECRET}, as: \(login), for: ["postgres://allowed.test:\(databases.port)"]}

                """,
                to: place.configuration + "/credentials.yaml",
                mode: 0o600
            )
            try place.profile(
                "asking",
                """
                extends: [base]
                egress:
                  - {to: "postgres://allowed.test:\(databases.port)/db_*", private: true, credential: db,
                     allow: ["select"], ask: ["insert on public.people"], approval: {for: once, wait: 60s}}

                """
            )
        }

        private func psql(_ script: String) throws -> RunningCommand {
            try place.running(
                """
                export PGHOST=allowed.test PGPORT=\(databases.port) PGDATABASE=\(database) PGUSER=any PGSSLMODE=verify-full
                \(script)
                """,
                profile: "asking",
                environment: ["SECRET": DatabaseServer.account.password]
            )
        }

        private func rows(_ name: String) throws -> String {
            try databases.run("SELECT count(*) FROM public.people WHERE name = '\(name)'", in: database).first
                ?? ""
        }

        @Test("A statement is held in its session, shown as it is, and goes on when it is approved, once")
        func held() throws {
            let insert = "INSERT INTO public.people VALUES (70, 'asked')"
            let running = try psql(
                "psql -XAt -v ON_ERROR_STOP=0 -c \"SELECT 'before'\" -c \"\(insert)\" -c \"\(insert)\" -c \"SELECT 'after'\" 2> errors"
            )
            let first = try #require(try place.held(1).first)
            #expect(first.preview == insert && first.action.contains("insert on public.people"), "\(first)")
            #expect(try rows("asked") == "0")
            #expect(try place.bailey(["approvals", "approve", first.id]).code == 0)
            let second = try #require(try place.held(1).first { $0.id != first.id })
            #expect(second.digest == first.digest)
            #expect(
                try place.bailey(["approvals", "deny", second.id, "--reason", "once is enough"]).code == 0
            )
            let outcome = running.finish()
            #expect(outcome.output == "before\nINSERT 0 1\nafter\n", "\(outcome)")
            #expect(place.read("workspace/errors")?.contains("once is enough") == true)
            #expect(try rows("asked") == "1")
            #expect(try place.approvalEvents() == ["asked", "approved", "asked", "denied"])
        }

        @Test(
            "A request to cancel, and a client that goes, withdraw their statement; nobody waits, and nothing is done"
        )
        func withdrawn() throws {
            let insert = "INSERT INTO public.people VALUES (80, 'withdrawn')"
            let running = try psql(
                "timeout -s INT 2 psql -XAtc \"\(insert)\" > cancelled 2>&1; timeout -s KILL 2 psql -XAtc \"\(insert)\" > killed 2>&1; :"
            )
            #expect(running.finish().code == 0)
            #expect(place.read("workspace/cancelled")?.contains("cancelled this while it waited") == true)
            #expect(try rows("withdrawn") == "0")
        }

        @Test("A prepared statement that a rule asks about is refused: its parameters are not known yet")
        func prepared() throws {
            try place.write("INSERT INTO public.people VALUES (90, 'prepared');\n", to: "workspace/load.sql")
            let running = try psql(
                "/usr/lib/postgresql/15/bin/pgbench -n -t 1 -M extended -f load.sql \(database) > bench 2>&1; echo $? >> bench"
            )
            #expect(running.finish().code == 0)
            let bench = try #require(place.read("workspace/bench"))
            #expect(
                bench.contains("statements of the simple query protocol") && !bench.hasSuffix("\n0\n"),
                "\(bench)"
            )
            #expect(try rows("prepared") == "0")
            #expect(try place.records().contains { $0.record.reason == "approval-needed" })
        }
    }
}
