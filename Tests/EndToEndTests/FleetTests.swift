import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// The logs of several machines in one real PostgreSQL: a machine is a place with a state directory of its own.
    @Suite(
        "The log in PostgreSQL",
        .serialized,
        .enabled(if: DatabaseServer.isInstalled, "needs postgresql-15 and postgresql-client")
    )
    struct FleetTests {
        let place: Place
        let database: LogDatabase

        init() throws {
            place = try Place()
            database = try LogDatabase()
            try configure(place)
        }

        func configure(_ place: Place, _ settings: String? = nil, _ more: String = "") throws {
            let settings = try settings ?? database.settings(in: place)
            try place.write(
                "\(Servers.started().operatorConfiguration)\naudit: {postgres: \(settings)\(more)}\n",
                to: place.configuration + "/bailey.yaml"
            )
        }

        func key(of place: Place) throws -> String {
            let verify = try place.bailey(["audit", "verify"])
            let line = try #require(verify.lines.first { $0.hasPrefix("key ") }, "\(verify)")
            return String(try #require(line.split(separator: " ").last))
        }

        func count(of key: String) throws -> Int {
            Int(try database.run("SELECT count(*) FROM bailey_record WHERE chain = '\(key)'")[0]) ?? -1
        }

        func records(of place: Place) throws -> Int {
            let verify = try place.bailey(["audit", "verify"])
            let words = try #require(verify.lines.first, "\(verify)").split(separator: " ")
            return try #require(words.dropFirst().first.flatMap { Int($0) }, "\(verify)")
        }

        @Test(
            "Many machines write into one database, each its own chain, and anybody who may reads and verifies them"
        )
        func chains() throws {
            let other = try Place()
            try configure(other)
            for _ in 0..<2 { #expect(try place.agent("true").code == 0) }
            #expect(try other.agent("true").code == 0)
            let keys = (try key(of: place), try key(of: other))
            try #require(keys.0 != keys.1)
            for (machine, key) in [(place, keys.0), (other, keys.1)] {
                #expect(try count(of: key) == records(of: machine))
            }
            let verify = try place.bailey(["audit", "verify", "--fleet"])
            #expect(verify.code == 0, "\(verify)")
            for key in [keys.0, keys.1] { #expect(verify.output.contains("chain     \(key)\n"), "\(verify)") }
            #expect(verify.lines.count { $0.contains("verified") } == 2, "\(verify)")
            let which = try place.bailey(["audit", "--fleet"])
            #expect(which.code == 1 && which.errors.contains("name one with --chain"), "\(which)")
            #expect(which.errors.contains(keys.0) && which.errors.contains(keys.1), "\(which)")
            let beginning = String(keys.1.prefix(12))
            for words in [["audit", "--json"], ["audit", "export", "--format", "jsonl"]] {
                let own = try other.bailey(words)
                let fleet = try place.bailey(words + ["--fleet", "--chain", beginning])
                #expect(own.code == 0 && fleet.code == 0, "\(fleet)")
                #expect(own.output == fleet.output && !own.output.isEmpty, "\(own) \(fleet)")
            }
            let user = "user:" + (try place.control("id -un").lines.first ?? "")
            let trace = try place.bailey(["trace", "--fleet", "--chain", beginning, user])
            let own = try other.bailey(["trace", user])
            #expect(trace.code == 0 && trace.output == own.output, "\(trace) \(own)")
            let none = try place.bailey(["audit", "--fleet", "--chain", "zz"])
            #expect(none.code == 1 && none.errors.contains("has no log whose key begins with"), "\(none)")
        }

        @Test(
            "What was on record before, and what was missed while the database was away, goes into it before anything new"
        )
        func caughtUp() throws {
            try place.write("bailey: 1\n", to: place.configuration + "/bailey.yaml")
            for _ in 0..<3 { #expect(try place.agent("true").code == 0) }
            let key = try key(of: place)
            #expect(try count(of: key) == 0)
            try configure(place, database.settings(in: place, database.url(port: Port.free())))
            let refused = try place.agent("touch ran")
            #expect(refused.code == 125, "\(refused)")
            #expect(
                refused.errors.contains("has to be in the database of audit.postgres as well"),
                "\(refused)"
            )
            #expect(!refused.errors.contains(LogDatabase.role.password))
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
            try configure(place)
            #expect(try place.agent("touch ran").code == 0)
            #expect(try count(of: key) == records(of: place))
            #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0)
        }

        @Test("I05: what the database cannot have does not leave, and leaves when it can have it again")
        func denied() throws {
            let servers = try Servers.started()
            let port = servers.httpPort
            try place.profile(
                "web",
                "extends: [base]\negress:\n  - {to: \"http://allowed.test:\(port)\", private: true, allow: [\"* /v1/**\"]}\n"
            )
            let mark = "/v1/fleet-" + UUID().uuidString.prefix(8)
            let running = try place.running(
                """
                ask() { curl -s -m60 -o /dev/null -w "$1 %{http_code}\\n" http://allowed.test:\(port)\(mark)-$1; }
                ask before; until [ -e away ]; do sleep 0.1; done
                ask away; until [ -e back ]; do sleep 0.1; done
                for n in $(seq 120); do ask back | grep 'back 200' && break; sleep 0.5; done
                """,
                profile: "web"
            )
            #expect(running.awaitOutput("before 200"), "\(running.outputSoFar)")
            try database.run("ALTER TABLE bailey_record RENAME TO elsewhere")
            try place.write("", to: place.workspace + "/away")
            #expect(running.awaitOutput("away "))
            #expect(!running.outputSoFar.contains("away 200"))
            #expect(try servers.requests(with: "\(mark)-away ") == 0)
            try database.run("ALTER TABLE elsewhere RENAME TO bailey_record")
            try place.write("", to: place.workspace + "/back")
            let outcome = running.finish()
            #expect(outcome.code == 0 && outcome.output.contains("back 200"), "\(outcome)")
            #expect(outcome.errors.contains("what they were for was refused"), "\(outcome)")
            #expect(try servers.requests(with: "\(mark)-before ") == 1)
            #expect(try servers.requests(with: "\(mark)-back ") >= 1)
            #expect(try count(of: key(of: place)) == records(of: place))
            #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0)
            let denied = try place.records(["--denied"])
            #expect(
                denied.contains {
                    $0.record.action.contains("\(mark)-away") && $0.record.reason == "audit-unavailable"
                },
                "\(denied)"
            )
        }

        @Test("Supervisors of one log at once leave no gap, and nothing twice")
        func atOnce() throws {
            let running = try (0..<6).map { try place.running("echo \($0); sleep 0.\($0)") }
            for command in running {
                let outcome = command.finish()
                #expect(outcome.code == 0, "\(outcome)")
            }
            #expect(try count(of: key(of: place)) == records(of: place))
            let verify = try place.bailey(["audit", "verify", "--fleet"])
            #expect(verify.code == 0, "\(verify)")
        }

        @Test("A state directory that was put back to an earlier state is found out, and nothing is allowed")
        func putBack() throws {
            #expect(try place.agent("true").code == 0)
            let state = place.root + "/state/bailey"
            #expect(try place.control("cp -a '\(state)' '\(state)-before'").code == 0)
            #expect(try place.agent("true").code == 0)
            let key = try key(of: place)
            let there = try count(of: key)
            #expect(try place.control("rm -r '\(state)' && mv '\(state)-before' '\(state)'").code == 0)
            #expect(try place.bailey(["audit", "verify"]).code == 0, "the control: by itself it is whole")
            let outcome = try place.agent("touch ran")
            #expect(
                outcome.code == 125 && outcome.errors.contains("put back to an earlier state"),
                "\(outcome)"
            )
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
            #expect(try count(of: key) == there)
        }

        @Test("Another record in its place is somebody else's, and nothing is allowed")
        func foreign() throws {
            #expect(try place.agent("true").code == 0)
            let key = try key(of: place)
            let next = try records(of: place) + 1
            try database.run(
                "INSERT INTO bailey_record VALUES ('\(key)', \(next), 'x', 0, 'spawn', NULL, 'x', '', NULL, '{}', '\\x00', '\\x00')"
            )
            let outcome = try place.agent("touch ran")
            #expect(outcome.code == 125, "\(outcome)")
            #expect(outcome.errors.contains("somebody wrote there in this machine's name"), "\(outcome)")
            #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        }

        @Test("What is changed in the database is found out, in its own chain alone")
        func changed() throws {
            let other = try Place()
            try configure(other)
            for machine in [place, other] { #expect(try machine.agent("true").code == 0) }
            let key = try key(of: place)
            try database.run(
                "UPDATE bailey_record SET payload = payload || ' ' WHERE chain = '\(key)' AND sequence = 1"
            )
            let verify = try other.bailey(["audit", "verify", "--fleet", "--json"])
            #expect(verify.code == 1, "\(verify)")
            let broken = verify.lines.filter { $0.contains("\"verified\":false") }
            #expect(broken.count == 1 && verify.lines.count == 2, "\(verify)")
            #expect(
                broken.first?.contains(key) == true && broken.first?.contains("\"changed\"") == true,
                "\(verify)"
            )
            for words in [["audit"], ["trace", "user:nobody"]] {
                let shown = try other.bailey(words + ["--fleet", "--chain", key])
                #expect(shown.code == 1 && shown.output.isEmpty, "\(shown)")
            }
            try database.run("DELETE FROM bailey_record WHERE chain = '\(key)' AND sequence = 1")
            let removed = try other.bailey(["audit", "verify", "--fleet", "--chain", key])
            #expect(
                removed.code == 1 && removed.output.contains("first bad record: 1  removed"),
                "\(removed)"
            )
            #expect(
                try other.bailey(["audit", "export", "--format", "jsonl", "--fleet", "--chain", key]).code
                    == 1
            )
        }

        @Test("A role that may change what it wrote is refused, and one that may not add")
        func roles() throws {
            try configure(
                place,
                database.settings(
                    in: place,
                    database.url(as: DatabaseServer.account.user),
                    password: DatabaseServer.account.password
                )
            )
            let wide = try place.agent("true")
            #expect(wide.code == 125 && wide.errors.contains("may change or remove what it wrote"), "\(wide)")
            try configure(place, database.settings(in: place, database.url(as: "bailey_nobody")))
            let narrow = try place.agent("true")
            #expect(narrow.code == 125 && narrow.errors.contains("permission denied"), "\(narrow)")
            let doctor = try place.bailey(["doctor"])
            #expect(doctor.output.contains("missing   audit.postgres: "), "\(doctor)")
            try configure(place)
            #expect(try place.agent("true").code == 0, "the control")
            let healthy = try place.bailey(["doctor"])
            #expect(healthy.output.contains("audit.postgres: "), "\(healthy)")
            #expect(!healthy.output.contains("missing   audit.postgres: "), "\(healthy)")
        }

        @Test("Pruning is refused, by hand and in bailey.yaml, and --fleet says where there is no database")
        func unbuilt() throws {
            #expect(try place.agent("true").code == 0)
            let prune = try place.bailey(["audit", "prune", "--for", "1s"])
            #expect(prune.code == 1 && prune.errors.contains("not built yet"), "\(prune)")
            let receipts = try place.bailey(["audit", "export", "--receipts", "--fleet"])
            #expect(receipts.code != 0 && receipts.errors.contains("not built yet"), "\(receipts)")
            try configure(place, nil, ", retain: {for: 90d}")
            let outcome = try place.agent("true")
            #expect(outcome.code == 125 && outcome.errors.contains("not built yet"), "\(outcome)")
            try place.write("bailey: 1\n", to: place.configuration + "/bailey.yaml")
            let none = try place.bailey(["audit", "verify", "--fleet"])
            #expect(none.code != 0 && none.errors.contains("names no database"), "\(none)")
            let chain = try place.bailey(["audit", "--chain", "3f9a"])
            #expect(chain.code != 0 && chain.errors.contains("--fleet"), "\(chain)")
        }
    }
}
