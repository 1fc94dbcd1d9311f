import Audit
import Foundation
import Model
import Testing

struct QueryTests {
    private func written() throws -> StateFixture {
        let state = try StateFixture()
        do {
            let store = try state.open(run: "11111111")
            let older = Lineage(principal: Sample.principal, root: Sample.hop(1, "old", run: "11111111"))
            _ = store.appendOneByOne([Sample.spawn(older), Sample.request("GET /old", by: older)])
        }
        let store = try state.open()
        let refusal = SpawnRefusal(
            parent: Sample.child,
            principal: Sample.principal,
            profile: "wide",
            argv: ["git"],
            reason: "wider than its parent"
        )
        _ = store.appendTogether([
            Sample.spawn(Sample.root, argv: ["sh", "demo.sh"]),
            Sample.spawn(Sample.child, argv: ["python3", "t.py"]),
            Sample.spawn(Sample.grandchild, argv: ["git", "fetch"]),
            Sample.request("GET /a", by: Sample.root), Sample.request("GET /a", by: Sample.root),
            Sample.request("GET /b", by: Sample.child, verdict: .deny),
            Sample.request("GET /c", by: Sample.grandchild, verdict: .ask),
            .spawnRefused(refusal), Sample.exit(Sample.grandchild, status: 7),
            Sample.spawn(Sample.root.child(Sample.hop(20, "sibling"))),
        ])
        return state
    }

    private func actions(_ query: AuditQuery, _ state: StateFixture) throws -> [String] {
        var found: [String] = []
        try AuditReader(directory: state.path).records(matching: query) { record in
            if case .request(let request) = record.entry {
                found.append(request.action)
            } else {
                found.append(record.kind)
            }
            return true
        }
        return found
    }

    @Test func `H08 an agent is asked for with everything below it`() throws {
        let state = try written()
        let agent = try #require(AgentID("0badcafe.2"))
        #expect(
            try actions(AuditQuery(agent: agent), state) == [
                "spawn", "spawn", "GET /b", "GET /c", "spawn-refused", "exit",
            ]
        )
    }

    @Test func `denied, run, limit and since narrow together`() throws {
        let state = try written()
        #expect(try actions(AuditQuery(deniedOnly: true), state) == ["GET /b", "GET /c", "spawn-refused"])
        #expect(try actions(AuditQuery(deniedOnly: true, limit: 2), state) == ["GET /c", "spawn-refused"])
        #expect(try actions(AuditQuery(run: "11111111"), state) == ["spawn", "GET /old"])
        #expect(try actions(AuditQuery(run: "11111111", deniedOnly: true), state) == [])
        #expect(try actions(AuditQuery(since: Timestamp(milliseconds: .max)), state) == [])
        #expect(try actions(AuditQuery(limit: 0), state) == [])
        #expect(try actions(AuditQuery(run: "' OR 1=1 --"), state) == [])
    }

    @Test func `what was prepared, and is asked about later, is none that was refused`() throws {
        let state = try written()
        let postponed = RequestRecord(
            lineage: Sample.root,
            action: "SQL insert",
            resource: "postgres://db.example.com",
            verdict: .ask,
            levels: [],
            message: "it is prepared; each time that it is bound to parameters is asked about"
        )
        #expect(postponed.isPostponed)
        #expect(try state.open().appendOneByOne([.request(postponed)]).failures.isEmpty)
        #expect(try actions(AuditQuery(limit: 1), state) == ["SQL insert"])
        #expect(try actions(AuditQuery(deniedOnly: true), state) == ["GET /b", "GET /c", "spawn-refused"])
    }

    @Test func `a store begun with every record in two indexes is read, and written on`() throws {
        let state = try written()
        try state.sqlite(
            "DROP INDEX lives_by_run; DROP INDEX refusals_by_time; "
                + "CREATE INDEX records_by_run ON records (run, kind); "
                + "CREATE INDEX records_by_verdict ON records (verdict, time)"
        )
        #expect(try actions(AuditQuery(run: "11111111"), state) == ["spawn", "GET /old"], "as it is")
        #expect(try state.finding()?.code == .schema, "the control: these are not its tables")
        let tally = try state.open().appendOneByOne([Sample.request("GET /new", verdict: .deny)])
        #expect(tally.failures.isEmpty)
        #expect(try state.finding() == nil)
        #expect(try actions(AuditQuery(deniedOnly: true, limit: 1), state) == ["GET /new"])
    }

    @Test func `reading stops when the reader has enough`() throws {
        let state = try written()
        var count = 0
        try AuditReader(directory: state.path).records(matching: AuditQuery()) { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3)
    }

    @Test func `the tree of the last run shows agents, ends and counted requests`() throws {
        let state = try written()
        let tree = try #require(try AuditReader(directory: state.path).tree())
        #expect(tree.run == "0badcafe")
        #expect(tree.principal == "user:alice")
        #expect(tree.agents.map(\.name) == ["ci", "test-runner", "git-client", "sibling"])
        #expect(tree.roots.map(\.name) == ["ci"])
        let root = try #require(tree.roots.first)
        #expect(tree.children(of: root.agent).map(\.name) == ["test-runner", "sibling"])
        #expect(root.requests.map(\.count) == [2])
        #expect(root.counts == ["allow": 2])
        #expect(root.ended == nil)
        #expect(tree.agents[2].ended?.status == 7)
        #expect(tree.agents[2].parent == tree.agents[1].agent)
        #expect(tree.refusals.map(\.reason) == ["wider than its parent"])
    }

    @Test func `the tree is drawn with every request below its agent`() throws {
        let state = try written()
        let tree = try #require(try AuditReader(directory: state.path).tree(run: "0badcafe"))
        #expect(
            tree.text(TextStyle(isColoured: false)) == """
                run 0badcafe  user:alice
                └─ ci  0badcafe.1  profile ci  no end recorded  sh demo.sh
                   ├─ allow   2x  GET /a https://api.example.com
                   ├─ test-runner  0badcafe.2  profile test-runner  no end recorded  python3 t.py
                   │  ├─ deny    1x  GET /b https://api.example.com  no rule allows it
                   │  ├─ refused  launch under wide: git: wider than its parent
                   │  └─ git-client  0badcafe.3  profile git-client  exit 7  git fetch
                   │     └─ ask     1x  GET /c https://api.example.com  no rule allows it
                   └─ sibling  0badcafe.20  profile sibling  no end recorded  /usr/bin/env
                """
        )
        #expect(tree.text(TextStyle(isColoured: true)).contains("\u{1b}[31mdeny"))
        #expect(try JSONDecoder().decode(AgentTree.self, from: Data(tree.json().utf8)) == tree)
        #expect(try tree.json().contains("\"started\":\"\(tree.agents[0].started.text)\""))
    }

    @Test func `every millisecond is written as it is`() throws {
        for fraction in 0..<1_000 {
            for second in [Int64(0), 1_795_706_113, -1] {
                let time = Timestamp(milliseconds: second * 1_000 + Int64(fraction))
                let text = try JSONEncoder().encode([time])
                #expect(try JSONDecoder().decode([Timestamp].self, from: text) == [time], "\(time.text)")
            }
        }
        #expect(Timestamp(milliseconds: 1_795_706_113_042).text.hasSuffix(":13.042Z"))
    }

    @Test func `a run that is not there has no tree`() throws {
        let state = try written()
        #expect(try AuditReader(directory: state.path).tree(run: "nope") == nil)
        #expect(try AuditReader(directory: state.path).runs() == ["11111111", "0badcafe"])
    }

    @Test func `a directory without a store says what to do`() throws {
        let state = try StateFixture()
        let error = #expect(throws: AuditStoreError.self) { try AuditReader(directory: state.path) }
        #expect(error?.message.contains("--state") == true)
    }

    @Test(
        arguments: [
            (["XDG_STATE_HOME": "/s", "HOME": "/h"], "/s/bailey"),
            (["XDG_STATE_HOME": "relative", "HOME": "/h"], "/h/.local/state/bailey"),
            (["HOME": "/h"], "/h/.local/state/bailey"),
            ([:], nil),
        ] as [([String: String], String?)]
    )
    func `the store is where the XDG specification says`(environment: [String: String], path: String?) {
        #expect(StateLocation.directory(environment: environment) == path)
    }
}
