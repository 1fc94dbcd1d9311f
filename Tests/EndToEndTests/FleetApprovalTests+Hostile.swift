import Foundation
import TestSupport
import Testing

/// Answers of other machines that change nothing: each beside one that does.
extension EndToEnd.FleetApprovalTests {
    func path() -> String { "/a/hostile-\(UInt32.random(in: 0...UInt32.max))" }

    /// Whether an answer that changed nothing comes to be on record of the machine that holds the request.
    func isRefused(_ words: String) throws -> Bool {
        try build.place.awaits { try build.custody("answer-refused").contains { $0.contains(words) } }
    }

    static let columns = "kind, chain, holder, supervisor, question, text, whole, signature"

    /// Adds a row as whoever may write to the table: what a machine signed as an answer, with something changed.
    private func add(_ changes: [String: String] = [:], to question: String) throws {
        let values = Self.columns.split(separator: ", ").map { changes[String($0)] ?? String($0) }
        try database.run(
            "INSERT INTO bailey_approval (\(Self.columns)) SELECT \(values.joined(separator: ", ")) "
                + "FROM bailey_approval WHERE kind = 'answered' AND question = '\(question)' ORDER BY number LIMIT 1"
        )
    }

    @Test(
        "H05: an answer of another machine that is sent again, changed, in another's name or malformed changes nothing, and is on record"
    )
    func forged() throws {
        try configure(people: ["\"user:desk:alice\"", "\"user:desk:games\""])
        try profile("wait: 240s, approvers: 2")
        let server = try desk.serving()
        let path = path()
        let running = try asking(path)
        let id = try #require(try desk.held(1).first).id
        #expect(try post(id, "approve", as: "alice").status == "202")
        // With a second approval it would go on.
        try add(to: id)
        #expect(try isRefused("that approves \(id): it was sent before"))
        try add(["text": "replace(text, 'user:alice', 'user:games')"], to: id)
        #expect(try isRefused("in the name of desk: it is not signed by that machine's key"))
        try add(["chain": "'\(String(repeating: "ab", count: 32))'"], to: id)
        #expect(try isRefused("it is of no machine that approvals.fleet names"))
        try add(["question": "'ZZ'"], to: id)
        #expect(try isRefused("a row for an answer: it is malformed"))
        try add(["text": "repeat('x', 200000)"], to: id)
        #expect(try build.place.awaits { try build.custody("answer-refused").count == 5 })
        #expect(try build.place.held(1).first?.id == id)
        #expect(try servers.requests(with: path) == 0)
        #expect(try build.place.approvalEvents() == ["asked", "seconded"])
        #expect(try post(id, "approve", as: "games").status == "200", "the control")
        #expect(running.finish().output == "200")
        #expect(try servers.requests(with: path) == 1)
        desk.end(server)
    }

    @Test(
        "H05: a machine that is not named sees what waits, where it trusts who holds it, and its answer changes nothing"
    )
    func stranger() throws {
        try configure(people: ["\"user:desk:alice\""])
        let stranger = try FleetMachine(database, for: .plainUser)
        try stranger.configure(with: ["build": build.key])
        let servers = (try desk.serving(), try stranger.serving())
        let path = path()
        let running = try asking(path)
        let id = try #require(try stranger.held(1).first).id
        let answer = try stranger.ask("POST", "/v1/approvals/\(id)/approve?fleet", as: "alice")
        #expect(answer.status == "504" && answer.body.contains("did not say within"), "\(answer)")
        #expect(try isRefused("it is of no machine that approvals.fleet names"))
        #expect(try build.place.held(1).first?.id == id)
        #expect(try self.servers.requests(with: path) == 0)
        #expect(try post(id, "approve", as: "alice").status == "200", "the control")
        #expect(running.finish().output == "200")
        desk.end(servers.0)
        stranger.end(servers.1)
    }

    @Test(
        "A row that says that something waits is shown where the machine in whose name it is has signed it, and not otherwise"
    )
    func shown() throws {
        let server = try desk.serving()
        let running = try asking(path())
        let held = try #require(try desk.held(1).first)
        let other = "0123456789ab-1"
        try database.run(
            "INSERT INTO bailey_approval (\(Self.columns)) SELECT kind, chain, holder, supervisor, '\(other)', "
                + "replace(text, '\(held.id)', '\(other)'), whole, signature FROM bailey_approval WHERE kind = 'asked'",
            "INSERT INTO bailey_approval (\(Self.columns)) SELECT 'ended', chain, holder, supervisor, question, text, whole, signature "
                + "FROM bailey_approval WHERE kind = 'asked' AND question = '\(held.id)'"
        )
        #expect(try desk.held(1).first?.id == held.id)
        let answer = try desk.place.bailey(["approvals", "approve", held.id, "--fleet"])
        #expect(answer.code == 0, "\(answer)")
        #expect(running.finish().output == "200")
        #expect(try desk.held(0).isEmpty)
        desk.end(server)
    }

    @Test(
        "Who is revoked on the machine that holds a request, by the name that they have there, answers nothing"
    )
    func revoked() throws {
        try configure(people: ["\"user:desk:alice\"", "\"user:desk:games\""])
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        let revoke = try build.place.bailey(["revoke", "user:desk:alice", "--reason", "left"])
        #expect(revoke.code == 0, "\(revoke)")
        let refused = try post(id, "approve", as: "alice")
        #expect(
            refused.status == "403" && refused.body.contains("answers nothing any more"),
            "\(refused)"
        )
        #expect(try build.place.held(1).first?.id == id)
        #expect(try post(id, "approve", as: "games").status == "200", "the control")
        #expect(running.finish().output == "200")
        desk.end(server)
    }

    @Test(
        "H05: while it cannot be looked up who has a name on the machine that holds a request, nobody of another one answers"
    )
    func unread() throws {
        try configure(people: ["\"user:desk:alice\""])
        let place = build.place
        // What cannot be opened (ENXIO).
        let made = try place.control(
            "python3 -c 'import socket; socket.socket(1).bind(\"\(place.root)/unread\")'"
        )
        try #require(made.code == 0, "\(made)")
        let server = try desk.serving()
        let running = try RunningCommand(
            ["unshare", "-m", place.binary, "run"] + Kernel.options + [
                "--profiles", place.profiles, "-p", "asking", "--", "sh", "-c",
                "curl -sS -m120 -o /dev/null -w '%{http_code}' \(origin)\(path())",
            ],
            environment: place.environment,
            directory: place.workspace
        )
        let id = try #require(try desk.held(1).first).id
        // Where its supervisor lives, and nowhere else.
        let there = "nsenter -m -t \(running.processIdentifier)"
        let gone = try place.control("\(there) mount --bind '\(place.root)/unread' /etc/passwd")
        try #require(gone.code == 0, "\(gone)")
        for verb in ["approve", "deny"] {
            let refused = try post(id, verb, as: "alice")
            #expect(
                refused.status == "403" && refused.body.contains("looked up in /etc/passwd"),
                "\(refused)"
            )
        }
        let back = try place.control("\(there) umount /etc/passwd")
        try #require(back.code == 0, "\(back)")
        #expect(try post(id, "approve", as: "alice").status == "200", "the control")
        #expect(running.finish().output == "200")
        desk.end(server)
    }

    @Test(
        "Where the table is away, what waits is answered on its own machine, others hear why not, and are told when it is back"
    )
    func away() throws {
        let server = try desk.serving()
        #expect(try desk.held(0).isEmpty)
        try database.run("ALTER TABLE bailey_approval RENAME TO elsewhere")
        let running = try asking(path())
        let own = try #require(try build.place.held(1).first)
        let list = try desk.place.bailey(["approvals", "--fleet"])
        #expect(list.code == 1 && list.errors.contains("make the table as docs/audit.md says"), "\(list)")
        #expect(
            try build.place.awaits {
                try build.place.bailey(["approvals"]).output.contains("fleet: PostgreSQL at ")
            }
        )
        #expect(try build.place.bailey(["approvals", "approve", own.id]).code == 0)
        #expect(running.finish().output == "200")
        let next = try asking(path())
        _ = try build.place.held(1)
        try database.run("ALTER TABLE elsewhere RENAME TO bailey_approval")
        let id = try #require(try desk.held(1).first).id
        let answer = try desk.place.bailey(["approvals", "approve", id, "--fleet"])
        #expect(answer.code == 0, "\(answer)")
        #expect(next.finish().output == "200")
        desk.end(server)
    }

    @Test("Without 'bailey serve', or without approvals.fleet, --fleet says so; --all-of does not go with it")
    func unbuilt() throws {
        let none = try desk.place.bailey(["approvals", "--fleet"])
        #expect(none.code == 1 && none.errors.contains("'bailey serve' does not answer"), "\(none)")
        let all = try desk.place.bailey(["approvals", "deny", "--all-of", "ci.yaml:4", "--fleet"])
        #expect(all.code != 0 && all.errors.contains("--all-of does not go with --fleet"), "\(all)")
        try desk.place.write("bailey: 1\n", to: desk.place.configuration + "/bailey.yaml")
        let server = try desk.serving()
        let plain = try desk.place.bailey(["approvals", "--fleet"])
        #expect(plain.code == 1 && plain.errors.contains("approvals.fleet in bailey.yaml"), "\(plain)")
        desk.end(server)
    }
}
