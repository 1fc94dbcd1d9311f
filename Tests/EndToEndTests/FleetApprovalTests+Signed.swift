import Foundation
import Model
import TestSupport
import Testing

/// What a machine signs as an answer: `text` of a row.
private struct SignedAnswer: Encodable {
    var nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max) }.hex
    var time = Int64(Date().timeIntervalSince1970 * 1_000)
    var question: String
    var agent: String
    var digest: String
    var approves = true
    var life: String?
    var reason: String?
    var subject = "user:alice"
    var names = ["user:alice"]
    var groups: [String] = []
    var via: String?
}

/// Answers that the other machine's own key signed, as if whoever has that key wrote them by hand.
extension EndToEnd.FleetApprovalTests {
    /// Puts an answer into the table, signed by the key of `desk`'s log.
    private func send(_ answer: SignedAnswer, to supervisor: String, about question: String? = nil) throws {
        let text = Array(try JSONEncoder().encode(answer))
        try add("answered", of: desk, to: (build.key, supervisor), about: question ?? answer.question, text)
    }

    /// Puts a row into the table, signed by the key of a machine's log.
    private func add(
        _ kind: String,
        of machine: FleetMachine,
        to holder: (machine: String, supervisor: String),
        about question: String,
        _ text: [UInt8]
    ) throws {
        var lines = CanonicalLines("bailey-fleet-approval\t1")
        for (key, value) in [
            ("kind", kind), ("chain", machine.key), ("holder", holder.machine),
            ("supervisor", holder.supervisor), ("question", question),
        ] {
            lines.line(key, value)
        }
        let signature = try machine.signature(of: lines.octets + Array("text\t\(text.count):".utf8) + text)
        try database.run(
            "INSERT INTO bailey_approval (\(Self.columns)) SELECT '\(kind)', '\(machine.key)', '\(holder.machine)', "
                + "'\(holder.supervisor)', '\(question)', convert_from('\\x\(text.hex)', 'UTF8'), NULL, '\\x\(signature.hex)'"
        )
    }

    @Test("What two machines say of one id is answered on neither of them from elsewhere, and where it waits")
    func twice() throws {
        let stranger = try FleetMachine(database, for: .plainUser)
        try desk.configure(with: ["build": build.key, "other": stranger.key])
        let server = try desk.serving()
        let running = try asking(path())
        let id = try #require(try desk.held(1).first).id
        let told = try database.run("SELECT text FROM bailey_approval WHERE question = '\(id)'")
        let text = Array(try #require(told.first).utf8)
        try add("asked", of: stranger, to: (stranger.key, "0123456789ab"), about: id, text)
        #expect(try desk.held(2).map(\.id) == [id, id])
        let answer = try desk.place.bailey(["approvals", "approve", id, "--fleet"])
        #expect(answer.code == 1 && answer.errors.contains("say of one id that it waits there"), "\(answer)")
        #expect(try desk.custody("answer-sent").isEmpty)
        #expect(try build.place.bailey(["approvals", "approve", id]).code == 0)
        #expect(running.finish().output == "200")
        desk.end(server)
    }

    @Test(
        "H05: an answer that its machine signed changes nothing at another moment, for another request, or with what nobody can say"
    )
    func signed() throws {
        try configure(people: ["\"user:desk:alice\""])
        try profile("wait: 300s")
        let path = path()
        let running = try asking(path, "-m 300")
        // What waits is shown there by 'bailey serve'.
        let server = try desk.serving()
        let held = try #require(try desk.held(1).first)
        desk.end(server)
        let supervisor = try #require(
            try database.run("SELECT supervisor FROM bailey_approval WHERE question = '\(held.id)'").first
        )
        /// As of now.
        func answer(_ change: (inout SignedAnswer) -> Void = { _ in }) -> SignedAnswer {
            var answer = SignedAnswer(question: held.id, agent: held.agent, digest: held.digest)
            change(&answer)
            return answer
        }
        let late = "it was given more than 120 s before or after now"
        let another = "it is for another request"
        let wrong: [((inout SignedAnswer) -> Void, words: String)] = [
            ({ $0.time -= 180_000 }, late),
            ({ $0.time += 180_000 }, late),
            ({ $0.digest = String(repeating: "0", count: 64) }, another),
            ({ $0.agent = "0123456789ab-1" }, another),
            ({ $0.life = "for ever" }, "what it is for is neither"),
            ({ ($0.approves, $0.life) = (false, "once") }, "what it is for is neither"),
            ({ $0.reason = "two\nlines" }, "its reason is not one line"),
            ({ $0.nonce = "00" }, "of desk: it is malformed"),
            ({ $0.names = ["user:alice", "nobody at all"] }, "has a name that nobody has"),
            ({ $0.groups = (0...256).map { "group:g\($0)" } }, "names or 256 groups of who answers"),
        ]
        for (number, (change, words)) in wrong.enumerated() {
            try send(answer(change), to: supervisor)
            let isThere = try build.place.awaits {
                let refused = try build.custody("answer-refused")
                return refused.count == number + 1 && refused.contains { $0.contains(words) }
            }
            let refused = try build.custody("answer-refused")
            #expect(isThere, "\(words): \(refused)")
        }
        #expect(try servers.requests(with: path) == 0)
        #expect(try build.place.held(1).first?.id == held.id)
        try send(answer(), to: supervisor)
        #expect(running.finish().output == "200", "the control")
        #expect(try servers.requests(with: path) == 1)
        #expect(try build.place.approvalEvents() == ["asked", "approved"])
    }
}
