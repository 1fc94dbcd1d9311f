import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Checkpoints in a table of a real PostgreSQL.
    @Suite(
        "Checkpoints in PostgreSQL",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct CheckpointTableTests {
        let place: Place
        let database: LogDatabase

        init() throws {
            place = try Place()
            database = try LogDatabase()
        }

        private func configure(_ settings: String, _ more: String = "") throws {
            try place.write(
                "bailey: 1\naudit: {checkpoints: {postgres: \(settings)\(more)}}\n",
                to: place.configuration + "/bailey.yaml"
            )
        }

        private func rows() throws -> [String] {
            try database.run("SELECT line FROM bailey_checkpoint ORDER BY sequence")
        }

        /// A run that goes on until there is a row of it.
        private func run(_ place: Place) throws {
            let before = try rows().count
            let running = try place.running("echo ready; until [ -e go ]; do sleep 0.1; done; rm go")
            #expect(running.awaitOutput("ready"))
            #expect(try await60 { try rows().count > before })
            try place.write("", to: place.workspace + "/go")
            let outcome = running.finish()
            #expect(outcome.code == 0, "\(outcome)")
        }

        @Test(
            "I: a run leaves a checkpoint in the table, and by it a cut tail shows, which the log alone does not"
        )
        func cut() throws {
            try configure(database.settings(in: place), ", every: 1s")
            try run(place)
            let state = place.root + "/state/bailey"
            #expect(try rows().allSatisfy { $0.hasPrefix("bailey-audit-checkpoint-v1 ") })
            #expect(try place.control("cp -a '\(state)' '\(state)-before'").code == 0)
            try run(place)
            let whole = try place.bailey(["audit", "verify", "--checkpoints", "postgres"])
            #expect(whole.code == 0 && whole.output.contains("checkpoints agree"), "\(whole)")
            let back = try place.control("rm -r '\(state)' && mv '\(state)-before' '\(state)'")
            #expect(back.code == 0)
            #expect(try place.bailey(["audit", "verify"]).code == 0, "the control")
            let verify = try place.bailey(["audit", "verify", "--checkpoints", "postgres", "--json"])
            #expect(verify.code == 1 && verify.output.contains("\"code\":\"cut\""), "\(verify)")
        }

        @Test("No agent is granted the file of the password, nor has the variable")
        func secret() throws {
            let password = LogDatabase.role.password
            try place.write(password, to: place.root + "/private/password", mode: 0o600)
            try place.profile(
                "granted",
                "extends: [base]\nfiles: {read: [\"\(place.root)/private\"]}\nenv: {pass: [LOG_PASSWORD]}\n"
            )
            let script = "cat '\(place.root)/private/password'; echo \"has $LOG_PASSWORD\""
            let variable = ["LOG_PASSWORD": password]
            let control = try place.agent(script, profile: "granted", environment: variable)
            #expect(control.output == "\(password)has \(password)\n", "the control: \(control)")
            let url = try database.url()
            try configure("{url: \"\(url)\", password: {file: \(place.root)/private/password}}")
            let refused = try place.agent(script, profile: "granted", environment: variable)
            #expect(refused.code == 125 && refused.errors.contains("holds a secret"), "\(refused)")
            try configure("{url: \"\(url)\", password: {env: LOG_PASSWORD}}")
            let withheld = try place.agent(
                "echo \"has $LOG_PASSWORD\"",
                profile: "granted",
                environment: variable
            )
            #expect(withheld.code == 0 && withheld.output == "has \n", "\(withheld)")
        }

        @Test("A row that was changed is found out, and the rows of another log say nothing of this one")
        func others() throws {
            try configure(database.settings(in: place), ", every: 1s")
            try run(place)
            let other = try Place()
            let settings = try database.settings(in: other)
            try other.write(
                "bailey: 1\naudit: {checkpoints: {postgres: \(settings), every: 1s}}\n",
                to: other.configuration + "/bailey.yaml"
            )
            try run(other)
            let verify = ["audit", "verify", "--checkpoints", "postgres"]
            for machine in [place, other] {
                let outcome = try machine.bailey(verify)
                #expect(outcome.code == 0 && outcome.output.contains(" agree"), "\(outcome)")
            }
            let key = try #require(try rows().first.map { $0.split(separator: " ")[4] })
            try database.run(
                "UPDATE bailey_checkpoint SET line = replace(line, ' ' || sequence || ' ', ' 1 ') WHERE chain = '\(key)'"
            )
            let changed = [try place.bailey(verify), try other.bailey(verify)]
            #expect(
                changed.count { $0.code == 1 && $0.output.contains("forged") } == 1,
                "\(changed)"
            )
        }

        @Test("The documented role can neither change a row nor remove one")
        func role() throws {
            try configure(database.settings(in: place), ", every: 1s")
            try run(place)
            let count = try rows().count
            let connection =
                "PGPASSWORD='\(LogDatabase.role.password)' psql -XAtq '\(try database.url())&sslmode=verify-full'"
            for statement in [
                "DELETE FROM bailey_checkpoint", "UPDATE bailey_checkpoint SET sequence = 1",
                "TRUNCATE bailey_checkpoint", "DROP TABLE bailey_checkpoint",
            ] {
                let outcome = try place.control("\(connection) -c '\(statement)'")
                #expect(outcome.code != 0, "\(outcome)")
            }
            let reading = try place.control("\(connection) -c 'SELECT count(*) FROM bailey_checkpoint'")
            #expect(reading.code == 0 && reading.output == "\(count)\n", "\(reading)")
        }

        /// How a database is not of use, and what is said of it.
        enum Trouble: String, CaseIterable {
            case down, password, denied, wide, untrusted, table
        }

        private func settings(_ trouble: Trouble) throws -> (String, complaint: String) {
            switch trouble {
            case .down: (try database.settings(in: place, database.url(port: Port.free())), "refused")
            case .password: (try database.settings(in: place, password: "wr0ng-REAL-77aa"), "password")
            case .denied:
                (
                    try database.settings(in: place, database.url(as: "bailey_nobody")),
                    "permission denied for table bailey_checkpoint"
                )
            case .wide:
                (
                    try database.settings(
                        in: place,
                        database.url(as: DatabaseServer.account.user),
                        password: DatabaseServer.account.password
                    ), "may change or remove what it wrote"
                )
            case .untrusted:
                (
                    try database.settings(
                        in: place,
                        "postgresql://bailey@127.0.0.1:\(database.server.port)/\(database.name)"
                    ),
                    "certificate verify failed"
                )
            case .table:
                (try database.settings(in: place), "make the table as docs/audit.md says")
            }
        }

        @Test(
            "I05: where the database is down, denies or may not be trusted, runs go on, say so at their end, and it is on record",
            arguments: Trouble.allCases
        )
        func failing(trouble: Trouble) throws {
            if trouble == .table { try database.run("DROP TABLE bailey_checkpoint") }
            let (settings, complaint) = try settings(trouble)
            try configure(settings, ", every: 1s")
            let running = try place.running("echo went on; until [ -e go ]; do sleep 0.1; done")
            #expect(running.awaitOutput("went on"))
            let end = Date(timeIntervalSinceNow: 60)
            var audit = try place.bailey(["audit"])
            while !audit.output.contains("checkpoint-failed"), Date() < end {
                Thread.sleep(forTimeInterval: 0.2)
                audit = try place.bailey(["audit"])
            }
            #expect(
                audit.output.contains("checkpoint-failed") && audit.output.contains(complaint),
                "\(audit)"
            )
            let doctor = try place.bailey(["doctor"])
            #expect(
                doctor.lines.contains {
                    $0.contains("missing   audit.checkpoints.postgres: ") && $0.contains(complaint)
                },
                "\(doctor)"
            )
            try place.write("", to: place.workspace + "/go")
            let outcome = running.finish()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(
                outcome.errors.contains("checkpoints could not be written to PostgreSQL at"),
                "\(outcome)"
            )
            for secret in [LogDatabase.role.password, "wr0ng-REAL-77aa", DatabaseServer.account.password] {
                #expect(!outcome.errors.contains(secret) && !audit.output.contains(secret))
            }
            #expect(try place.bailey(["audit", "verify"]).code == 0)
        }

        @Test(
            "A database that does not answer holds up neither a run nor its end, and is written to when it answers again"
        )
        func slow() throws {
            try configure(database.settings(in: place), ", every: 1s")
            let lock = try RunningCommand(
                [
                    "psql", "-XAtq", "-c",
                    "BEGIN; LOCK TABLE bailey_checkpoint; SELECT 'locked'; SELECT pg_sleep(600)",
                ],
                environment: [
                    "PATH": "/usr/bin:/bin", "PGHOST": "127.0.0.1", "PGPORT": "\(database.server.port)",
                    "PGDATABASE": database.name, "PGUSER": DatabaseServer.account.user,
                    "PGPASSWORD": DatabaseServer.account.password,
                ],
                directory: place.workspace
            )
            let isLocked =
                "SELECT count(*) FROM pg_locks WHERE relation = 'bailey_checkpoint'::regclass AND mode = 'AccessExclusiveLock' AND granted"
            #expect(try await60 { try database.run(isLocked) == ["1"] })
            let running = try place.running("echo ready; until [ -e go ]; do sleep 0.1; done")
            #expect(running.awaitOutput("ready"))
            #expect(try place.agent("echo went on").output == "went on\n")
            #expect(try await60 { try place.bailey(["audit"]).output.contains("checkpoint-failed") })
            try database.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid() AND datname = current_database()"
            )
            _ = lock.finish()
            #expect(try await60 { try place.bailey(["audit"]).output.contains("checkpoint-resumed") })
            try place.write("", to: place.workspace + "/go")
            let outcome = running.finish()
            #expect(outcome.code == 0, "\(outcome)")
        }

        /// Until it is so, a minute and a half long.
        private func await60(_ condition: () throws -> Bool) throws -> Bool {
            let end = Date(timeIntervalSinceNow: 90)
            while Date() < end {
                if try condition() { return true }
                Thread.sleep(forTimeInterval: 0.2)
            }
            return false
        }

        @Test(
            "What is wrong with the database in bailey.yaml is named, and nothing is launched",
            arguments: [
                ("x", "a mapping"), ("{}", "takes url"), ("{url: \"mysql://h/d\"}", "no URL of PostgreSQL"),
                ("{url: \"postgresql://u:p@h/d\"}", "a key of its own"),
                ("{url: \"postgresql://u@h/d?sslmode=prefer\"}", "not for the server to say"),
                ("{url: \"postgresql://u@h/d\", password: {file: /nonexistent}}", "/nonexistent"),
                ("{url: \"postgresql://u@h/d\", password: secret}", "audit.checkpoints.postgres.password"),
                ("{url: \"postgresql://u@h/d\", user: x}", "user"),
            ]
        )
        func configuration(settings: String, complaint: String) throws {
            try configure(settings)
            let outcome = try place.agent("true")
            #expect(outcome.code == 125 && outcome.errors.contains(complaint), "\(outcome)")
        }

        @Test("Without a table in bailey.yaml there is none to hold the log against, and it is said")
        func unnamed() throws {
            #expect(try place.agent("true").code == 0)
            let outcome = try place.bailey(["audit", "verify", "--checkpoints", "postgres"])
            #expect(outcome.code != 0 && outcome.errors.contains("names no table"), "\(outcome)")
        }
    }
}
