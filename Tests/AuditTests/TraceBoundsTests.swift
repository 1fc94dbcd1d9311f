import Audit
import Foundation
import Model
import Testing

/// What a trace leaves out it counts, and what an agent does much of hides nothing else.
struct TraceBoundsTests {
    private let state: StateFixture
    private let beside = Sample.root.child(Sample.hop(4, "beside"))

    init() throws { state = try StateFixture() }

    /// The trace of a scope, of these entries behind the launches of four agents.
    private func trace(_ entries: [AuditEntry], of scope: TraceScope = .run("0badcafe")) throws -> Trace {
        let lives = [Sample.root, Sample.child, Sample.grandchild, beside].map { Sample.spawn($0) }
        if !FileManager.default.fileExists(atPath: state.path + "/audit.sqlite") {
            #expect(try state.open().appendTogether(lives + entries).failures.isEmpty)
        }
        var found: [Trace] = []
        try AuditReader(directory: state.path).traces(of: scope) { found.append($0) }
        #expect(found.count == 1)
        return try #require(found.first)
    }

    private func agent(_ name: String, in trace: Trace) throws -> TracedAgent {
        try #require(trace.agents.first { $0.name == name })
    }

    private func text(_ trace: Trace) -> String { trace.text(TextStyle(isColoured: false)) }

    private static func refusal(below parent: Lineage, _ profile: String) -> AuditEntry {
        .spawnRefused(
            SpawnRefusal(
                parent: parent,
                principal: Sample.principal,
                profile: profile,
                argv: ["true"],
                reason: "it is wider"
            )
        )
    }

    private static func approval(
        _ event: ApprovalRecord.Event,
        _ number: Int,
        by lineage: Lineage = Sample.child
    ) -> AuditEntry {
        .approval(
            ApprovalRecord(
                lineage: lineage,
                question: "0badcafe-\(number)",
                event: event,
                action: "GET /v1",
                resource: "https://api.example.com",
                query: nil,
                digest: String(repeating: "0", count: 64),
                content: String(repeating: "0", count: 64),
                octets: 0,
                rules: [],
                by: event == .asked ? nil : Sample.principal,
                program: nil,
                process: nil,
                reason: nil,
                life: nil
            )
        )
    }

    private static func evidence(_ connections: [UInt64], _ program: String) -> AuditEntry {
        let process = ProcessEvidence(pid: 9, program: program, programDigest: nil, argv: [program])
        return .replies(
            RepliesRecord(
                lineage: Sample.child,
                replies: [],
                evidence: [ConnectionEvidence(connections: connections, processes: [process])]
            )
        )
    }

    private static func note(_ masked: [String: UInt64], of exchange: UInt64) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: Sample.child,
                action: "select on public.users",
                resource: "postgres://db.example.com",
                exchange: exchange,
                verdict: .allow,
                levels: [],
                message: "masked",
                masked: masked
            )
        )
    }

    // MARK: Bounds

    @Test func `Launches refused to others take no place of a subject's, and those without one are counted`()
        throws
    {
        let entries =
            (0..<150).map { Self.refusal(below: beside, "many-\($0)") } + [
                Self.refusal(below: Sample.child, "last")
            ]
        let whole = try trace(entries)
        #expect(whole.refusals.count == Trace.mostRefusals && whole.unlistedRefusals == 51)
        #expect(text(whole).contains("and 51 more refused launches: bailey audit --denied --run 0badcafe"))
        let alone = try trace([], of: .agent(Sample.child.agent.agent))
        #expect(alone.refusals.map(\.profile) == ["last"] && alone.unlistedRefusals == 0)
        #expect(text(alone).contains("refused  launch under last"))
    }

    /// At the root, as `bailey serve` refuses them: for whoever asks, in one run.
    private static func refusal(for name: String, _ profile: String) -> AuditEntry {
        .spawnRefused(
            SpawnRefusal(
                parent: nil,
                principal: Principal(localUser: name, uid: 1_000),
                profile: profile,
                argv: ["make"],
                reason: "it is not for \(name)"
            )
        )
    }

    @Test func `Root launches that were refused are told by principal, each with its own alone`() throws {
        let entries = ["alice", "bob", "alice"].map { Self.refusal(for: $0, "of-\($0)") }
        #expect(try state.open().appendTogether(entries).failures.isEmpty)
        let reader = try AuditReader(directory: state.path)
        var (all, his): ([Trace], [Trace]) = ([], [])
        try reader.traces(of: .run("0badcafe")) { all.append($0) }
        try reader.traces(of: .principal("user:bob")) { his.append($0) }
        #expect(all.map(\.principal) == ["user:alice", "user:bob"])
        #expect(all.map { $0.refusals.map(\.principal) } == [["user:alice", "user:alice"], ["user:bob"]])
        #expect(his == Array(all.suffix(1)))
        let text = """
            run 0badcafe  user:bob
            └─ refused  launch under of-bob for user:bob: make: it is not for bob
            """
        #expect(his.map { $0.text(TextStyle(isColoured: false)) } == [text])
        let trees = try #require(try reader.tree(run: "0badcafe")).ofEachPrincipal
        #expect(trees.map(\.principal) == ["user:alice", "user:bob"])
        #expect(trees.map(\.refusals.count) == [2, 1])
        #expect(trees.last?.text(TextStyle(isColoured: false)) == text)
        #expect(try trees.last?.json().contains("\"principal\":\"user:alice\"") == false)
    }

    @Test func `One's refused root launches take no place of another's, and those without one are counted`()
        throws
    {
        let many = (0..<150).map { Self.refusal(for: "alice", "many-\($0)") }
        let entries = many + [Self.refusal(for: "bob", "last")]
        #expect(try state.open().appendTogether(entries).failures.isEmpty)
        let reader = try AuditReader(directory: state.path)
        var (all, his): ([Trace], [Trace]) = ([], [])
        try reader.traces(of: .run("0badcafe")) { all.append($0) }
        try reader.traces(of: .principal("user:bob")) { his.append($0) }
        #expect(all.map(\.principal) == ["user:alice", "user:bob"])
        #expect(all.map(\.unlistedRefusals) == [50, 1])
        #expect(his.map { $0.refusals.map(\.profile) } == [["last"]])
    }

    @Test func `Questions take no place of answers, and those without one are counted`() throws {
        let entries = (0..<150).map { Self.approval(.asked, $0) } + [Self.approval(.denied, 149)]
        let told = try trace(entries)
        let child = try agent("test-runner", in: told)
        #expect(child.approvals.count == TracedAgent.most + 1 && child.unlistedApprovals == 50)
        #expect(child.approvals.last?.event == .denied)
        #expect(text(told).contains("and 50 more questions and answers: bailey audit --agent 0badcafe.2"))
    }

    @Test func `Programs and masked columns without a place are counted`() throws {
        let programs = (0..<120).map { Self.evidence([UInt64($0)], "/bin/p\($0)") }
        let names = (0..<130).map { Self.note(["column c\($0)": 1], of: 7) }
        let child = try agent(
            "test-runner",
            in: try trace(programs + names + [Self.note(["column c0": 2], of: 7)])
        )
        #expect(child.processes.count == TracedAgent.most && child.unlistedConnections == 20)
        #expect(child.masked.count == TracedAgent.most && child.unlistedMasks == 30)
        #expect(child.masked["column c0"] == 3)
        let shown = text(try trace([]))
        #expect(shown.contains("and 20 more connections, of other programs (evidence)"))
        #expect(shown.contains("and 30 more masked: bailey audit --agent 0badcafe.2"))
    }

    @Test func `Agents without a place are counted, and one that is asked for has its place`() throws {
        let many = (5..<1_105).map { Sample.root.child(Sample.hop($0, "many")) }
        let last = try #require(many.last)
        let whole = try trace(many.map { Sample.spawn($0) } + [Sample.request("GET /last", by: last)])
        #expect(whole.agents.count == Trace.mostAgents && whole.unlistedAgents == 104)
        #expect(text(whole).contains("and 104 more agents: bailey tree 0badcafe"))
        let alone = try trace([], of: .agent(last.agent.agent))
        #expect(alone.agents.map(\.agent) == [Sample.root.agent.agent, last.agent.agent])
        #expect(alone.unlistedAgents == 0 && alone.agents.last?.requests.map(\.action) == ["GET /last"])
    }

    @Test func `A long command line is cut, and says by how much`() throws {
        let argument = String(repeating: "word ", count: 800)
        let long = Sample.root.child(Sample.hop(5, "long"))
        let told = try trace([Sample.spawn(long, argv: (0..<20).map { _ in argument })])
        #expect(
            try agent("long", in: told).argv == Array(repeating: argument, count: 4) + [
                "[16 more arguments]"
            ]
        )
        #expect(try agent("ci", in: told).argv == ["/usr/bin/env"])
    }

    // MARK: One session

    private static func request(
        _ action: String,
        _ exchange: UInt64,
        over connection: UInt64,
        session: UInt64? = nil,
        approval: String? = nil
    ) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: Sample.child,
                action: action,
                resource: "postgres://db.example.com",
                exchange: exchange,
                connection: connection,
                statement: session.map { RecordedStatement(session: $0, text: RecordedText("SELECT 1")) },
                verdict: .allow,
                levels: [
                    LevelVerdict(agent: Sample.child.agent.agent, profile: "p", effect: .allow, rule: nil)
                ],
                approval: approval
            )
        )
    }

    private static func replies(_ action: String, _ exchanges: UInt64...) -> AuditEntry {
        .replies(
            RepliesRecord(
                lineage: Sample.child,
                replies: exchanges.map { exchange in
                    var reply = Reply(
                        exchange: exchange,
                        action: action,
                        resource: "postgres://db.example.com"
                    )
                    (reply.sent, reply.received) = (10, 1_000)
                    return reply
                }
            )
        )
    }

    /// Two sessions, 20 over connection 5 and 30 over 6, each with a statement that was asked about, some mask and an end.
    private static let sessions: [AuditEntry] = [
        request("connect", 20, over: 5), request("connect", 30, over: 6),
        evidence([5], "/bin/ours"), evidence([6], "/bin/theirs"),
        approval(.asked, 1), approval(.asked, 2), approval(.approved, 1), approval(.approved, 2),
        request("select on public.users", 21, over: 5, session: 20, approval: "0badcafe-1"),
        request("select on public.users", 31, over: 6, session: 30, approval: "0badcafe-2"),
        note(["column public.users.ssn": 4], of: 21), note(["email": 9], of: 31),
        replies("select on public.users", 21, 31), replies("connect", 20, 30),
        refusal(below: Sample.child, "other"),
        .exit(ExitRecord(lineage: Sample.child, status: 0, cause: nil, masked: ["token on stdout": 3])),
    ]

    @Test
    func
        `A session's trace has its statements' octets, masked columns, approvals and process, and no other's`()
        throws
    {
        let whole = try agent("test-runner", in: try trace(Self.sessions))
        #expect(
            whole.processes.count == 2 && whole.approvals.count == 4 && whole.masked.count == 3,
            "the control"
        )
        #expect(whole.masked["token on stdout"] == 3)
        #expect(whole.requests.map(\.received) == [2_000, 2_000])
        let scope = TraceScope.session(run: "0badcafe", agent: Sample.child.agent.agent, exchange: 20)
        let alone = try trace([], of: scope)
        #expect(alone.agents.map(\.name) == ["ci", "test-runner"] && alone.refusals.isEmpty)
        let child = try agent("test-runner", in: alone)
        #expect(child.requests.map(\.action) == ["connect", "select on public.users"])
        #expect(child.requests.map(\.received) == [1_000, 1_000] && child.requests.map(\.sent) == [10, 10])
        #expect(child.masked == ["column public.users.ssn": 4])
        #expect(child.processes.map(\.program) == ["/bin/ours"])
        #expect(
            child.approvals.map { "\($0.event.rawValue) \($0.question)" } == [
                "asked 0badcafe-1", "approved 0badcafe-1",
            ]
        )
    }

    // MARK: Several runs

    @Test func `A principal's runs whose records lie between each other's are each told whole, and once`()
        throws
    {
        let runs = ["aaaaaaaa", "bbbbbbbb", "cccccccc"]
        let lineages = runs.map { Lineage(principal: Sample.principal, root: Sample.hop(1, "ci", run: $0)) }
        let other = Lineage(
            principal: Principal(localUser: "bob", uid: 1001),
            root: Sample.hop(1, "ci", run: "dddddddd")
        )
        var entries = (lineages + [other]).map { Sample.spawn($0) }
        for number in 0..<3 {
            entries += (lineages + [other]).map { Sample.request("GET /\(number)", by: $0) }
        }
        entries += [Sample.exit(lineages[1]), Sample.exit(lineages[0])]
        #expect(try state.open().appendTogether(entries).failures.isEmpty)
        let reader = try AuditReader(directory: state.path)
        var found: [Trace] = []
        try reader.traces(of: .principal("user:alice")) { found.append($0) }
        #expect(found.map(\.run) == ["cccccccc", "bbbbbbbb", "aaaaaaaa"], "in the order in which they ended")
        #expect(found.allSatisfy { $0.agents.first?.requests.count == 3 })
        #expect(found.map { $0.agents.first?.ended != nil } == [false, true, true])
    }

    @Test func `Runs that were pruned are counted, but not one of which something is left`() throws {
        let told = CustodyRecord(.pruned, "2 runs", runs: ["aaaaaaaa", "0badcafe"])
        let again = CustodyRecord(.pruned, "1 run", runs: ["aaaaaaaa"])
        #expect(try state.open().appendTogether([Sample.spawn(Sample.root)]).failures.isEmpty)
        let reader = try AuditReader(directory: state.path)
        #expect(try reader.prunedRuns() == 0)
        #expect(try state.open().appendTogether([.custody(told), .custody(again)]).failures.isEmpty)
        #expect(try reader.prunedRuns() == 1)
    }

    @Test func `A run and an agent are known by their launches`() throws {
        _ = try trace([Sample.request("GET /v1")])
        let reader = try AuditReader(directory: state.path)
        #expect(try reader.hasLife(of: "0badcafe"))
        #expect(try !reader.hasLife(of: "aaaaaaaa"))
        #expect(try reader.hasLife(of: "0badcafe", agent: Sample.child.agent.agent))
        #expect(try !reader.hasLife(of: "0badcafe", agent: AgentID(run: "0badcafe", ordinal: 99)))
    }

    // MARK: Names

    @Test(arguments: [
        ("column ssn", 1), ("column users.ssn", 1), ("column public.users.ssn", 1), ("column other.ssn", 1),
        ("column users.sn", 0), ("column users.born", 0),
    ])
    func `What is on record by a rule's name may be a column of any table`(name: String, count: Int) throws {
        _ = try trace([Self.note(["column ssn": 40], of: 7)])
        let field = try #require(MaskedField(name))
        let found = try AuditReader(directory: state.path).sightings(of: field)
        #expect(found.map(\.what) == Array(repeating: "column ssn", count: count))
    }

    @Test func `A picture escapes by scalars: a mark that combines hides nothing from it`() throws {
        let hostile = Sample.root.child(Sample.hop(5, "<\u{338}b'&\u{338}"))
        _ = try trace([Sample.spawn(hostile)])
        let timeline = try #require(try AuditReader(directory: state.path).timeline(of: "0badcafe"))
        let svg = Data(timeline.svg.utf8)
        #expect(svg.range(of: Data("<\u{338}".utf8)) == nil && svg.range(of: Data("&\u{338}".utf8)) == nil)
        #expect(svg.range(of: Data("&lt;\u{338}b&#39;&amp;\u{338}".utf8)) != nil, "\(timeline.svg)")
    }

    @Test func `Times that were changed to the ends of all time are drawn within the picture`() throws {
        _ = try trace([Sample.request("GET /1"), Sample.request("GET /2")])
        try state.sqlite("UPDATE records SET time = -9223372036854775808 WHERE sequence = 1")
        try state.sqlite("UPDATE records SET time = 9223372036854775807 WHERE sequence = 6")
        let timeline = try #require(try AuditReader(directory: state.path).timeline(of: "0badcafe"))
        // The launch at the one end, and what was asked for, a mark for both, at the other.
        let svg = timeline.svg
        #expect(svg.contains("<line x1=\"260\"") && svg.contains("<circle cx=\"1260\""), "\(svg)")
        #expect(svg.contains("<title>2 allow</title>"), "\(svg)")
    }

    @Test func `A column's name may begin with a mark that combines`() throws {
        let marked = "\u{301}ssn"
        _ = try trace([Self.note(["column public.users.\(marked)": 3], of: 8)])
        let field = try #require(MaskedField("column \(marked)"))
        let sightings = try AuditReader(directory: state.path).sightings(of: field)
        #expect(sightings.map(\.count) == [3], "\(sightings)")
    }
}
