import Audit
import Foundation
import Masking
import Model
import Testing

struct MaskedRecordTests {
    private static let shaped = [
        "ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "AKIAIOSFODNN7EXAMPLE",
        "sk-ant-api03-R4nd0mR4nd0mR4nd0mR4nd0mR4nd0m", "xoxb-123456789012-abcdefghij",
    ]

    @Test func `texts that only look alike are each on record as they are`() throws {
        let state = try StateFixture()
        let names = ["caf\u{E9}", "cafe\u{301}"]
        _ = try state.open().appendOneByOne(names.map { Sample.spawn(argv: [$0]) })
        var found: [[UInt8]] = []
        try AuditReader(directory: state.path).records(matching: AuditQuery()) { record in
            if case .spawn(let spawn)? = record.entry { found.append(Array(spawn.program.utf8)) }
            return true
        }
        #expect(found == names.map { Array($0.utf8) })
    }

    @Test func `no secret that went through arguments, paths, URLs or messages is in any file`() throws {
        let state = try StateFixture()
        let known = "s3cr3t-REAL-value"
        let store = try state.open(mask: SecretMask(knownSecrets: [known]))
        store.mask(alsoSecrets: ["later-secret"])
        var entries: [AuditEntry] = []
        for secret in Self.shaped + [known, "later-secret"] {
            entries += [
                Sample.spawn(argv: [
                    "curl", "-H", "Authorization: Bearer \(secret)", "https://u:hunter2@h/\(secret)",
                ]),
                Sample.spawn(argv: ["x", "--password", "hunter2", "--token=\(secret)"]),
                Sample.request(
                    "GET /v1/\(secret)?access_token=hunter2",
                    resource: "https://\(secret).example.com"
                ),
                .request(
                    RequestRecord(
                        lineage: Sample.root.child(Sample.hop(9, secret)),
                        action: "connect",
                        resource: "tcp://h",
                        verdict: .deny,
                        levels: [
                            LevelVerdict(
                                agent: AgentID(run: "0badcafe", ordinal: 1),
                                profile: "ci",
                                effect: .deny,
                                rule: RuleReference(text: secret, source: secret)
                            )
                        ],
                        message: "refused \(secret)"
                    )
                ),
                .spawnRefused(
                    SpawnRefusal(
                        parent: nil,
                        principal: Sample.principal,
                        profile: secret,
                        argv: [secret],
                        reason: "password=hunter2 \(secret)"
                    )
                ),
                .exit(ExitRecord(lineage: Sample.root, status: 1, cause: secret)),
            ]
        }
        #expect(store.appendTogether(entries).failures.isEmpty)
        #expect(try state.verifiedCount() == Int64(entries.count))
        for secret in Self.shaped + [known, "later-secret", "hunter2"] {
            #expect(try filesHolding(secret, in: state) == [], "\(secret)")
        }
        #expect(try filesHolding("ghp_***", in: state) != [], "the search does find what is there")
    }

    @Test func `long command lines are cut to their bounds`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let argv = [String](repeating: String(repeating: "x", count: 100_000), count: 1_000)
        #expect(store.appendOneByOne([Sample.spawn(argv: argv)]).failures.isEmpty)
        let limit = AuditLimits.maximumArguments * (AuditLimits.maximumText + 64) + 4_096
        try AuditReader(directory: state.path).records(matching: AuditQuery()) { record in
            #expect(record.payload.utf8.count <= limit)
            #expect(record.payload.contains("[744 more arguments]"))
            return true
        }
        #expect(try state.verifiedCount() == 1)
    }

    private func filesHolding(_ text: String, in state: StateFixture) throws -> [String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: state.path)
        return try names.filter { name in
            var isDirectory: ObjCBool = false
            _ = unsafe FileManager.default.fileExists(
                atPath: "\(state.path)/\(name)",
                isDirectory: &isDirectory
            )
            if isDirectory.boolValue { return false }
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(state.path)/\(name)"))
            return data.range(of: Data(text.utf8)) != nil
        }
    }
}

struct CanonicalPayloadTests {
    private static let texts = [
        "plain", "a/b\"c\\d", "\u{0}\u{8}\u{c}\n\r\t\u{1b}\u{1f}\u{7f}", "ä 日本 😀 \u{2028}", "",
    ]

    @Test(arguments: texts)
    func `a payload is what Foundation's encoder gives with sorted keys, and reads back as the entry`(
        text: String
    ) throws {
        let state = try StateFixture()
        let lineage = Sample.root.child(Sample.hop(2, text))
        let entries: [AuditEntry] = [
            Sample.spawn(lineage, argv: [text, "x"]), Sample.exit(lineage, status: -1),
            .exit(ExitRecord(lineage: Sample.root, status: 137, cause: text)),
            .revocation(
                RevocationRecord(
                    lineage: lineage,
                    principal: text,
                    by: Sample.principal,
                    reason: text,
                    agents: 2,
                    keptRunning: true
                )
            ),
            .revocation(
                RevocationRecord(
                    lineage: nil,
                    principal: "user:alice",
                    by: Sample.principal,
                    reason: nil,
                    agents: 0,
                    keptRunning: false,
                    isLifted: true
                )
            ),
            Sample.request(text, by: lineage, verdict: .deny), Sample.request(by: Sample.root),
            .spawnRefused(
                SpawnRefusal(
                    parent: lineage,
                    principal: Sample.principal,
                    profile: text,
                    argv: [],
                    reason: text
                )
            ),
            .spawn(
                SpawnRecord(
                    lineage: lineage,
                    argv: [],
                    workingDirectory: text,
                    workspace: text,
                    program: text,
                    programDigest: text,
                    limits: ["time": text, "cpus": "", "memory": "cgroup v1"],
                    degraded: [text, text]
                )
            ),
            .request(
                RequestRecord(
                    lineage: lineage,
                    action: text,
                    resource: text,
                    verdict: .ask,
                    levels: [
                        LevelVerdict(
                            agent: lineage.agent.agent,
                            profile: text,
                            effect: .ask,
                            rule: RuleReference(text: text, source: text)
                        ),
                        LevelVerdict(
                            agent: lineage.agent.agent,
                            profile: text,
                            effect: .allow,
                            rule: RuleReference(text: text, source: nil)
                        ),
                    ],
                    reason: .approvalNeeded,
                    message: text,
                    credential: text
                )
            ),
            .request(
                RequestRecord(
                    lineage: lineage,
                    action: text,
                    resource: text,
                    exchange: 7,
                    query: text,
                    fields: HeadFields(text: "a: \(text)\nb: "),
                    verdict: .allow,
                    levels: []
                )
            ),
            Self.replies(text, to: lineage),
            .renewal(
                RenewalRecord(
                    lineage: lineage,
                    principal: Principal(
                        issuer: "idp",
                        subject: text,
                        uid: 1000,
                        groups: [text],
                        claims: ["ref": [text]],
                        expiry: Timestamp(milliseconds: 1_800_000_000_000)
                    ),
                    key: text,
                    previous: Timestamp(milliseconds: 1_700_000_000_000)
                )
            ),
        ]
        #expect(try state.open().appendTogether(entries).failures.isEmpty)
        var read: [AuditEntry?] = []
        try AuditReader(directory: state.path).records(matching: AuditQuery()) { record in
            read.append(record.entry)
            let entry = try #require(record.entry)
            let expected = try foundationJSON(entry)
            #expect(record.payload == expected)
            return true
        }
        #expect(read == entries)
    }

    private static func replies(_ text: String, to lineage: Lineage) -> AuditEntry {
        var reply = Reply(exchange: 7, action: text, resource: text, cause: text)
        (reply.status, reply.sent, reply.received) = (200, 1, .max)
        (reply.fields, reply.trailers) = (HeadFields(text: "a: \(text)"), HeadFields(text: ""))
        reply.bodies = [
            RecordedBody(side: .request, octets: 1, digest: "ab", place: 7..<9, coding: text, missing: text),
            RecordedBody(side: .response, octets: 0, digest: "ab", place: 0..<0, coding: nil, missing: nil),
        ]
        let none = Reply(exchange: 8, action: "", resource: "")
        return .replies(RepliesRecord(lineage: lineage, replies: [reply, none]))
    }

    private func foundationJSON(_ entry: AuditEntry) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data =
            switch entry {
            case .spawn(let record): try encoder.encode(record)
            case .spawnRefused(let record): try encoder.encode(record)
            case .custody(let record): try encoder.encode(record)
            case .exit(let record): try encoder.encode(record)
            case .request(let record): try encoder.encode(record)
            case .replies(let record): try encoder.encode(record)
            case .revocation(let record): try encoder.encode(record)
            case .approval(let record): try encoder.encode(record)
            case .renewal(let record): try encoder.encode(record)
            }
        return String(decoding: data, as: UTF8.self)
    }
}
