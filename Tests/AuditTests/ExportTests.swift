import Audit
import Foundation
import Model
import Synchronization
import TestSupport
import Testing

/// Records as other programs get them.
struct ExportTests {
    private let source = ExportSource(version: "1.2.3", host: "machine")

    private func exported(
        _ state: StateFixture,
        _ selection: RecordSelection = RecordSelection()
    ) throws
        -> (records: [AuditRecord], reached: [Int64])
    {
        var (records, reached): ([AuditRecord], [Int64]) = ([], [])
        try RecordExport(directory: state.path).slices(selection) {
            records += $0
            reached.append($1)
        }
        return (records, reached)
    }

    @Test func `all records are exported, in order, in slices that do not grow with the log`() throws {
        let state = try StateFixture()
        let store = try state.open()
        for _ in 0..<3 {
            #expect(store.appendTogether((0..<3_000).map { Sample.request("GET /\($0)") }).failures.isEmpty)
        }
        let (records, reached) = try exported(state)
        #expect(records.map(\.sequence) == Array(1...9_000))
        #expect(reached.count >= 3 && reached.last == 9_000, "\(reached)")
        #expect(try records.allSatisfy { try $0.json().contains("\"record\":{") })
    }

    @Test func `an export goes on behind the one before it, and says where the log does not reach`() throws {
        let state = try StateFixture()
        _ = try state.open().appendOneByOne((0..<5).map { Sample.request("GET /\($0)") })
        #expect(try exported(state, RecordSelection(after: 3)).records.map(\.sequence) == [4, 5])
        #expect(try exported(state, RecordSelection(after: 5)).records.isEmpty)
        #expect(throws: BehindTheEnd.self) { try exported(state, RecordSelection(after: 6)) }
    }

    @Test func `a run and an agent with all below it are exported alone`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let other = Lineage(principal: Sample.principal, root: Sample.hop(1, "ci", run: "feedface"))
        _ = store.appendOneByOne([
            Sample.spawn(Sample.root), Sample.request(by: other), Sample.request(by: Sample.grandchild),
            Sample.exit(Sample.root),
        ])
        #expect(try exported(state, RecordSelection(run: "feedface")).records.map(\.sequence) == [2])
        let child = AgentID(run: "0badcafe", ordinal: 2)
        #expect(try exported(state, RecordSelection(agent: child)).records.map(\.sequence) == [3])
    }

    @Test(arguments: [
        "UPDATE records SET payload = replace(payload, '/3', '/4')", "DELETE FROM records WHERE sequence = 4",
        "DELETE FROM seals WHERE first <= 4 AND last >= 4",
    ])
    func `I: an export of a changed log ends before the record that is not what was written`(
        sql: String
    ) throws {
        let state = try StateFixture()
        _ = try state.open().appendOneByOne((0..<6).map { Sample.request("GET /\($0)") })
        #expect(try exported(state).records.count == 6, "the control")
        try state.sqlite(sql)
        do {
            _ = try exported(state)
            Issue.record("it was exported")
        } catch let error as BrokenStore {
            #expect(error.finding.record == 4, "\(error)")
        }
    }

    /// Each kind of record, as supervisors write them.
    private var every: [AuditEntry] {
        let evidence = ConnectionEvidence(
            connections: [1, 2],
            processes: [
                ProcessEvidence(
                    pid: 7,
                    program: "/usr/bin/curl",
                    programDigest: String(repeating: "ab", count: 32),
                    argv: ["curl", "-s"]
                ),
                ProcessEvidence(pid: 1, program: nil, programDigest: nil, argv: ["sh"]),
            ]
        )
        let missing = ConnectionEvidence(connections: [3], processes: [], missing: "it was gone")
        var reply = Reply(exchange: 5, action: "PATCH /v1/x", resource: "https://api.example.com")
        (reply.status, reply.sent, reply.received) = (207, 1, 2)
        reply.fields = HeadFields(text: "content-type: text/plain\nx-empty:")
        let broken = Reply(
            exchange: 6,
            action: "connect",
            resource: "tcp://[2001:db8::1]:22",
            cause: "it was reset"
        )
        var statement = Reply(exchange: 8, action: "SELECT 1", resource: "postgres://db.test")
        statement.outcome = "SELECT 1"
        return [
            Sample.spawn(Sample.root), Sample.spawn(Sample.child, argv: ["/bin/sh", "-c", "a\u{1B}[2Jb"]),
            .spawnRefused(
                SpawnRefusal(
                    parent: nil,
                    principal: Sample.principal,
                    profile: "x",
                    argv: [],
                    reason: "no such profile"
                )
            ),
            .spawnRefused(
                SpawnRefusal(
                    parent: Sample.child,
                    principal: Sample.principal,
                    profile: "x",
                    argv: ["a"],
                    reason: "wider"
                )
            ),
            Sample.request("PATCH /v1/x", exchange: 5), Sample.request("GET /", verdict: .deny),
            Sample.request("connect", resource: "https://api.example.com:8443", verdict: .deny),
            Sample.request("send", resource: "udp://8.8.8.8:53", verdict: .deny),
            Sample.request("connect", resource: "postgres://db.test", exchange: 7),
            Sample.request("SELECT", resource: "postgres://db.test", exchange: 8),
            Sample.request("OPTIONS *", resource: "http://[::1]:8080", verdict: .ask),
            Sample.sequel("GET /", of: 5, verdict: .deny, message: "the upstream was not reached"),
            Sample.sequel("GET /", of: 5, verdict: .allow, message: "masked: 2 emails"),
            .replies(
                RepliesRecord(
                    lineage: Sample.child,
                    replies: [reply, broken, statement],
                    evidence: [evidence, missing]
                )
            ),
            .revocation(
                RevocationRecord(
                    lineage: nil,
                    principal: "user:mallory",
                    by: Sample.principal,
                    reason: "leaked",
                    agents: 2,
                    keptRunning: false
                )
            ),
            .revocation(
                RevocationRecord(
                    lineage: Sample.child,
                    principal: "user:alice",
                    by: Sample.principal,
                    reason: nil,
                    agents: 1,
                    keptRunning: true
                )
            ),
            .custody(CustodyRecord(.checkpointFailed, "/mnt/checkpoints", reason: "No space left")),
            .custody(CustodyRecord(.noticeFailed, "https://hooks.example.com", reason: "it answered 503")),
            .custody(CustodyRecord(.answerRefused, "api", reason: "POST /: it has no token that is known")),
            .custody(CustodyRecord(.held, "user:alice", by: Sample.principal, reason: "a lawsuit")),
            .custody(CustodyRecord(.pruned, "1-4", by: Sample.principal, runs: ["0badcafe"])),
            Sample.renewal,
            Sample.exit(Sample.child, status: 137),
            Sample.exit(Sample.child, masked: ["token on stdin": 1, "credential on stdout": 2]),
        ]
    }

    @Test(.enabled(if: OCSFValidator.isThere, "needs the packages of Tests/requirements.txt"))
    func `each kind of record is a valid event of OCSF 1.5.0, of the class that fits`() throws {
        let state = try StateFixture()
        #expect(try state.open().appendOneByOne(every).failures.isEmpty)
        let events = OCSFEvents(source)
        let lines = try exported(state).records.flatMap { try events.lines(of: $0) }
        #expect(lines.allSatisfy { !$0.contains("\u{1B}") })
        let outcome = try OCSFValidator.validate(lines.joined(separator: "\n"))
        #expect(outcome.code == 0, "\(outcome)")
        #expect(
            outcome.lines == [
                "1007.1", "1007.1", "1007.1", "1007.1", "4002.99", "4002.3", "4001.5", "4001.5", "6005.3",
                "6005.4", "4002.5", "4002.3", "4002.3", "4002.99", "4001.1", "6005.4", "4001.1", "4001.1",
                "3005.2", "3005.2", "6003.3", "6003.3", "6003.3", "6003.3", "6003.4", "6003.3", "1007.2",
                "1007.2",
            ],
            "\(outcome)"
        )
        // What was masked in a child's streams, and how often; the control is the end before it.
        let ends = lines.suffix(2)
        #expect(ends.first?.contains("\"action_id\":3,") == true, "\(ends)")
        #expect(ends.last?.contains("\"action_id\":4,") == true, "\(ends)")
        let message = "\"message\":\"exit 0; masked: 2 credential on stdout, 1 token on stdin\""
        #expect(ends.last?.contains(message) == true, "\(ends)")
        let wrong = try #require(lines.first).replacing("\"time\":", with: "\"moment\":")
        #expect(try OCSFValidator.validate(wrong).code == 1, "the control: it can fail")
    }

    /// A collector that answers as it is told, and remembers what it got.
    private final class Collector: MessageTransport {
        let answers: Mutex<[Result<MessageReply, MessageFailure>]>
        let bodies = Mutex<[String]>([])

        /// The last answer is given again and again.
        init(_ answers: [Result<MessageReply, MessageFailure>]) { self.answers = Mutex(answers) }

        convenience init(_ statuses: Int...) {
            self.init(statuses.map { .success(MessageReply(status: $0, body: [])) })
        }

        func post(_ message: OperatorMessage) throws(MessageFailure) -> MessageReply {
            bodies.withLock { $0.append(message.body) }
            let answer = answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            return try answer.get()
        }
    }

    private func sent(
        _ state: StateFixture,
        to collector: Collector,
        waited: @escaping (Int) -> Void = { _ in }
    ) throws -> TelemetryExport.Outcome {
        let export = TelemetryExport(
            source,
            to: try #require(WebAddress("https://collector.test/v1/logs")),
            fields: [("authorization", "Bearer s3cr3t-of-mine")],
            by: collector,
            waiting: waited
        )
        return try export.send(RecordSelection(), of: RecordExport(directory: state.path))
    }

    private func filled(_ count: Int = 600) throws -> StateFixture {
        let state = try StateFixture()
        _ = try state.open().appendTogether((0..<count).map { Sample.request("GET /\($0)") })
        return state
    }

    @Test func `records go out in batches, and all are accounted for`() throws {
        let collector = Collector(200)
        let outcome = try sent(try filled(), to: collector)
        #expect(outcome.sent == 600 && outcome.reached == 600 && outcome.rejected == 0)
        #expect(collector.bodies.withLock { $0.count } == 2)
    }

    @Test func `a collector that is busy or away is tried again, with growing pauses and as it wants`() throws
    {
        var pauses: [Int] = []
        let collector = Collector([
            .success(MessageReply(status: 503, body: [])), .failure(MessageFailure("nobody is there")),
            .success(MessageReply(status: 429, retryAfter: 17, body: [])),
            .success(MessageReply(status: 200, body: Array("{}".utf8))),
        ])
        #expect(try sent(try filled(3), to: collector) { pauses.append($0) }.sent == 3)
        #expect(pauses.count == 3, "\(pauses)")
        #expect((500...1_000).contains(pauses[0]) && (1_000...2_000).contains(pauses[1]), "\(pauses)")
        #expect(pauses[2] == 17_000, "\(pauses)")
        #expect(Set(collector.bodies.withLock { $0 }).count == 1, "the same batch each time")
    }

    @Test func `a collector that stays away ends the export, which says where to go on`() throws {
        var waited = 0
        let collector = Collector([
            .success(MessageReply(status: 200, body: [])), .success(MessageReply(status: 503, body: [])),
        ])
        do {
            _ = try sent(try filled(), to: collector) { waited += $0 }
            Issue.record("it was sent")
        } catch let failure as TelemetryFailure {
            #expect(failure.reached == 512 && failure.description.contains("--after 512"), "\(failure)")
        }
        #expect(waited > 60_000 && waited <= 120_000, "\(waited)")
    }

    @Test(arguments: [400, 401, 404, 307, 500])
    func `what will not go well later is not tried again`(status: Int) throws {
        let collector = Collector(status)
        #expect(throws: TelemetryFailure.self) { try sent(try filled(3), to: collector) }
        #expect(collector.bodies.withLock { $0.count } == 1)
    }

    @Test func `records that a collector rejects are counted, and what lets us in is not told`() throws {
        let body = { (message: String) in
            Array(
                "{\"partialSuccess\":{\"rejectedLogRecords\":\"2\",\"errorMessage\":\"\(message)\"}}".utf8
            )
        }
        var outcome = try sent(
            try filled(3),
            to: Collector([.success(MessageReply(status: 200, body: body("too old")))])
        )
        #expect(outcome.rejected == 2 && outcome.complaint == "too old")
        outcome = try sent(
            try filled(3),
            to: Collector([.success(MessageReply(status: 200, body: body("no Bearer s3cr3t-of-mine")))])
        )
        #expect(outcome.rejected == 2 && outcome.complaint?.contains("s3cr3t") == false)
    }

    @Test func `a page that is no answer of a collector is no delivery`() throws {
        let collector = Collector([.success(MessageReply(status: 200, body: Array("<html>".utf8)))])
        #expect(throws: TelemetryFailure.self) { try sent(try filled(3), to: collector) }
    }
}
