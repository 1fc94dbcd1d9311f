import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What waits on one machine and is answered on another: two users with two state directories and two keys, and one database.
    @Suite(
        "Approvals that a fleet shares",
        .serialized,
        .enabled(
            if: DatabaseServer.isInstalled && getuid() == 0,
            "needs postgresql-15, postgresql-client and root, which can be other users"
        )
    )
    struct FleetApprovalTests {
        let database: LogDatabase
        let servers: Servers
        /// Holds what is asked, of root's runs.
        let build: FleetMachine
        /// Where it is answered, by the user who runs `bailey serve` there, and by who has a token.
        let desk: FleetMachine
        private let user = "user:desk:\(Starter.plainUserID)"

        init() throws {
            database = try LogDatabase()
            servers = try Servers.started()
            build = try FleetMachine(database)
            desk = try FleetMachine(database, for: .plainUser)
            try configure(people: ["\"\(user)\""])
            try desk.configure(with: ["build": build.key])
            try profile("wait: 120s")
        }

        func configure(people: [String]) throws {
            try build.configure(with: ["desk": desk.key], people: people)
        }

        func profile(_ approval: String) throws {
            try build.place.profile(
                "asking",
                """
                extends: [base]
                egress:
                  - {to: "\(origin)", private: true, ask: ["* /a/**"], approval: {\(approval)}}
                """
            )
        }

        var origin: String { "https://allowed.test:\(servers.tlsPort)" }

        func asking(_ path: String, _ more: String = "") throws -> RunningCommand {
            try build.place.running(
                "curl -sS -m120 -o /dev/null -w '%{http_code}' \(more) \(origin)\(path)",
                profile: "asking"
            )
        }

        private func mark() -> String { "/a/fleet-\(UInt32.random(in: 0...UInt32.max))" }

        func post(
            _ id: String,
            _ verb: String,
            as name: String,
            body: String? = nil
        ) throws -> ApprovalService.Answer {
            try desk.ask("POST", "/v1/approvals/\(id)/\(verb)?fleet", as: name, body: body)
        }

        @Test(
            "What waits on one machine is listed, shown and approved on another, masked, on record on both, and goes on"
        )
        func approved() throws {
            let server = try desk.serving()
            let mark = mark()
            let token = "ghp_" + String(repeating: "aB3", count: 12)
            let running = try asking(mark, "-d '{\"tag\": \"release\", \"token\": \"\(token)\"}'")
            let held = try #require(try desk.held(1).first)
            let own = try #require(try build.place.held(1).first)
            #expect(held.id == own.id && held.digest == own.digest && held.machine == "build")
            #expect(own.preview.contains(token), "the control: it is there to be masked")
            #expect(held.preview.contains("release") && !held.preview.contains(token), "\(held)")
            #expect(
                try database.run("SELECT count(*) FROM bailey_approval WHERE text LIKE '%\(token)%'") == ["0"]
            )
            let shown = try desk.place.bailey(["approvals", "show", held.id, "--fleet"])
            #expect(shown.code == 0 && shown.output.contains("machine:     build\n"), "\(shown)")
            #expect(try servers.requests(with: mark) == 0)
            let answer = try desk.place.bailey([
                "approvals", "approve", held.id, "--fleet", "--reason", "release 4.2",
            ])
            #expect(answer.code == 0 && answer.output == "approved \(held.id)\n", "\(answer)")
            #expect(running.finish().output == "200")
            #expect(try servers.requests(with: mark) == 1)
            #expect(try build.place.approvalEvents() == ["asked", "approved"])
            let audit = try build.place.bailey(["audit"]).output
            #expect(audit.contains("by \(user) (fleet desk), for once: release 4.2"), "\(audit)")
            let sent = try desk.custody("answer-sent")
            #expect(sent.count == 1 && sent[0].hasPrefix("\(held.id): approve for once, on build"), "\(sent)")
            #expect(try desk.held(0).isEmpty)
            let again = try desk.place.bailey(["approvals", "approve", held.id, "--fleet"])
            #expect(again.code == 1 && again.errors.contains("nothing that waits is called"), "\(again)")
            for machine in [build, desk] {
                #expect(try machine.place.bailey(["audit", "verify"]).code == 0)
            }
            desk.end(server)
        }

        @Test(
            "What is denied on another machine is refused by that name, with its reason, and nothing of it left"
        )
        func denied() throws {
            let server = try desk.serving()
            let mark = mark()
            let running = try asking(mark)
            let id = try #require(try desk.held(1).first).id
            let words = ["approvals", "deny", id, "--fleet", "--reason", "not on a Friday"]
            let answer = try desk.place.bailey(words)
            #expect(answer.code == 0 && answer.output == "denied \(id)\n", "\(answer)")
            #expect(running.finish().output == "403")
            #expect(try servers.requests(with: mark) == 0)
            #expect(try build.place.approvalEvents() == ["asked", "denied"])
            desk.end(server)
        }

        @Test(
            "A launch is shown whole on another machine, however long, and goes on when it is approved there"
        )
        func launch() throws {
            let server = try desk.serving()
            try build.place.profile("tool", "extends: [base]\n")
            try build.place.profile(
                "parent",
                "extends: [base]\nchildren: {ask: [tool], approval: {wait: 120s}, depth: 1, count: 2}\n"
            )
            let long = String(repeating: "x", count: 3_000)
            let running = try build.place.running(
                "bailey run -p tool -- echo launched \(long) end",
                profile: "parent"
            )
            let held = try #require(try desk.held(1).first)
            #expect(!held.command.joined().contains(long), "a list cuts it")
            let shown = try desk.place.bailey(["approvals", "show", held.id, "--fleet"])
            #expect(shown.code == 0 && shown.output.contains("\(long) end"), "\(shown)")
            let answer = try desk.place.bailey(["approvals", "approve", held.id, "--fleet"])
            #expect(answer.code == 0, "\(answer)")
            let outcome = running.finish()
            #expect(outcome.code == 0 && outcome.output.contains("launched"), "\(outcome)")
            desk.end(server)
        }

        @Test(
            "H05: a user of another machine is nobody unless people lists them, and nobody approves their own run by another machine"
        )
        func nobody() throws {
            try configure(people: ["\"user:desk:alice\"", "\"user:desk:root\""])
            let server = try desk.serving()
            let mark = mark()
            let running = try asking(mark)
            let id = try #require(try desk.held(1).first).id
            let nobody = try post(id, "approve", as: "games")
            #expect(
                nobody.status == "403" && nobody.body.contains("user:desk:games is nobody here"),
                "\(nobody)"
            )
            let denial = try post(id, "deny", as: "games")
            #expect(denial.status == "403", "\(denial)")
            let own = try post(id, "approve", as: "root")
            #expect(own.status == "403" && own.body.contains("is who started the run"), "\(own)")
            #expect(try build.place.held(1).first?.id == id)
            #expect(try servers.requests(with: mark) == 0)
            #expect(try post(id, "approve", as: "alice").status == "200", "the control")
            #expect(running.finish().output == "200")
            let refused = try build.custody("answer-refused")
            #expect(refused.count == 3 && refused.allSatisfy { $0.hasPrefix("fleet: ") }, "\(refused)")
            desk.end(server)
        }

        @Test(
            "by, and how many have to approve, are checked by the machine that holds the request: by the names that people there gives"
        )
        func demands() throws {
            try configure(people: ["\"user:desk:alice\", \"user:daemon\"", "\"user:desk:games\""])
            try profile("wait: 120s, by: [\"user:daemon\"]")
            let server = try desk.serving()
            let running = try asking(mark())
            let id = try #require(try desk.held(1).first).id
            let other = try post(id, "approve", as: "games")
            #expect(
                other.status == "403" && other.body.contains("may not approve it by the rules"),
                "\(other)"
            )
            #expect(try post(id, "approve", as: "alice", body: "{\"reason\": \"seen\"}").status == "200")
            #expect(running.finish().output == "200")
            try profile("wait: 120s, approvers: 2")
            let two = try asking(mark())
            let next = try #require(try desk.held(1).first).id
            let first = try post(next, "approve", as: "alice")
            #expect(first.status == "202" && first.body.contains("\"missing\":1"), "\(first)")
            let again = try post(next, "approve", as: "alice")
            #expect(again.status == "403" && again.body.contains("approved it already"), "\(again)")
            #expect(try post(next, "approve", as: "games").status == "200")
            #expect(two.finish().output == "200")
            desk.end(server)
        }

        @Test(
            "Over HTTP ?fleet lists and shows what waits elsewhere; another digest, and what does not wait, are refused"
        )
        func overHTTP() throws {
            let server = try desk.serving()
            let running = try asking(mark())
            let held = try #require(try desk.held(1).first)
            let list = try desk.ask("GET", "/v1/approvals?fleet", as: "alice")
            #expect(list.status == "200" && list.body.contains("\"machine\":\"build\""), "\(list)")
            #expect(try !desk.ask("GET", "/v1/approvals", as: "alice").body.contains(held.id))
            let shown = try desk.ask("GET", "/v1/approvals/\(held.id)?fleet", as: "alice")
            #expect(shown.status == "200" && shown.body.contains(held.digest), "\(shown)")
            #expect(try desk.ask("GET", "/v1/approvals/\(held.id)?other", as: "alice").status == "404")
            let digest = String(repeating: "0", count: 64)
            let wrong = try post(held.id, "approve", as: "alice", body: "{\"digest\": \"\(digest)\"}")
            #expect(wrong.status == "409" && wrong.body.contains("for another request"), "\(wrong)")
            #expect(try post(held.id + "0", "approve", as: "alice").status == "404")
            #expect(try build.place.held(1).first?.id == held.id)
            let answer = try desk.place.bailey(["approvals", "approve", held.id, "--fleet"])
            #expect(answer.code == 0, "\(answer)")
            #expect(running.finish().output == "200")
            desk.end(server)
        }
    }
}
