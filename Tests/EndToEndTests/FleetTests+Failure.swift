import Foundation
import Glibc
import TestSupport
import Testing

// What becomes of the log while the database, or what leads to it, fails.
extension EndToEnd.FleetTests {
    /// Refused launches whose records have three MiB each.
    private func refuseLargeLaunches(_ count: Int) throws {
        let words = Array(repeating: String(repeating: "\u{1}", count: 2_095), count: 249)
        for _ in 0..<count {
            let outcome = try place.bailey(["run", "-p", "none", "--"] + words)
            #expect(outcome.code == 125, "\(outcome.errors)")
        }
    }

    @Test(
        "I05: what the database lacks goes there in pieces, also where the words of launches make much of it"
    )
    func large() throws {
        #expect(try place.agent("true").code == 0)
        try configure(place, database.settings(in: place, database.url(port: Port.free())))
        try refuseLargeLaunches(24)
        let log = try place.control(
            "sqlite3 '\(place.root)/state/bailey/audit.sqlite' 'SELECT sum(length(payload)) FROM records'"
        )
        // More than the frames between Bailey and bailey-postgres may have.
        #expect(try #require(log.lines.first.flatMap { Int($0) }, "\(log)") > 64 << 20)
        try configure(place)
        #expect(try awaits { try place.agent("true").code == 0 })
        #expect(try count(of: key(of: place)) == records(of: place))
        let verify = try place.bailey(["audit", "verify", "--fleet"])
        #expect(verify.code == 0, "\(verify)")
    }

    @Test(
        "A long log goes to a slow database while others hear how much is missing, and not all at once before them"
    )
    func longLog() throws {
        try place.write("bailey: 1\n", to: place.configuration + "/bailey.yaml")
        try refuseLargeLaunches(24)
        try database.run(
            """
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
            CREATE TRIGGER slow AFTER INSERT ON bailey_seal FOR EACH STATEMENT EXECUTE FUNCTION slow();
            """
        )
        try configure(place)
        let first = try place.agent("touch ran")
        #expect(first.code == 125 && first.errors.contains("go there first, which is under way"), "\(first)")
        #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        #expect(try awaits { try place.agent("true").code == 0 })
        #expect(try count(of: key(of: place)) == records(of: place))
        #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0)
    }

    /// An agent that asks for something until it gets it, each time that its workspace has another file.
    func asking(_ marks: [String]) throws -> RunningCommand {
        let port = try Servers.started().httpPort
        try place.profile(
            "web",
            "extends: [base]\negress:\n  - {to: \"http://allowed.test:\(port)\", private: true, allow: [\"* /v1/**\"]}\n"
        )
        let waits = marks.map { mark in
            """
            until [ -e \(mark) ]; do sleep 0.1; done
            for n in $(seq 120); do
              curl -s -m60 -o /dev/null -w '%{http_code}\\n' http://allowed.test:\(port)/v1/\(mark) | grep -x 200 && break; sleep 0.5
            done; echo '\(mark) is over'
            """
        }
        return try place.running(waits.joined(separator: "\n"), profile: "web")
    }

    /// Lets the agent ask, and waits until it got it.
    func ask(_ mark: String, _ running: RunningCommand) throws {
        try place.write("", to: place.workspace + "/\(mark)")
        #expect(running.awaitOutput("200\n\(mark) is over"), "\(running.outputSoFar)")
    }

    @Test(
        "A database that lost its last records gets them again, and has no gap before what comes behind them"
    )
    func failedOver() throws {
        let running = try asking(["before", "behind"])
        try ask("before", running)
        let key = try key(of: place)
        let last = try database.run(
            "SELECT max(last) FROM bailey_seal WHERE last < (SELECT max(last) FROM bailey_seal WHERE chain = '\(key)')"
        )[0]
        // As a standby that did not have them yet: whole transactions are gone.
        try database.run(
            "DELETE FROM bailey_record WHERE sequence > \(last)",
            "DELETE FROM bailey_seal WHERE last > \(last)"
        )
        try ask("behind", running)
        let outcome = running.finish()
        #expect(outcome.code == 0, "\(outcome)")
        #expect(try count(of: key) == records(of: place))
        let verify = try place.bailey(["audit", "verify", "--fleet"])
        #expect(verify.code == 0, "\(verify)")
    }

    @Test(
        "A server that takes no changes for a while, as a standby, is left, and used when it takes them again"
    )
    func standby() throws {
        let running = try asking(["before", "behind"])
        try ask("before", running)
        let name = database.name
        try database.server.run(
            "ALTER DATABASE \(name) SET default_transaction_read_only = on",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)'",
            in: "postgres"
        )
        let refused = try place.agent("touch ran")
        #expect(refused.code == 125 && refused.errors.contains("read-only"), "\(refused)")
        try place.write("", to: place.workspace + "/behind")
        #expect(
            try awaits {
                try place.records(["--denied"]).contains { $0.record.action.contains("/v1/behind") }
            }
        )
        try database.server.run("ALTER DATABASE \(name) RESET default_transaction_read_only", in: "postgres")
        try ask("behind", running)
        let outcome = running.finish()
        #expect(outcome.code == 0, "\(outcome)")
        #expect(try count(of: key(of: place)) == records(of: place))
        #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0)
    }

    @Test("A connection that is lost is made anew, and nothing is missing")
    func lost() throws {
        let running = try asking(["before", "behind"])
        try ask("before", running)
        try database.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        try ask("behind", running)
        let outcome = running.finish()
        #expect(outcome.code == 0, "\(outcome)")
        #expect(try count(of: key(of: place)) == records(of: place))
        #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0)
    }

    @Test("Tables without the reference that keeps a chain whole are refused, by name")
    func unordered() throws {
        try database.run("ALTER TABLE bailey_seal DROP CONSTRAINT bailey_seal_chain_before_fkey")
        let outcome = try place.agent("touch ran")
        #expect(outcome.code == 125 && outcome.errors.contains("REFERENCES"), "\(outcome)")
        #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
    }

    @Test(
        "I05: a database that does not answer refuses within bounded time, and is used when it answers again"
    )
    func locked() throws {
        #expect(try place.agent("true").code == 0)
        let lock = try RunningCommand(
            ["psql", "-XAtq", "-c", "BEGIN; LOCK TABLE bailey_record; SELECT pg_sleep(600)"],
            environment: [
                "PATH": "/usr/bin:/bin", "PGHOST": "127.0.0.1", "PGPORT": "\(database.server.port)",
                "PGDATABASE": database.name, "PGUSER": DatabaseServer.account.user,
                "PGPASSWORD": DatabaseServer.account.password,
            ],
            directory: place.workspace
        )
        let isLocked =
            "SELECT count(*) FROM pg_locks WHERE relation = 'bailey_record'::regclass AND mode = 'AccessExclusiveLock' AND granted"
        #expect(try awaits { try database.run(isLocked) == ["1"] })
        let refused = try place.agent("touch ran")
        #expect(refused.code == 125 && refused.errors.contains("SQLSTATE 5"), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: place.workspace + "/ran"))
        try database.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid() AND datname = current_database()"
        )
        _ = lock.finish()
        #expect(try place.agent("true").code == 0)
        #expect(try count(of: key(of: place)) == records(of: place))
    }

    @Test("What is there already of a commit whose answer was lost is no obstacle")
    func unanswered() throws {
        #expect(try place.agent("true").code == 0)
        let key = try key(of: place)
        // Records without their seal: less than any commit leaves, so that the rest has to be added.
        try database.run(
            "DELETE FROM bailey_seal WHERE last = (SELECT max(last) FROM bailey_seal WHERE chain = '\(key)')"
        )
        #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0, "the copy ends before it")
        let outcome = try place.agent("true")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(try count(of: key) == records(of: place))
        let seals = try database.run("SELECT max(last) FROM bailey_seal WHERE chain = '\(key)'")
        #expect(try seals == ["\(records(of: place))"])
        #expect(try place.bailey(["audit", "verify", "--fleet"]).code == 0)
    }

    @Test("A server's socket is as good as its address, and is not an agent's to be granted")
    func socket() throws {
        let folder = database.server.folder
        let url = "postgresql://bailey@:\(database.server.port)/\(database.name)?host=\(folder)"
        try configure(place, database.settings(in: place, url))
        try place.profile("granted", "extends: [base]\nfiles: {read: [\(folder)]}\n")
        let outcome = try place.agent("true")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(try count(of: key(of: place)) == records(of: place))
        let refused = try place.agent("true", profile: "granted")
        #expect(refused.code == 125 && refused.errors.contains(".s.PGSQL."), "\(refused)")
        try configure(place)
        let control = try place.agent("true", profile: "granted")
        #expect(control.code == 0, "the control: by its address the folder says nothing; \(control)")
    }
}
