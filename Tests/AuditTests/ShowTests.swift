import Audit
import Foundation
import Model
import Testing

/// Every number that `bailey audit` prints can be shown, with all that its record holds.
struct ShowTests {
    private static let plain = TextStyle(isColoured: false)

    private static func request(_ exchange: UInt64, over connection: UInt64) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: Sample.child,
                action: "GET /\(exchange)",
                resource: "https://a.test",
                exchange: exchange,
                connection: connection,
                verdict: .allow,
                levels: [
                    LevelVerdict(
                        agent: Sample.child.agent.agent,
                        profile: "test-runner",
                        effect: .allow,
                        rule: nil
                    )
                ]
            )
        )
    }

    private static func reply(_ exchange: UInt64) -> Reply {
        var reply = Reply(exchange: exchange, action: "GET /\(exchange)", resource: "https://a.test")
        reply.status = 200
        reply.fields = HeadFields(text: "server: x\netag: \"\(exchange)\"")
        reply.received = 12
        return reply
    }

    private static let sequel: AuditEntry = .replies(
        RepliesRecord(
            lineage: Sample.child,
            replies: [reply(7), reply(9)],
            evidence: [
                ConnectionEvidence(
                    connections: [1, 2],
                    processes: [
                        ProcessEvidence(
                            pid: 5,
                            program: "/usr/bin/curl",
                            programDigest: "abc",
                            argv: ["curl", "x"]
                        )
                    ]
                )
            ]
        )
    )

    private static let ended: AuditEntry = .exit(
        ExitRecord(
            lineage: Sample.root,
            status: 137,
            cause: "time limit",
            written: WrittenFiles(
                files: [WrittenFiles.File(path: "/w/Makefile", reason: "make runs it")],
                more: 3,
                isWhole: false
            ),
            masked: ["token on stdin": 1, "credential on stdout": 2]
        )
    )

    private static let cutOff: AuditEntry = .revocation(
        RevocationRecord(
            lineage: Sample.child,
            principal: "user:alice",
            by: Sample.principal,
            reason: "the key leaked",
            agents: 2,
            keptRunning: true
        )
    )

    private static let asked: AuditEntry = .approval(
        ApprovalRecord(
            lineage: Sample.child,
            question: "0badcafe-1",
            event: .approved,
            action: "POST /deploy",
            resource: "https://a.test",
            query: "env=prod",
            digest: "d1",
            content: "c1",
            octets: 12,
            rules: ["ci: https://a.test: ask POST (ci.yaml:4): once"],
            by: Sample.principal,
            program: "/usr/bin/bailey",
            process: 77,
            reason: "looks right",
            life: "once"
        )
    )

    /// A store with one record of each kind, and what its reader shows of each.
    private func shown(_ entries: [AuditEntry]) throws -> (AuditReader, [String], StateFixture) {
        let state = try StateFixture()
        let store = try state.open()
        #expect(store.appendOneByOne(entries).failures.isEmpty)
        let reader = try AuditReader(directory: state.path)
        let texts = try (1...Int64(entries.count)).map { number in
            let record = try #require(try reader.record(number))
            return RecordText(record, try reader.origins(of: record)).text(Self.plain)
        }
        return (reader, texts, state)
    }

    @Test(
        "A launch, a refused launch, an end, a revocation and an approval are shown with all that is on record"
    )
    func others() throws {
        let refusal = SpawnRefusal(
            parent: Sample.root,
            principal: Sample.principal,
            profile: "'base'",
            argv: ["true"],
            reason: "it is\nwider"
        )
        let (_, texts, _) = try shown([
            Sample.spawn(Sample.child, argv: ["/usr/bin/env", "a b"]), .spawnRefused(refusal), Self.ended,
            Self.cutOff, Self.asked,
        ])
        let expected: [[String]] = [
            [
                "launch of test-runner", "\n  agent: 0badcafe.2\n", "\n  command: /usr/bin/env 'a b'\n",
                "\n  workspace: /work\n", "\n  launched by: user:alice (uid 1000)\n",
                "profile of ci: ci SHA-256 0000",
                "profile of test-runner: test-runner SHA-256 0000", "user:alice > ci > test-runner",
            ],
            [
                "launch refused", "asked for by: ci, 0badcafe.1", "\n  profile: 'base'\n",
                "\n  command: true\n",
                "\n  reason: it is; wider",
            ],
            [
                "exit 137", "\n  cause: time limit\n", "the host may run: /w/Makefile (make runs it)",
                "3 more files", "\n  masked: credential on stdout 2\n  masked: token on stdin 1\n",
                "not everything was looked at",
            ],
            [
                "revoked\n", "agent: 0badcafe.2, and all below it", "\n  principal: user:alice\n",
                "by: user:alice (uid 1000)", "reason: the key leaked", "2 cut off, left running",
            ],
            [
                "approval: approved", "question: 0badcafe-1", "request: POST /deploy?env=prod https://a.test",
                "asked by: ci: https://a.test: ask POST (ci.yaml:4): once",
                "program: /usr/bin/bailey process 77",
                "good for: once", "reason: looks right", "body: 12 octets, SHA-256 c1",
                "request's SHA-256: d1",
            ],
        ]
        for (text, parts) in zip(texts, expected) {
            for part in parts { #expect(text.contains(part), "\(part)\n\(text)") }
        }
    }

    @Test("What came of requests names each request's record, in the list and where it is shown")
    func origins() throws {
        let (reader, texts, state) = try shown([
            Sample.spawn(Sample.child), Self.request(7, over: 1), Self.request(8, over: 1),
            Self.request(9, over: 2), Self.sequel,
        ])
        defer { withExtendedLifetime(state) {} }
        let text = try #require(texts.last)
        for part in [
            "had connections of requests 3, 4", "process 5: curl x, /usr/bin/curl SHA-256 abc",
            "200 to GET /7 https://a.test, 12 octets, request 2",
            "200 to GET /9 https://a.test, 12 octets, request 4",
            "    etag: \"9\"",
        ] { #expect(text.contains(part), "\(part)\n\(text)") }
        var lines: [String] = []
        try reader.listing(matching: AuditQuery()) { record, origins in
            lines.append(record.lines(Self.plain, origins))
            return true
        }
        let list = try #require(lines.last)
        #expect(list.contains("5 curl x, requests 3, 4\n"), "\(list)")
        #expect(list.contains("GET /7 https://a.test, 12 octets, request 2\n"), "\(list)")
        #expect(list.hasSuffix("GET /9 https://a.test, 12 octets, request 4"), "\(list)")
    }

    @Test("Of requests of one number in one run the nearest before a reply is its own; another run's is none")
    func nearest() throws {
        let other = Lineage(principal: Sample.principal, root: Sample.hop(1, "ci", run: "feedface"))
        let stranger = Sample.request("GET /other", by: other, exchange: 7)
        let (reader, _, state) = try shown([
            Self.request(7, over: 1), Self.request(7, over: 3), stranger,
            .replies(RepliesRecord(lineage: Sample.child, replies: [Self.reply(7)])),
        ])
        defer { withExtendedLifetime(state) {} }
        let record = try #require(try reader.record(4))
        #expect(try reader.origins(of: record).exchanges == [7: 2])
    }

    @Test("A line says the request once, and its message without it")
    func once() throws {
        let denied = Sample.request(
            "GET /v1",
            verdict: .deny,
            message: "GET https://api.example.com/v1 is not allowed: no rule of agent \"x\" allows it"
        )
        let failed = Sample.sequel(
            "GET /v1",
            of: 1,
            verdict: .deny,
            message: "https://api.example.com could not be reached: refused"
        )
        let state = try StateFixture()
        let store = try state.open()
        #expect(store.appendOneByOne([denied, failed]).failures.isEmpty)
        var lines: [String] = []
        try AuditReader(directory: state.path).listing(matching: AuditQuery()) { record, _ in
            lines.append(record.lines(Self.plain))
            return true
        }
        #expect(
            lines.first?.hasSuffix(
                "GET /v1 https://api.example.com: is not allowed: no rule of agent \"x\" allows it"
            )
                == true,
            "\(lines)"
        )
        #expect(
            lines.last?.hasSuffix("GET /v1 https://api.example.com: could not be reached: refused") == true,
            "\(lines)"
        )
    }

    @Test("A principal's records are found by its whole subject, and its runs; others' are not")
    func principals() throws {
        func lineage(_ subject: String, _ run: String) throws -> Lineage {
            let principal = try #require(Principal(named: subject))
            return Lineage(principal: principal, root: Sample.hop(1, "ci", run: run))
        }
        let (one, two) = (try lineage("oidc:ci:a", "0badcafe"), try lineage("oidc:ci:a > b", "feedface"))
        let told = RevocationRecord(
            lineage: nil,
            principal: "oidc:ci:gone",
            by: Sample.principal,
            reason: nil,
            agents: 0,
            keptRunning: false
        )
        let (reader, _, state) = try shown([
            Sample.spawn(one), Sample.spawn(two), Sample.request("GET /1", by: one),
            Sample.request("GET /2", by: two), Sample.exit(one), .revocation(told),
        ])
        defer { withExtendedLifetime(state) {} }
        func numbers(_ principal: String) throws -> [Int64] {
            var query = AuditQuery()
            query.principal = principal
            var numbers: [Int64] = []
            try reader.records(matching: query) { record in
                numbers.append(record.sequence)
                return true
            }
            return numbers
        }
        #expect(try numbers("oidc:ci:a") == [1, 3, 5])
        #expect(try numbers("oidc:ci:a > b") == [2, 4])
        #expect(try numbers("oidc:ci:gone") == [6] && numbers("oidc:ci:") == [])
        #expect(try reader.runs(of: "oidc:ci:a") == ["0badcafe"])
        #expect(try reader.principals() == ["oidc:ci:a > b", "oidc:ci:a"])
        #expect(try reader.hasLaunched("oidc:ci:a") && !reader.hasLaunched("oidc:ci:gone"))
        #expect(try reader.hasSeen("oidc:ci:gone") && !reader.hasSeen("oidc:ci:b"))
    }
}
