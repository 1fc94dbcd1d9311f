import Audit
import Foundation
import Masking
import Model
import Testing

struct ReplyRecordTests {
    private static func replies(
        _ exchanges: ClosedRange<UInt64>,
        to lineage: Lineage = Sample.child,
        fields: String = "Server: x\nDate: now"
    ) -> AuditEntry {
        let replies = exchanges.map { exchange in
            var reply = Reply(exchange: exchange, action: "GET /\(exchange)", resource: "https://a.test")
            reply.status = 200
            reply.fields = HeadFields(text: fields)
            reply.received = 12
            return reply
        }
        return .replies(RepliesRecord(lineage: lineage, replies: replies))
    }

    private static func kinds(_ state: StateFixture) throws -> [String] {
        try state.sqliteOutput("SELECT kind FROM records ORDER BY sequence").split(separator: "\n").map(
            String.init
        )
    }

    @Test func `Replies of a moment are one record of each agent, before its end, and verify`() throws {
        let state = try StateFixture()
        let store = try state.open()
        for exchange in 1...3 {
            store.append(Self.replies(UInt64(exchange)...UInt64(exchange)), until: .soon) { _ in }
        }
        store.append(Self.replies(9...9, to: Sample.root), until: .soon) { _ in }
        #expect(store.appendTogether([Sample.exit()]).failures.isEmpty)
        #expect(try Self.kinds(state) == ["replies", "replies", "exit"])
        #expect(try state.verifiedCount() == 3)
        let reader = try AuditReader(directory: state.path)
        var numbers: Set<[UInt64]> = []
        try reader.records(matching: AuditQuery()) { record in
            if case .replies(let record) = record.entry { numbers.insert(record.replies.map(\.exchange)) }
            return true
        }
        #expect(numbers == [[1, 2, 3], [9]])
    }

    @Test func `Without anything behind them they are written within a moment, and at once when asked`()
        throws
    {
        let state = try StateFixture()
        let store = try state.open()
        store.append(Self.replies(1...1), until: .soon) { _ in }
        var polls = 0
        while try Self.kinds(state).isEmpty, polls < 1_000 {
            polls += 1
            _ = poll(nil, 0, 10)
        }
        #expect(try Self.kinds(state) == ["replies"])
        store.append(Self.replies(2...2), until: .soon) { _ in }
        store.flush()
        #expect(try Self.kinds(state) == ["replies", "replies"])
        #expect(try state.verifiedCount() == 2)
    }

    @Test func `Many are records of sixty-four`() throws {
        let state = try StateFixture()
        let store = try state.open()
        for exchange in 1...200 {
            store.append(Self.replies(UInt64(exchange)...UInt64(exchange)), until: .soon) { _ in }
        }
        store.flush()
        let counts = try state.sqliteOutput("SELECT json_array_length(payload, '$.replies') FROM records")
        let numbers = counts.split(separator: "\n").compactMap { Int($0) }
        #expect(
            numbers.reduce(0, +) == 200 && numbers.allSatisfy { $0 <= AuditLimits.repliesAtOnce },
            "\(numbers)"
        )
        #expect(try state.verifiedCount() == Int64(numbers.count))
    }

    @Test
    func
        `Evidence of a moment is one record with the replies, of sixty-four at most, and found by its connection`()
        throws
    {
        let state = try StateFixture()
        let store = try state.open(mask: SecretMask(knownSecrets: ["s3cr3t-REAL-value"]))
        func evidence(_ number: UInt64, of pid: UInt64) -> AuditEntry {
            let process = ProcessEvidence(
                pid: Int32(pid),
                program: "/usr/bin/sh",
                programDigest: nil,
                argv: ["sh", "--password=hunter2secret", "s3cr3t-REAL-value"]
            )
            let known = ConnectionEvidence(connections: [number], processes: [process])
            let unknown = ConnectionEvidence(connections: [number], processes: [], missing: "gone")
            return .replies(
                RepliesRecord(
                    lineage: Sample.child,
                    replies: [],
                    evidence: [number == 3 ? unknown : known]
                )
            )
        }
        let request = RequestRecord(
            lineage: Sample.child,
            action: "GET /7",
            resource: "https://a.test",
            exchange: 1,
            connection: 150,
            verdict: .allow,
            levels: []
        )
        #expect(store.appendTogether([Sample.spawn(Sample.child), .request(request)]).failures.isEmpty)
        for number in UInt64(1)...150 { store.append(evidence(number, of: number), until: .soon) { _ in } }
        for number in UInt64(201)...230 { store.append(evidence(number, of: 999), until: .soon) { _ in } }
        store.append(Self.replies(1...1), until: .soon) { _ in }
        store.flush()
        #expect(try state.verifiedCount().map { $0 <= 2 + 3 } == true)
        let counts = try state.sqliteOutput(
            "SELECT coalesce((SELECT sum(json_array_length(value, '$.connections')) "
                + "FROM json_each(payload, '$.evidence')), 0) FROM records WHERE kind = 'replies'"
        ).split(separator: "\n").compactMap { Int($0) }
        #expect(
            counts.reduce(0, +) == 180 && counts.allSatisfy { $0 <= AuditLimits.repliesAtOnce },
            "\(counts)"
        )
        let reader = try AuditReader(directory: state.path)
        let found = try #require(try reader.record(2))
        let seen = try #require(try reader.evidence(of: found))
        // Of one process it is said once in a record.
        let pieces = try state.sqliteOutput(
            "SELECT count(*) FROM records, json_each(payload, '$.evidence') WHERE value LIKE '%\"pid\":999,%'"
        )
        #expect(["1", "2"].contains(pieces.trimmingCharacters(in: .whitespacesAndNewlines)), "\(pieces)")
        #expect(seen.connections == [150] && seen.processes.map(\.pid) == [150])
        #expect(seen.processes.map(\.argv) == [["sh", "--password=***", "***"]], "\(seen)")
        let shown = try #require(ExchangeText(found, try reader.sequel(of: found), seen)).text(
            TextStyle(isColoured: false)
        )
        #expect(
            shown.contains(
                "  process 150: sh '--password=***' '***', /usr/bin/sh (evidence, which decided nothing)"
            ),
            "\(shown)"
        )
        var lines = ""
        try reader.records(matching: AuditQuery()) {
            lines += $0.lines(TextStyle(isColoured: false)) + "\n"
            return true
        }
        #expect(lines.contains("  process  ") && lines.contains("not found: gone"), "\(lines)")
        #expect(!lines.contains("s3cr3t-REAL-value") && !lines.contains("\n\n"))
    }

    @Test func `A request is found with what came of it, its secrets masked`() throws {
        let state = try StateFixture()
        let secret = "s3cr3t-REAL-value"
        let store = try state.open(mask: SecretMask(knownSecrets: [secret]))
        let shaped = "ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m"
        let record = RequestRecord(
            lineage: Sample.child,
            action: "GET /7",
            resource: "https://a.test",
            exchange: 7,
            query: "token=\(secret)&x=1",
            fields: HeadFields(
                text: "Authorization: Bearer abc\nX-A: \(secret)\nCookie: a=b\nX-B: \(shaped)\nAccept: */*"
            ),
            verdict: .allow,
            levels: []
        )
        #expect(store.appendTogether([.request(record), Sample.request()]).failures.isEmpty)
        store.append(
            Self.replies(6...8, fields: "Set-Cookie: id=\(secret)\nX-\"Odd\": \\\u{7f}"),
            until: .soon
        ) { _ in }
        store.flush()
        let reader = try AuditReader(directory: state.path)
        let found = try #require(try reader.record(1))
        let sequel = try reader.sequel(of: found)
        let exchange = try #require(ExchangeText(found, sequel))
        let text = exchange.text(TextStyle(isColoured: false))
        for line in [
            "GET /7?token=***&x=1  allow", "    Authorization: Bearer ***", "    X-A: ***", "    Cookie: ***",
            "    X-B: ghp_***", "    Accept: */*", "    Set-Cookie: ***", "    X-\"Odd\": \\\\\\u007f",
            "  0 octets of body sent, 12 received",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), "\(line) in\n\(text)")
        }
        #expect(text.contains("\n200, "), "\(text)")
        let json = try JSONSerialization.jsonObject(with: Data(exchange.json().utf8)) as? [String: Any]
        #expect(
            (json?["reply"] as? [String: Any])?["fields"] as? [String] == [
                "Set-Cookie: ***", "X-\"Odd\": \\\u{7f}",
            ]
        )
        let second = try #require(try reader.record(2))
        #expect(try reader.sequel(of: second).reply == nil)
        #expect(try reader.record(99) == nil)
        for name in try FileManager.default.contentsOfDirectory(atPath: state.path)
        where name.hasPrefix("audit") {
            let data = try Data(contentsOf: URL(fileURLWithPath: state.path + "/" + name))
            #expect(
                data.range(of: Data(secret.utf8)) == nil && data.range(of: Data(shaped.utf8)) == nil,
                "\(name)"
            )
        }
        var lines: [String] = []
        try reader.records(matching: AuditQuery(limit: 1)) {
            lines += $0.lines(TextStyle(isColoured: false)).split(separator: "\n").map(String.init)
            return true
        }
        #expect(
            lines.count == 3 && lines.allSatisfy { $0.contains("200 to GET /") && $0.contains("reply") },
            "\(lines)"
        )
    }
}
