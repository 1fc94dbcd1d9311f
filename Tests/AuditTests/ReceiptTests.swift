import Audit
import Foundation
import Model
import TestSupport
import Testing

/// What is written for somebody who has the public key alone.
struct ReceiptTests {
    /// A tree of three, each with a request; the launch of a second run in between; all that follows under one seal, but for a request of the child.
    private func family() throws -> StateFixture {
        let state = try StateFixture()
        let store = try state.open()
        let other = Lineage(principal: Sample.principal, root: Sample.hop(1, "other", run: "feedface"))
        var tally = store.appendOneByOne([
            Sample.spawn(Sample.root, argv: ["ci", "--fast"]), Sample.request("GET /root", by: Sample.root),
            Sample.spawn(Sample.child), Sample.spawn(other),
        ])
        #expect(tally.failures.isEmpty)
        tally = store.appendInOneBatch([
            Sample.spawn(Sample.grandchild), Sample.request("GET /other", by: other),
            Sample.request("GET /child", exchange: 7),
            Sample.request(
                "PUT /\u{1F600}\u{0}\u{202E}\u{7F}\\\"/grand",
                by: Sample.grandchild,
                verdict: .deny
            ),
            Sample.sequel("GET /child", of: 7, verdict: .deny, message: "not reached"),
            Sample.exit(Sample.grandchild),
        ])
        #expect(tally.failures.isEmpty)
        return state
    }

    @Test
    func `a receipt verifies with the public key alone, and says who launched whom and what each level said`()
        throws
    {
        let outcome = try family().receipt().verified()
        #expect(outcome.code == 0, "\(outcome)")
        let zeros = String(repeating: "0", count: 64)
        for line in [
            "user:alice, who starts the chain, launches agent 0badcafe.1 (ci): ci --fast",
            "    profile ci sha256 \(zeros)", "agent 0badcafe.1 launches agent 0badcafe.2 (test-runner):",
            "agent 0badcafe.2 launches agent 0badcafe.3 (git-client):",
            "agent 0badcafe.2 allow GET /child https://api.example.com",
            "agent 0badcafe.3 deny PUT /\u{1F600}\\u0000\\u202e\\u007f\\\"/grand https://api.example.com no rule allows it",
            "    0badcafe.1 ci: deny by no rule\n    0badcafe.2 test-runner: deny by no rule\n    0badcafe.3 git-client: deny",
            "user:alice, who starts the chain, launches agent feedface.1 (other):",
            "verified: 10 records under 6 signatures of ",
        ] {
            #expect(outcome.output.contains(line), "\(line) is not in \(outcome)")
        }
    }

    @Test
    func `the verifier that runs is the one that can be read, whatever Python keeps compiled beside it`()
        throws
    {
        let state = try family()
        // Takes everything for verified.
        let planted = """
            import importlib.util, py_compile
            open("other.py", "w").write("class Receipts:\\n records = seals = 1\\n def __init__(self, *_): pass")
            py_compile.compile("other.py", importlib.util.cache_from_source("receipts.py"),
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            """
        let place = state.path + "/copy"
        let script = """
            mkdir copy; cd copy; cp "$0"/*.py .; python3 -c '\(planted)'
            python3 -c 'import receipts; print(receipts.Receipts().records)'
            """
        let folder = URL(filePath: Receipt.verifier).deletingLastPathComponent().path
        let made = try Command.run(
            ["/bin/sh", "-ec", script, folder],
            environment: ["PATH": "/usr/bin:/bin"],
            directory: state.path
        )
        #expect(
            made.code == 0 && made.output == "1\n",
            "the control: an import runs what was planted; \(made)"
        )
        let receipt = try state.receipt()
        #expect(try receipt.verified(by: place + "/verify.py").code == 0)
        let nothing = try Receipt(lines: ["{}"], key: receipt.key).verified(by: place + "/verify.py")
        #expect(nothing.code == 1 && nothing.output.isEmpty, "\(nothing)")
    }

    @Test func `what another program makes of the store by the document verifies as well`() throws {
        let outcome = try family().uncheckedReceipt().verified()
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.output.contains("verified: 11 records under 6 signatures of "), "\(outcome)")
        #expect(outcome.output.contains(" agent 0badcafe.3 exit\n"), "\(outcome)")
    }

    @Test func `a receipt's lines steer no terminal`() throws {
        let lines = try family().receipt().lines
        #expect(lines.contains { $0.contains("\\u202e") })
        #expect(lines.allSatisfy { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f } })
    }

    @Test(arguments: Forgery.all)
    func `a forged receipt is found out`(forgery: Forgery) throws {
        // What nobody touched verifies: above.
        let receipt = try family().receipt()
        var forged = receipt
        try forgery.change(&forged)
        try #require(forged.lines != receipt.lines || forged.key != receipt.key)
        let outcome = try forged.verified()
        #expect(outcome.code == 1, "\(outcome)")
        #expect(
            outcome.errors.contains("NOT VERIFIED: ") && outcome.errors.contains(forgery.reason),
            "\(outcome)"
        )
        #expect(outcome.output.isEmpty, "nothing of it is shown")
    }

    @Test func `a lineage that was swapped in signed records is refused by the export and by the verifier`()
        throws
    {
        let stranger = Hop(
            agent: Sample.child.agent.agent,
            name: "test-runner",
            profile: "test-runner",
            profileDigest: String(repeating: "f", count: 64)
        )
        let swapped = [
            Sample.request("GET /wide", by: Sample.root.child(stranger)),
            Sample.request(
                by: Lineage(principal: Principal(localUser: "bob", uid: 7), root: Sample.root.agent)
            ),
            Sample.request(by: Lineage(principal: Sample.principal, root: Sample.child.agent)),
            Sample.spawn(Sample.root.child(stranger).child(Sample.hop(4, "below"))),
            Sample.request(by: Sample.root.child(Sample.hop(9, "never-launched"))),
        ]
        for entry in swapped {
            let state = try StateFixture()
            let store = try state.open()
            let launches = [Sample.spawn(Sample.root), Sample.spawn(Sample.child)]
            #expect(store.appendTogether(launches + [Sample.request(by: Sample.child)]).failures.isEmpty)
            #expect(try state.uncheckedReceipt().verified().code == 0, "the control")
            #expect(try state.refusal() == nil)
            #expect(store.appendTogether([entry]).failures.isEmpty)
            let outcome = try state.uncheckedReceipt().verified()
            #expect(outcome.code == 1 && outcome.errors.contains("NOT VERIFIED: line "), "\(outcome)")
            let finding = try #require(try state.refusal())
            #expect(finding.code == .lineage && finding.record == 4, "\(finding)")
        }
    }

    @Test func `receipts of a run, an agent or a record hold the launches above and nothing of others`()
        throws
    {
        let state = try family()
        func actions(_ scope: ReceiptScope) throws -> [String] {
            let receipt = try state.receipt(scope)
            #expect(try receipt.verified().code == 0)
            return receipt.lines.compactMap { line in
                [
                    "GET /root", "GET /first", "GET /other", "GET /child", "/grand", "(ci)", "\\\"kind\\\"",
                    "not reached",
                ].first { line.contains($0) }
            }
        }
        #expect(try actions(.run("feedface")) == ["GET /other"])
        #expect(
            try actions(.run("0badcafe")) == [
                "GET /root", "GET /first", "GET /child", "/grand", "GET /child",
            ]
        )
        #expect(try state.receipt(.run("0badcafe")).count("{\"record\":") == 8)
        let child = Sample.child.agent.agent
        #expect(try actions(.agent(child)) == ["GET /first", "GET /child", "/grand", "GET /child"])
        #expect(try state.receipt(.agent(child)).count("{\"record\":") == 7)
        let all = try state.receipt().lines.filter { $0.hasPrefix("{\"record\":") }
        func sequence(_ text: String) throws -> Int64 {
            let line = try #require(all.last { $0.contains(text) })
            let digits = try #require(line.split(separator: "\"sequence\":").last).prefix { $0.isNumber }
            return try #require(Int64(digits))
        }
        #expect(try actions(.record(try sequence("/grand"))) == ["/grand"])
        #expect(try state.receipt(.record(try sequence("/grand"))).count("{\"record\":") == 4)
        // What befell a request comes with its decision.
        #expect(try actions(.record(try sequence("not reached"))) == ["GET /child", "GET /child"])
        #expect(throws: NoReceipt.self) { try state.receipt(.record(99)) }
        let exit = try #require(
            Int64(try state.sqliteOutput("SELECT sequence FROM records WHERE kind = 'exit'"))
        )
        #expect(throws: NoReceipt.self) { try state.receipt(.record(exit)) }
    }

    @Test(arguments: Damage.all)
    func `no receipt is made of a broken log, which is named`(damage: Damage) throws {
        let state = try family()
        #expect(try state.refusal(damage.scope) == nil, "what nobody touched is exported")
        try state.sqlite(damage.sql)
        let finding = try #require(try state.refusal(damage.scope))
        #expect(finding.code == damage.code, "\(finding)")
        #expect(damage.record == nil || finding.record == damage.record, "\(finding)")
    }

    @Test func `no receipt is made with a head or a key that was replaced`() throws {
        let state = try family()
        let other = try family()
        for (file, code) in [("audit.head", AuditFinding.Code.key), ("keys/audit.pub", .key)] {
            let original = try Data(contentsOf: URL(fileURLWithPath: "\(state.path)/\(file)"))
            try state.write(try Data(contentsOf: URL(fileURLWithPath: "\(other.path)/\(file)")), to: file)
            #expect(try state.refusal()?.code == code)
            try state.write(original, to: file)
        }
        #expect(try state.refusal() == nil)
    }

    @Test func `revocations are in receipts, an agent's behind its launch, a principal's of no agent`() throws
    {
        let state = try family()
        func word(_ lineage: Lineage?, _ principal: String, lifted: Bool = false) -> AuditEntry {
            .revocation(
                RevocationRecord(
                    lineage: lineage,
                    principal: principal,
                    by: Sample.principal,
                    reason: lifted ? nil : "the key leaked",
                    agents: 2,
                    keptRunning: false,
                    isLifted: lifted
                )
            )
        }
        let store = try state.open()
        let words = [
            word(Sample.child, "user:alice"), word(nil, "user:alice"), word(nil, "user:bob"),
            word(nil, "user:alice", lifted: true),
        ]
        #expect(store.appendOneByOne(words).failures.isEmpty)
        let receipt = try state.receipt()
        let outcome = try receipt.verified()
        #expect(outcome.code == 0, "\(outcome)")
        for line in [
            "user:alice revokes agent 0badcafe.2: the key leaked",
            "user:alice revokes user:alice: the key leaked",
            "user:alice revokes user:bob: the key leaked", "user:alice lifts the revocation of user:alice",
            "verified: 14 records under 10 signatures of ",
        ] {
            #expect(outcome.output.contains(line), "\(line) is not in \(outcome)")
        }
        // Those of a run, an agent and a record have their principal's, and of agents their own.
        func revocations(_ scope: ReceiptScope) throws -> Int {
            let receipt = try state.receipt(scope)
            #expect(try receipt.verified().code == 0)
            return receipt.lines.count { $0.contains("\"kind\":\"revocation\"") }
        }
        #expect(try revocations(.run("0badcafe")) == 3 && revocations(.run("feedface")) == 2)
        #expect(try revocations(.agent(Sample.child.agent.agent)) == 3)
        // One above it cuts it off as well.
        #expect(try revocations(.agent(Sample.grandchild.agent.agent)) == 3)
        #expect(try revocations(.agent(Sample.root.agent.agent)) == 3)
        #expect(try revocations(.record(12)) == 1 && revocations(.record(13)) == 1)
        // Its lineage is held against the launches: hidden ones are found out.
        var hidden = receipt
        hidden.remove { $0.contains("\"agent\":\"0badcafe.2\"") && $0.contains("\"kind\":\"spawn\"") }
        let refused = try hidden.verified()
        #expect(refused.code == 1 && refused.output.isEmpty, "\(refused)")
        var changed = receipt
        let place = try #require(changed.place(of: "the key leaked"))
        changed.lines[place] = changed.lines[place].replacing("the key leaked", with: "a mistake")
        let forged = try changed.verified()
        #expect(forged.code == 1 && forged.errors.contains("not what was signed"), "\(forged)")
    }

    @Test func `what was approved is shown with its question, a request, a statement and a launch`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let effects = [Effect.ask, .allow]
        let entries = [
            Sample.spawn(Sample.root), Sample.spawn(Sample.child, approval: "0badcafe-1"),
            Sample.decided("PUT /asked", effects, approval: "0badcafe-2"),
            Sample.decided("insert on public.people", effects, approval: "0badcafe-3", statement: "INSERT …"),
            Sample.decided("PUT /unanswered", effects, verdict: .ask, approval: "0badcafe-4"),
        ]
        #expect(store.appendTogether(entries).failures.isEmpty)
        let outcome = try state.receipt().verified()
        #expect(outcome.code == 0, "\(outcome)")
        for text in [
            "unknown\n    question 0badcafe-1, approved\n",
            "allow PUT /asked https://api.example.com\n    question 0badcafe-2, approved\n    0badcafe.1 ci: ask by ",
            "allow insert on public.people https://api.example.com\n    question 0badcafe-3, approved\n",
            "ask PUT /unanswered https://api.example.com\n    question 0badcafe-4\n",
        ] {
            #expect(outcome.output.contains(text), "\(text) is not in \(outcome)")
        }
    }

    @Test(
        arguments: [
            ([Effect.ask, .allow], nil, "allowed where a level asks, without an approval"),
            ([.deny, .allow], nil, "allowed over a denial"),
            ([.deny, .ask], "0badcafe-2", "allowed over a denial"),
        ] as [([Effect], String?, String)]
    )
    func `what was allowed over a level's word is refused though it is signed`(
        effects: [Effect],
        approval: String?,
        reason: String
    ) throws {
        let state = try StateFixture()
        let store = try state.open()
        let launches = [Sample.spawn(Sample.root), Sample.spawn(Sample.child)]
        let approved = Sample.decided("PUT /asked", [.ask, .allow], approval: "0badcafe-1")
        #expect(store.appendTogether(launches + [approved]).failures.isEmpty)
        #expect(try state.uncheckedReceipt().verified().code == 0, "the control")
        let forged = Sample.decided("PUT /forged", effects, approval: approval)
        #expect(store.appendTogether([forged]).failures.isEmpty)
        let outcome = try state.uncheckedReceipt().verified()
        #expect(outcome.code == 1 && outcome.output.isEmpty, "\(outcome)")
        #expect(outcome.errors.contains(reason), "\(outcome)")
    }

    @Test func `receipts are written while supervisors write, up to where the log was`() throws {
        let state = try family()
        let store = try state.open(run: "feedface")
        let export = try ReceiptExport(directory: state.path)
        var (lines, written) = ([String](), 0)
        let later = Sample.request("GET /later", by: Sample.root)
        try export.write(
            .everything,
            to: { line in
                lines.append(line)
                // It is on the disk before the next line is taken: a reader that takes them slowly holds nobody up.
                written += store.appendTogether([later]).failures.isEmpty ? 1 : 0
            }
        )
        #expect(written == lines.count)
        #expect(lines.allSatisfy { !$0.contains("GET /later") })
        #expect(try Receipt(lines: lines, key: export.publicKey).verified().code == 0)
        #expect(try state.receipt().verified().code == 0)
    }

    @Test func `a log of many slices is exported whole, and a record that is damaged in the middle is named`()
        throws
    {
        let state = try StateFixture()
        let store = try state.open()
        #expect(store.appendOneByOne([Sample.spawn(Sample.root)]).failures.isEmpty)
        for batch in 0..<10 {
            let entries = (0..<1_000).map { Sample.request("GET /\(batch)/\($0)", by: Sample.root) }
            #expect(store.appendTogether(entries).failures.isEmpty)
        }
        var reached: [ReceiptProgress] = []
        var lines: [String] = []
        let export = try ReceiptExport(directory: state.path)
        try export.write(.everything, progress: { reached.append($0) }, to: { lines.append($0) })
        #expect(reached.count >= 3 && reached.last?.looked == 10_001 && reached.last?.total == 10_001)
        #expect(zip(reached, reached.dropFirst()).allSatisfy { $0.looked < $1.looked })
        let outcome = try Receipt(lines: lines, key: export.publicKey).verified()
        #expect(
            outcome.code == 0 && outcome.output.contains("verified: 10001 records under "),
            "\(outcome.errors)"
        )
        try state.sqlite("UPDATE records SET payload = payload || ' ' WHERE sequence = 7777")
        #expect(try state.refusal()?.record == 7_777)
        // Of the records that are looked at for this one, none is damaged.
        #expect(try state.receipt(.record(5)).verified().code == 0)
    }
}
