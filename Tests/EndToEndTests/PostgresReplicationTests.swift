import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Replication through the gateway: PostgreSQL's own clients on one side, a real server on the other.
    @Suite(
        "Gateway: PostgreSQL's replication",
        .serialized,
        .enabled(if: DatabaseServer.canReplicate, "needs postgresql-15 and postgresql-client-15")
    )
    struct PostgresReplicationTests {
        let place: Place
        let server: DatabaseServer
        let database: String

        init() throws {
            place = try Place()
            server = try DatabaseServer.replicating()
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
        }

        /// What pg_recvlogical takes: it sets its search_path first.
        static let logical = [
            "show", "select calling pg_catalog.set_config", "set on search_path", "replication",
            "replication stream",
        ]
        static let physical = ["show", "replication", "replication slot", "replication stream"]

        /// A rule for the tests' databases, and one for the cluster, which allow so; `mask` stands behind the first.
        func rules(
            _ profile: String = "db",
            database allow: [String],
            mask: String = "",
            cluster: [String] = [],
            more: String = ""
        ) throws {
            let list = { (words: [String]) in words.map { "\"\($0)\"" }.joined(separator: ", ") }
            let whole =
                cluster.isEmpty
                ? ""
                : "  - {to: \"postgres://allowed.test:\(server.port)/replication\", private: true, credential: db, "
                    + "allow: [\(list(cluster))]}\n"
            try place.profile(
                profile,
                """
                extends: [base]
                egress:
                  - {to: "postgres://allowed.test:\(server.port)/db_*", private: true, credential: db, allow: [\(list(allow))]\(mask)}
                \(whole)\(more)
                """
            )
        }

        private var environment: [String: String] {
            ["DATABASE_PASSWORD": DatabaseServer.account.password]
        }

        private func asking(_ script: String) -> String {
            """
            exec 2>&1; export PGHOST=allowed.test PGPORT=\(server.port) PGDATABASE=\(database) PGUSER=whoever
            export PGSSLMODE=verify-full PGCONNECT_TIMEOUT=20 PATH=\(DatabaseServer.programs):$PATH
            \(script)
            """
        }

        /// A script of an agent's, which holds no password.
        func agent(_ script: String, profile: String = "db") throws -> Outcome {
            try place.agent(asking(script), profile: profile, environment: environment)
        }

        /// Slots by which a database's changes are decoded, each from now on.
        func slots(_ names: String...) throws {
            for name in names {
                try server.run(
                    "SELECT pg_create_logical_replication_slot('\(name)_\(database)', 'test_decoding')",
                    in: database
                )
            }
        }

        /// A server learns a moment later that a slot's reader is gone.
        func drop(_ names: String...) throws {
            for name in names.map({ "\($0)_\(database)" }) {
                let free =
                    "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '\(name)' AND NOT active"
                #expect(try place.awaits { try server.run(free, in: database) == ["1"] })
                try server.run("SELECT pg_drop_replication_slot('\(name)')", in: database)
            }
        }

        /// Some changes; where the log stands behind them.
        func changes() throws -> String {
            try server.run(
                "DELETE FROM people WHERE id >= 10",
                "INSERT INTO people SELECT i, 'name ' || i, repeat('x', i) FROM generate_series(10, 400) i",
                "UPDATE people SET name = 'other' WHERE id = 1",
                in: database
            )
            let end = try server.run("SELECT pg_current_wal_lsn()", in: database)
            try server.run("INSERT INTO private.salaries VALUES (2, 2000)", in: database)
            return try #require(end.first)
        }

        func recvlogical(_ slot: String, until end: String, to file: String) -> String {
            "pg_recvlogical -w -d \(database) -S \(slot)_\(database) --start -n --endpos=\(end) -f \(file) "
                + "-o include-xids=0 -o skip-empty-xacts=1"
        }

        private func words(_ command: String) -> [String] {
            command.split(separator: " ").enumerated().map { place, word in
                place == 0 ? "\(DatabaseServer.programs)/\(word)" : String(word)
            }
        }

        /// The same client outside, straight.
        func straight(_ command: String) throws -> Outcome {
            try server.client(words(command), in: database)
        }

        func content(_ file: String) throws -> Data {
            try Data(contentsOf: URL(filePath: place.workspace + "/" + file))
        }

        @Test(
            "A session for replication that no rule of some level names is refused, and its server hears nothing of it"
        )
        func refused() throws {
            let mark = "mark_\(database)"
            let script = """
                for mode in true on yes 1 database; do
                    psql -XAtc IDENTIFY_SYSTEM "replication=$mode application_name=\(mark)"; echo "code $?"
                done
                """
            try rules(database: ["*", "* calling *"], cluster: ["*", "* calling *"])
            let outcome = try agent(script)
            #expect(outcome.lines.filter { $0 == "code 2" }.count == 5, "\(outcome)")
            #expect(outcome.output.contains("replication at postgres://allowed.test"), "\(outcome)")
            #expect(try !server.hasLogged(mark))
            let denied = try place.records().filter { $0.verdict == "deny" }
            #expect(!denied.isEmpty && denied.allSatisfy { $0.record.action == "replication" }, "\(denied)")
            // With a rule that does, the same goes on; a child without one is still refused.
            try rules("narrow", database: ["select"])
            try rules(
                "wide",
                database: ["select", "replication"],
                cluster: ["replication"],
                more: "children: {profiles: [narrow], depth: 1, count: 4}"
            )
            let allowed = try agent(script, profile: "wide")
            #expect(allowed.lines.filter { $0 == "code 0" }.count == 5, "\(allowed)")
            #expect(try server.hasLogged(mark))
            let child = try agent(
                """
                cat > child.sh <<'END'
                psql -XAtc 'SELECT 1' "host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=a sslmode=verify-full"
                psql -XAtc IDENTIFY_SYSTEM "host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=a sslmode=verify-full \
                    replication=database application_name=child_\(database)"; echo "code $?"
                END
                bailey run -p narrow -- env PGHOST=$PGHOST PGPORT=$PGPORT PGDATABASE=$PGDATABASE sh child.sh
                """,
                profile: "wide"
            )
            // What it says of it comes by another stream, and may be in between.
            #expect(child.lines.contains("1") && child.output.contains("code 2\n"), "\(child)")
            #expect(try !server.hasLogged("child_\(database)"))
        }

        @Test(
            "Each command is decided and recorded by itself; a denied one leaves the session alive, and goes nowhere"
        )
        func commands() throws {
            try rules(database: ["select", "replication"], cluster: ["replication", "show"])
            let slot = "denied_\(database)"
            let outcome = try agent(
                """
                psql -XAt 'replication=database' -c IDENTIFY_SYSTEM -c 'CREATE_REPLICATION_SLOT \(slot) LOGICAL test_decoding' \
                    -c 'START_REPLICATION SLOT \(slot) LOGICAL 0/0' -c 'NONSENSE \(slot)' -c 'DELETE FROM people' \
                    -c 'BASE_BACKUP (LABEL $$\(slot)$$)' -c 'BASE_BACKUP' -c 'SELECT name FROM people WHERE id = 1'
                psql -XAt 'replication=true' -c IDENTIFY_SYSTEM -c 'SHOW wal_level' -c 'SELECT 1' -c 'TIMELINE_HISTORY 999'
                """
            )
            let errors = outcome.lines.filter { $0.hasPrefix("ERROR:") }
            #expect(errors.count == 8, "\(outcome)")
            #expect(errors.contains { $0.contains("replication slot at postgres://") }, "\(outcome)")
            #expect(errors.contains { $0.contains("replication stream at postgres://") }, "\(outcome)")
            #expect(errors.contains { $0.contains("is about the whole server") }, "\(outcome)")
            #expect(errors.contains { $0.contains("of replication is not understood") }, "\(outcome)")
            #expect(outcome.lines.contains("Ann") && outcome.lines.contains("logical"), "\(outcome)")
            // That it would be logged, `masks` shows of the same server.
            #expect(try !server.hasLogged(slot))
            #expect(try server.run("SELECT count(*) FROM people", in: database) == ["2"])
            // What it says of itself is what it says straight; where its log stands moves on.
            let straight = try server.client(
                ["psql", "-XAt", "replication=database", "-c", "IDENTIFY_SYSTEM"],
                in: database
            )
            let own = try #require(straight.lines.first).split(
                separator: "|",
                omittingEmptySubsequences: false
            )
            let seen = outcome.lines.filter { $0.hasPrefix(own[0] + "|") }
                .map { $0.split(separator: "|", omittingEmptySubsequences: false) }
            try #require(seen.count == 2 && seen.allSatisfy { $0.count == 4 }, "\(outcome)")
            #expect(seen[0][1] == own[1] && seen[0][3] == own[3] && seen[1][3] == "", "\(seen)")
            // What was refused is not what the rules allow.
            let denied = try place.records().filter { $0.verdict == "deny" }
            #expect(denied.contains { $0.record.action == "connect" }, "\(denied)")
            #expect(denied.allSatisfy { $0.record.action != "replication" }, "\(denied)")
            let text = try place.bailey(["audit", "--json"]).output
            for said in ["IDENTIFY_SYSTEM", "CREATE_REPLICATION_SLOT \(slot)", "TIMELINE_HISTORY 999"] {
                #expect(text.contains("\"text\":\"\(said)"), "\(said): \(text)")
            }
        }

        @Test(
            "pg_recvlogical gets the very octets that it gets straight, and how many messages passed is on record"
        )
        func logical() throws {
            try rules(database: Self.logical)
            try slots("g", "s")
            let end = try changes()
            let outcome = try agent(recvlogical("g", until: end, to: "out") + "; echo \"code $?\"")
            #expect(outcome.lines.last == "code 0", "\(outcome)")
            let file = place.root + "/straight"
            let direct = try straight(recvlogical("s", until: end, to: file))
            #expect(direct.code == 0, "\(direct)")
            let octets = try content("out")
            #expect(try octets == Data(contentsOf: URL(filePath: file)))
            #expect(
                String(decoding: octets, as: UTF8.self).contains(
                    "table public.people: INSERT: id[integer]:400"
                )
            )
            let text = try place.bailey(["audit", "--json"]).lines.filter { $0.contains("\"messages\":{") }
            #expect(text.count == 1, "\(text)")
            let messages = try #require(
                text.first?.firstMatch(of: /"messages":\{"received":(\d+),"sent":(\d+)\}/)
            )
            #expect((Int(messages.1) ?? 0) > 391 && (Int(messages.2) ?? 0) > 0, "\(text)")
            #expect(try place.bailey(["audit", "verify"]).code == 0)
            try drop("g", "s")
        }

        @Test("pg_receivewal gets the very segments that it gets straight")
        func physical() throws {
            try rules(database: ["select"], cluster: Self.physical)
            for slot in ["g", "s"] {
                try server.run(
                    "SELECT pg_create_physical_replication_slot('\(slot)_\(database)', true)",
                    in: database
                )
            }
            _ = try changes()
            try server.run("SELECT pg_switch_wal()", in: database)
            let end = try changes()
            let receive = { (slot: String, folder: String) in
                "pg_receivewal -w -D \(folder) -S \(slot)_\(database) -n --endpos=\(end)"
            }
            let outcome = try agent("mkdir wal; " + receive("g", "wal") + "; echo \"code $?\"")
            #expect(outcome.lines.last == "code 0", "\(outcome)")
            let folder = place.root + "/wal"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let direct = try straight(receive("s", folder))
            #expect(direct.code == 0, "\(direct)")
            let whole = { (names: [String]) in names.filter { !$0.hasSuffix(".partial") }.sorted() }
            let names = whole(try FileManager.default.contentsOfDirectory(atPath: folder))
            #expect(names.first != nil)
            #expect(
                whole(try FileManager.default.contentsOfDirectory(atPath: place.workspace + "/wal")) == names
            )
            for name in names {
                let octets = try Data(contentsOf: URL(filePath: folder + "/" + name))
                #expect(try octets == content("wal/" + name), "\(name)")
            }
            try drop("g", "s")
        }

        @Test(
            "pg_basebackup takes a backup that its manifest vouches for, with a slot and a stream of its own beside it"
        )
        func backup() throws {
            try rules(database: ["select"], cluster: Self.physical)
            let outcome = try agent(
                "pg_basebackup -w -D backup -X stream -c fast --no-sync; echo \"code $?\""
            )
            #expect(outcome.lines.last == "code 0", "\(outcome)")
            let verified = try straight("pg_verifybackup \(place.workspace)/backup")
            #expect(verified.code == 0, "\(verified)")
            // To leave it with the server, or with a program of it, takes more.
            let target = try agent(
                """
                pg_basebackup -w -t server:/tmp/stolen_\(database) -X none -c fast; echo "code $?"
                psql -XAt replication=true -c "BASE_BACKUP (TARGET 'shell', LABEL 'stolen_\(database)')"
                """
            )
            #expect(target.lines.contains("code 1"), "\(target)")
            #expect(
                target.output.contains("copy file") && target.output.contains("copy program"),
                "\(target)"
            )
            #expect(try !server.hasLogged("stolen_\(database)"))
        }

        @Test("What a rule masks is not streamed: neither the database, nor the cluster that it is in")
        func masks() throws {
            try slots("m")
            let end = try changes()
            try rules("masked", database: Self.logical, mask: ", mask: [email]", cluster: Self.physical)
            let script = """
                \(recvlogical("m", until: end, to: "out")); echo "code $?"
                pg_basebackup -w -D backup -X none -c fast -l label_\(database); echo "code $?"
                [ -s out ] || echo nothing
                """
            let outcome = try agent(script, profile: "masked")
            #expect(outcome.lines.filter { $0 == "code 1" }.count == 2, "\(outcome)")
            #expect(outcome.lines.filter { $0.contains("cannot be masked") }.count == 2, "\(outcome)")
            #expect(outcome.lines.last == "nothing", "\(outcome)")
            #expect(try !server.hasLogged("START_REPLICATION SLOT \"m_\(database)\""))
            #expect(try !server.hasLogged("label_\(database)"))
            // Without the mask both are.
            try rules("plain", database: Self.logical, cluster: Self.physical)
            let plain = try agent(script, profile: "plain")
            #expect(plain.lines.filter { $0 == "code 0" }.count == 2, "\(plain)")
            #expect(try server.hasLogged("START_REPLICATION SLOT \"m_\(database)\""))
            try drop("m")
        }

        @Test("A stream of an agent that is revoked is cut at once, and how far it came is on record")
        func revoked() throws {
            try rules(database: Self.logical)
            try slots("r")
            let slot = "r_\(database)"
            let running = try place.running(
                asking(
                    "pg_recvlogical -w -d \(database) -S \(slot) --start -n -f out -o include-xids=0; code=$?; "
                        + "echo over; read wait; exit $code"
                ),
                profile: "db",
                environment: environment
            )
            try server.run("INSERT INTO people VALUES (50, 'before', 'x')", in: database)
            #expect(place.awaits({ (try? content("out")).map(Self.text)?.contains("before") ?? false }))
            let agent = try #require(try place.living().values.first)
            #expect(try place.bailey(["revoke", agent, "--keep-running"]).code == 0)
            // Straight behind it: what is cut is the stream, and not only what reads it.
            try server.run("INSERT INTO people VALUES (51, 'behind', 'x')", in: database)
            #expect(running.awaitOutput("over"))
            let active = "SELECT active FROM pg_replication_slots WHERE slot_name = '\(slot)'"
            #expect(try place.awaits { try server.run(active, in: database) == ["f"] })
            #expect(try server.run("SELECT count(*) FROM people WHERE id IN (50, 51)", in: database) == ["2"])
            let outcome = running.finish()
            #expect(outcome.code != 0, "\(outcome)")
            #expect(try !Self.text(content("out")).contains("behind"))
            let ends = try place.bailey(["audit", "--json"]).lines.filter { $0.contains("\"messages\":{") }
            #expect(ends.count == 1 && ends.allSatisfy { $0.contains("\"cause\":") }, "\(ends)")
            try drop("r")
        }

        private static func text(_ octets: Data) -> String { String(decoding: octets, as: UTF8.self) }
    }
}
