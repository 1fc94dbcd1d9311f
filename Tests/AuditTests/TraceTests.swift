import Audit
import Foundation
import Model
import Testing

/// `bailey trace`: what each hop of a run did, put together from its records.
struct TraceTests {
    private let state: StateFixture
    private let reader: AuditReader

    /// Three agents in a line and one beside the second, each with requests.
    init() throws {
        state = try StateFixture()
        let store = try state.open()
        let beside = Sample.root.child(Sample.hop(4, "beside"))
        var reply = Reply(exchange: 7, action: "GET /v1", resource: "https://api.example.com")
        (reply.status, reply.sent, reply.received) = (200, 5, 4_096)
        let process = ProcessEvidence(
            pid: 9,
            program: "/usr/bin/curl",
            programDigest: Self.digest,
            argv: ["curl", "https://api.example.com/v1"]
        )
        let evidence = ConnectionEvidence(connections: [1, 2], processes: [process])
        let entries: [AuditEntry] = [
            Sample.spawn(Sample.root, argv: ["/usr/bin/make", "test"]), Sample.spawn(Sample.child),
            Sample.spawn(Sample.grandchild), Sample.spawn(beside),
            Sample.request("GET /root", by: Sample.root), Sample.request(by: Sample.child, exchange: 7),
            Sample.request(by: Sample.child, exchange: 8),
            Sample.request("PUT /v1", by: Sample.child, verdict: .deny),
            Self.masked(["email": 3], of: 7), Self.masked(["column public.users.ssn": 40], of: 8),
            Sample.request("GET /deep", by: Sample.grandchild),
            Sample.request("GET /beside", by: beside),
            .replies(RepliesRecord(lineage: Sample.child, replies: [reply], evidence: [evidence])),
            Sample.exit(Sample.grandchild), Sample.exit(Sample.child, status: 3),
        ]
        #expect(store.appendTogether(entries).failures.isEmpty)
        reader = try AuditReader(directory: state.path)
    }

    private static let digest = String(repeating: "ab", count: 32)

    private static func masked(_ counts: [String: UInt64], of exchange: UInt64) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: Sample.child,
                action: "GET /v1",
                resource: "https://api.example.com",
                exchange: exchange,
                verdict: .allow,
                levels: [],
                message: "masked",
                masked: counts
            )
        )
    }

    private func traces(_ scope: TraceScope) throws -> [Trace] {
        var found: [Trace] = []
        try reader.traces(of: scope) { found.append($0) }
        return found
    }

    private func agent(_ name: String, in trace: Trace) throws -> TracedAgent {
        try #require(trace.agents.first { $0.name == name })
    }

    @Test("A run's trace says of each hop what it ran, sent, was denied and was shown masked")
    func whole() throws {
        let trace = try #require(try traces(.run("0badcafe")).first)
        #expect(trace.principal == "user:alice")
        #expect(trace.agents.map(\.name) == ["ci", "test-runner", "git-client", "beside"])
        let child = try agent("test-runner", in: trace)
        #expect(child.ended?.status == 3 && child.masked == ["email": 3, "column public.users.ssn": 40])
        #expect(
            child.requests.map { "\($0.verdict) \($0.count) \($0.action)" } == [
                "allow 2 GET /v1", "deny 1 PUT /v1",
            ]
        )
        #expect(child.requests.first?.sent == 5 && child.requests.first?.received == 4_096)
        #expect(
            child.processes.map(\.connections) == [2] && child.processes.first?.programDigest == Self.digest
        )
        let text = trace.text(TextStyle(isColoured: false))
        for line in [
            "└─ ci  0badcafe.1  profile ci  no end recorded", "masked  email 3",
            "masked  column public.users.ssn 40",
            "process  2x  curl https://api.example.com/v1, /usr/bin/curl SHA-256 \(Self.digest) (evidence)",
            "allow  2x  GET /v1 https://api.example.com, 5 octets sent, 4096 received",
            "deny  1x  PUT /v1 https://api.example.com",
        ] { #expect(text.contains(line), "\(line) in \(text)") }
        let read = try JSONDecoder().decode(Trace.self, from: Data(try trace.json().utf8))
        #expect(read == trace)
    }

    @Test("An agent's trace has those above it with their launch alone, all below it, and nobody beside it")
    func agentAlone() throws {
        let trace = try #require(try traces(.agent(Sample.child.agent.agent)).first)
        #expect(trace.agents.map(\.name) == ["ci", "test-runner", "git-client"])
        let root = try agent("ci", in: trace)
        #expect(root.isAbove && root.requests.isEmpty)
        #expect(try agent("git-client", in: trace).requests.map(\.action) == ["GET /deep"])
    }

    @Test("A principal's trace has each run that it started, and no run of one whose name begins alike")
    func principals() throws {
        let store = try state.open(run: "beefbeef")
        let other = Principal(localUser: "alicex", uid: 1001)
        let lineage = Lineage(principal: other, root: Sample.hop(1, "ci", run: "beefbeef"))
        #expect(store.appendTogether([Sample.spawn(lineage)]).failures.isEmpty)
        #expect(try traces(.principal("user:alice")).map(\.run) == ["0badcafe"])
        #expect(try traces(.principal("user:alicex")).map(\.run) == ["beefbeef"])
        #expect(try traces(.principal("user:ali")).isEmpty)
    }

    @Test("A digest's trace has the agents that have it on record, below their own")
    func digests() throws {
        let trace = try #require(try traces(.digest(Self.digest)).first)
        #expect(trace.agents.map(\.name) == ["ci", "test-runner", "git-client"])
        #expect(try traces(.digest(String(repeating: "cd", count: 32))).isEmpty)
        #expect(TraceScope.isDigest(Self.digest) && !TraceScope.isDigest("abc"))
    }

    @Test("A request's trace has its agent with that request alone")
    func request() throws {
        let scope = TraceScope.session(run: "0badcafe", agent: Sample.child.agent.agent, exchange: 8)
        let trace = try #require(try traces(scope).first)
        #expect(trace.agents.map(\.name) == ["ci", "test-runner"])
        let child = try agent("test-runner", in: trace)
        #expect(child.requests.map(\.count) == [1] && child.masked == ["column public.users.ssn": 40])
    }

    @Test(
        "Who saw a masked field: by kind, by column with as much of its name as is said",
        arguments: [
            ("email", 3), ("column ssn", 40), ("column users.ssn", 40), ("column public.users.ssn", 40),
            ("column other.users.ssn", 0), ("column sn", 0), ("iban", 0),
        ]
    )
    func sightings(name: String, count: UInt64) throws {
        let field = try #require(MaskedField(name))
        let found = try reader.sightings(of: field)
        #expect(found.map(\.count) == (count > 0 ? [count] : []))
        #expect(found.allSatisfy { $0.agent == Sample.child.agent.agent })
    }

    @Test("Who saw what was masked in a child's streams: its parent what it wrote, itself what it was given")
    func streams() throws {
        let store = try state.open(run: "0badcafe")
        let counts: [String: UInt64] = [
            "credential on stdout": 2, "credential-beginning on terminal": 1, "token on stdin": 3, "token": 9,
        ]
        #expect(store.appendTogether([Sample.exit(Sample.grandchild, masked: counts)]).failures.isEmpty)
        let credentials = try reader.sightings(of: try #require(MaskedField("credential")))
        #expect(credentials.map(\.what) == ["credential", "credential-beginning"])
        #expect(credentials.map(\.count) == [2, 1])
        #expect(credentials.map(\.resource) == ["stdout of 0badcafe.3", "terminal of 0badcafe.3"])
        #expect(credentials.allSatisfy { $0.agent == Sample.child.agent.agent })
        #expect(credentials.allSatisfy { $0.lineage == "user:alice > ci > test-runner" }, "\(credentials)")
        let tokens = try reader.sightings(of: try #require(MaskedField("token")))
        #expect(tokens.map(\.agent) == [Sample.grandchild.agent.agent] && tokens.map(\.count) == [3])
        #expect(tokens.map(\.resource) == ["stdin of 0badcafe.3"])
        #expect(tokens.first?.lineage == "user:alice > ci > test-runner > git-client", "\(tokens)")
    }

    @Test("Who saw a credential that came back in a reply: not who only had it put in")
    func credentials() throws {
        func request(_ levels: [LevelVerdict]) -> AuditEntry {
            .request(
                RequestRecord(
                    lineage: Sample.child,
                    action: "GET /v1",
                    resource: "https://api.example.com",
                    exchange: 9,
                    verdict: .allow,
                    levels: levels,
                    credential: "api"
                )
            )
        }
        let store = try state.open(run: "0badcafe")
        let level = LevelVerdict(
            agent: Sample.child.agent.agent,
            profile: "test-runner",
            effect: .allow,
            rule: nil
        )
        let field = try #require(MaskedField("credential"))
        #expect(store.appendTogether([request([level])]).failures.isEmpty)
        #expect(try reader.sightings(of: field).isEmpty)
        #expect(store.appendTogether([request([]), request([])]).failures.isEmpty)
        let found = try reader.sightings(of: field)
        #expect(found.map(\.count) == [2] && found.map(\.agent) == [Sample.child.agent.agent], "\(found)")
    }

    @Test(
        "What is neither a kind nor a column is no field",
        arguments: ["", "ssn", "column ", "column a..b", "column a.b.c.d"]
    )
    func fields(name: String) { #expect(MaskedField(name) == nil) }

    @Test("A run's picture: a lane for each agent, marks of each verdict, names escaped")
    func picture() throws {
        let store = try state.open(run: "0badcafe")
        let hostile = Sample.root.child(Sample.hop(5, "<script>&\""))
        #expect(store.appendTogether([Sample.spawn(hostile)]).failures.isEmpty)
        let svg = try #require(try reader.timeline(of: "0badcafe")).svg
        func count(_ text: String) -> Int { svg.components(separatedBy: text).count - 1 }
        #expect(count("<line ") == 5 && count("<script") == 0, "\(svg)")
        #expect(count("<circle ") >= 4 && count("<path ") == 1, "\(svg)")
        #expect(svg.contains("&lt;script&gt;&amp;&quot;"), "\(svg)")
        #expect(try reader.timeline(of: "nothing") == nil)
    }
}
