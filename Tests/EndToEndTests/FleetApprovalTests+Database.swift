import Foundation
import TestSupport
import Testing

/// What whoever may write to the table does to approvals of a fleet, and what a database that is slow or full of it does.
extension EndToEnd.FleetApprovalTests {
    /// Adds copies of rows, as the table's owner.
    private func copy(_ changes: [String: String] = [:], times: Int = 1, where condition: String) throws {
        let values = Self.columns.split(separator: ", ").map { changes[String($0)] ?? String($0) }
        try database.run(
            "INSERT INTO bailey_approval (\(Self.columns)) SELECT \(values.joined(separator: ", ")) "
                + "FROM bailey_approval, generate_series(1, \(times)) AS n WHERE \(condition)"
        )
    }

    @Test(
        "A role that may choose a row's number and moment is refused with the GRANT to use, and the one of docs/audit.md may not"
    )
    func granted() throws {
        let row = "'asked', '\(build.key)', '\(build.key)', 's', '0-1', '', NULL, ''"
        for (column, value) in [("added", "'infinity'"), ("number", "9000000000000000000")] {
            let chosen = try database.run(
                "INSERT INTO bailey_approval (\(column), \(Self.columns)) OVERRIDING SYSTEM VALUE SELECT \(value), \(row)",
                as: LogDatabase.role.name
            )
            #expect(chosen.code != 0 && chosen.errors.contains("permission denied"), "\(chosen)")
        }
        let plain = try database.run(
            "INSERT INTO bailey_approval (\(Self.columns)) SELECT \(row)",
            as: LogDatabase.role.name
        )
        #expect(plain.code == 0, "the control: \(plain)")
        let healthy = try desk.place.bailey(["doctor"])
        #expect(!healthy.output.contains("missing   audit.postgres: "), "\(healthy)")
        try database.run("GRANT INSERT ON bailey_approval TO \(LogDatabase.role.name)")
        let server = try desk.serving()
        let list = try desk.place.bailey(["approvals", "--fleet"])
        #expect(
            list.code == 1 && list.errors.contains("GRANT SELECT, INSERT (kind, chain, holder, supervisor"),
            "\(list)"
        )
        let doctor = try desk.place.bailey(["doctor"])
        #expect(doctor.output.contains("missing   audit.postgres: "), "\(doctor)")
        try database.run(
            "REVOKE INSERT ON bailey_approval FROM \(LogDatabase.role.name)",
            "GRANT INSERT (\(Self.columns)) ON bailey_approval TO \(LogDatabase.role.name)"
        )
        #expect(try desk.held(0).isEmpty, "the control")
        desk.end(server)
    }

    @Test(
        "With a role for each machine, and the policies of docs/audit.md, one writes in its own name alone, and approvals go on"
    )
    func separate() throws {
        try database.separate()
        for machine in [build, desk] { machine.role = try database.role(for: machine.key) }
        try configure(people: ["\"user:desk:alice\""])
        try desk.configure(with: ["build": build.key])
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        for (key, isOwn) in [(build.key, false), (desk.key, true)] {
            let row = "'ended', '\(key)', '\(key)', 's', '\(id)', '', NULL, ''"
            let added = try database.run(
                "INSERT INTO bailey_approval (\(Self.columns)) SELECT \(row)",
                as: desk.role
            )
            #expect((added.code == 0) == isOwn, "\(added)")
            #expect(isOwn || added.errors.contains("row-level security"), "\(added)")
        }
        #expect(try post(id, "approve", as: "alice").status == "200")
        #expect(running.finish().output == "200")
        #expect(try desk.held(0).isEmpty)
        desk.end(server)
    }

    @Test(
        "H05: rows by the thousand, in a stranger's name or unsigned in another's, and of any number and moment, hide no question and no answer"
    )
    func flooded() throws {
        try configure(people: ["\"user:desk:alice\""])
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        let asked = "kind = 'asked' AND question = '\(id)'"
        let junk = ["kind": "'answered'", "text": "''", "whole": "NULL", "signature": "''"]
        try copy(junk.merging(["chain": "'\(desk.key)'"]) { $1 }, times: 450, where: asked)
        // Of any number and moment where somebody granted more than docs/audit.md says.
        let stranger = String(repeating: "ab", count: 32)
        try database.run(
            "INSERT INTO bailey_approval (number, \(Self.columns)) OVERRIDING SYSTEM VALUE SELECT 9000000000000000000 + n, 'answered', "
                + "'\(stranger)', holder, supervisor, question, '', NULL, '' FROM bailey_approval, generate_series(1, 2500) n WHERE \(asked)",
            "INSERT INTO bailey_approval (added, \(Self.columns)) SELECT 'infinity', \(Self.columns) FROM bailey_approval WHERE \(asked)"
        )
        #expect(try isRefused("in the name of desk: it is not signed by that machine's key"))
        #expect(try desk.held(1).first?.id == id)
        let answer = try post(id, "approve", as: "alice")
        #expect(answer.status == "200", "\(answer)")
        #expect(running.finish().output == "200")
        desk.end(server)
    }

    @Test(
        "H05: rows of a stranger's that take the database longer than it has hold up no question and no answer"
    )
    func slowed() throws {
        try configure(people: ["\"user:desk:alice\""])
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        let stranger = String(repeating: "ab", count: 32)
        let asked = "kind = 'asked' AND question = '\(id)'"
        let junk = ["chain": "'\(stranger)'", "whole": "NULL", "signature": "''"]
        try copy(junk.merging(["kind": "'answered'", "text": "''"]) { $1 }, times: 500, where: asked)
        try copy(junk.merging(["kind": "'ended'", "text": "md5('')"]) { $1 }, times: 500, where: asked)
        // Half a minute for all of one kind; what asks for named machines alone comes by none of them.
        try database.run(
            "ALTER TABLE bailey_approval ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY slow ON bailey_approval FOR SELECT USING (chain <> '\(stranger)' OR pg_sleep(0.06) IS NOT NULL)",
            "CREATE POLICY writing ON bailey_approval FOR INSERT WITH CHECK (true)"
        )
        let slow = try database.run(
            "SET statement_timeout = 3000; SELECT count(*) FROM bailey_approval WHERE kind || '' = 'ended'",
            as: LogDatabase.role.name
        )
        #expect(slow.code != 0 && slow.errors.contains("statement timeout"), "the control: \(slow)")
        #expect(try desk.held(1).first?.id == id)
        let answer = try post(id, "approve", as: "alice")
        #expect(answer.status == "200", "\(answer)")
        #expect(running.finish().output == "200")
        #expect(try desk.held(0).isEmpty)
        desk.end(server)
    }

    @Test("Of what waits on one machine 8 MiB are read, the newest first: what is over that is not even sent")
    func heavy() throws {
        let server = try desk.serving()
        let first = try asking(path())
        let old = try #require(try desk.held(1).first).id
        let asked = "kind = 'asked' AND question = '\(old)'"
        try copy(
            ["text": "repeat('x', 90000)", "question": "'0123456789ab-' || n", "signature": "''"],
            times: 100,
            where: asked
        )
        #expect(try desk.held(0).isEmpty)
        let second = try asking(path())
        let new = try #require(try desk.held(1).first).id
        #expect(new != old)
        #expect(try desk.place.bailey(["approvals", "approve", new, "--fleet"]).code == 0)
        #expect(second.finish().output == "200")
        #expect(try build.place.bailey(["approvals", "approve", old]).code == 0)
        #expect(first.finish().output == "200")
        desk.end(server)
    }

    @Test("H05: a copy of an answer that is there at the same time takes nothing from it, and is on record")
    func copied() throws {
        try configure(people: ["\"user:desk:alice\""])
        let columns = Self.columns.split(separator: ", ").map { "NEW.\($0)" }.joined(separator: ", ")
        try database.run(
            """
            CREATE FUNCTION copied() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.kind = 'answered' AND pg_trigger_depth() = 1 THEN
            INSERT INTO bailey_approval (\(Self.columns)) VALUES (\(columns)); END IF; RETURN NULL; END $$;
            CREATE TRIGGER copied AFTER INSERT ON bailey_approval FOR EACH ROW EXECUTE FUNCTION copied();
            """
        )
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        let answer = try post(id, "approve", as: "alice")
        #expect(answer.status == "200" && answer.body.contains("approved"), "\(answer)")
        #expect(running.finish().output == "200")
        let answers = "SELECT count(*) FROM bailey_approval WHERE kind = 'answered'"
        #expect(try database.run(answers) == ["2"], "the control: it was there twice")
        #expect(try isRefused("it was sent before"))
        #expect(try build.custody("answer-refused").count == 1)
        desk.end(server)
    }

    @Test("What a run asked before, and is over, hides nothing that it asks now, and does not come back")
    func over() throws {
        let server = try desk.serving()
        let running = try build.place.running(
            "for path in \(path()) \(path()); do curl -sS -m120 -o /dev/null -w '%{http_code} ' \(origin)$path; done",
            profile: "asking"
        )
        let first = try #require(try desk.held(1).first).id
        #expect(try build.place.bailey(["approvals", "deny", first]).code == 0)
        let ended = "SELECT count(*) FROM bailey_approval WHERE kind = 'ended' AND question = '\(first)'"
        #expect(try desk.place.awaits { try database.run(ended) == ["1"] })
        let second = try #require(try desk.held(1).first).id
        #expect(second != first)
        try copy(times: 400, where: "question = '\(first)'")
        try copy(where: "kind = 'asked' AND question = '\(first)'")
        #expect(try desk.held(1).first?.id == second)
        let answer = try desk.place.bailey(["approvals", "approve", second, "--fleet"])
        #expect(answer.code == 0, "\(answer)")
        #expect(running.finish().output == "403 200 ")
        desk.end(server)
    }

    @Test(
        "Who gave an answer of which the database did not say whether it has it is not told that it was not sent"
    )
    func uncertain() throws {
        try configure(people: ["\"user:desk:alice\""])
        try database.run(
            """
            CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.kind = 'answered' THEN
            PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF; RETURN NEW; END $$;
            CREATE TRIGGER lost BEFORE INSERT ON bailey_approval FOR EACH ROW EXECUTE FUNCTION lost();
            """
        )
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        let lost = try post(id, "approve", as: "alice")
        #expect(lost.status == "504" && lost.body.contains("did not say within"), "\(lost)")
        #expect(try desk.custody("answer-sent").count == 1)
        try database.run("DROP TRIGGER lost ON bailey_approval")
        #expect(try post(id, "approve", as: "alice").status == "200", "the control")
        #expect(running.finish().output == "200")
        desk.end(server)
    }

    @Test("An answer that cannot be recorded where it is given is not sent, and what was asked waits")
    func unrecorded() throws {
        // So that its log is in the database.
        #expect(try desk.place.agent("true").code == 0)
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        let place = "chain = '\(desk.key)' ORDER BY sequence DESC LIMIT 1"
        try database.run(
            "INSERT INTO bailey_record SELECT chain, sequence + 1, run, time, kind, agent, lineage, ancestry, verdict, payload, previous, hash FROM bailey_record WHERE \(place)"
        )
        let answer = try desk.place.bailey(["approvals", "approve", id, "--fleet"])
        #expect(
            answer.code == 1
                && answer.errors.contains("it was not sent, since it could not be recorded here"),
            "\(answer)"
        )
        #expect(try database.run("SELECT count(*) FROM bailey_approval WHERE kind = 'answered'") == ["0"])
        #expect(try desk.held(1).first?.id == id)
        #expect(try build.place.bailey(["approvals", "approve", id]).code == 0)
        #expect(running.finish().output == "200")
        server.signal(SIGTERM)
        _ = server.finish()
    }

    @Test(
        "Whom another machine has revoked by user:MACHINE:NAME answers here: which machine it calls so is its own matter"
    )
    func called() throws {
        try configure(people: ["\"user:desk:alice\"", "\"user:desk:games\""])
        for subject in ["user:desk:alice", "user:games"] {
            let revoke = try desk.place.bailey(["revoke", subject, "--reason", "left"])
            #expect(revoke.code == 0, "\(revoke)")
        }
        let stranger = try FleetMachine(database, for: .plainUser)
        try stranger.configure(with: ["build": build.key])
        try build.configure(
            with: ["desk": desk.key, "other": stranger.key],
            people: ["\"user:desk:alice\"", "\"user:other:games\""]
        )
        let servers = (try desk.serving(), try stranger.serving())
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        _ = try stranger.held(1)
        let games = try stranger.ask("POST", "/v1/approvals/\(id)/approve?fleet", as: "games")
        #expect(
            games.status == "403" && games.body.contains("answers nothing any more"),
            "the control: \(games)"
        )
        let alice = try post(id, "approve", as: "alice")
        #expect(alice.status == "200", "\(alice)")
        #expect(running.finish().output == "200")
        desk.end(servers.0)
        stranger.end(servers.1)
    }
}
