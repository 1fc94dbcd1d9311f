import Audit
import Foundation
import Masking
import Model
import Testing

/// Conversations put together again from what is on record.
struct ReplayTests {
    private static let database = "postgres://db.test:5432"

    private static func opening(_ exchange: UInt64, by lineage: Lineage = Sample.root) -> AuditEntry {
        Sample.request("connect", by: lineage, resource: database, exchange: exchange)
    }

    private static func statement(
        _ text: String,
        _ exchange: UInt64?,
        in session: UInt64,
        by lineage: Lineage = Sample.root,
        verdict: Effect = .allow
    ) -> AuditEntry {
        .request(
            RequestRecord(
                lineage: lineage,
                action: "select on t",
                resource: database,
                exchange: exchange,
                statement: RecordedStatement(session: session, text: RecordedText(text)),
                verdict: verdict,
                levels: lineage.hops.map { hop in
                    LevelVerdict(
                        agent: hop.agent,
                        profile: hop.profile,
                        effect: verdict,
                        rule: RuleReference(
                            text: "\(database): \(verdict) select",
                            source: "\(hop.profile).yaml:3"
                        )
                    )
                },
                reason: verdict == .allow ? nil : .denied,
                message: verdict == .allow ? nil : "it is denied"
            )
        )
    }

    private static func replies(
        _ ends: [(exchange: UInt64, outcome: String, values: [String?])],
        by lineage: Lineage = Sample.root
    ) -> AuditEntry {
        let replies = ends.map { end in
            var reply = Reply(exchange: end.exchange, action: "select on t", resource: database)
            reply.outcome = end.outcome
            reply.execution = RecordedExecution(
                microseconds: 1_042,
                rows: end.outcome.hasPrefix("ERROR") ? nil : 1,
                parameters: end.values.isEmpty
                    ? nil : RecordedParameters(end.values.map { $0.map { RecordedText($0) } }, more: 0)
            )
            return reply
        }
        return .replies(RepliesRecord(lineage: lineage, replies: replies))
    }

    private static func over(_ exchange: UInt64, _ cause: String) -> AuditEntry {
        let reply = Reply(exchange: exchange, action: "connect", resource: database, cause: cause)
        return .replies(RepliesRecord(lineage: Sample.root, replies: [reply]))
    }

    private func state(_ entries: [AuditEntry], mask: SecretMask = SecretMask()) throws -> StateFixture {
        let state = try StateFixture()
        let store = try state.open(mask: mask)
        #expect(store.appendOneByOne(entries).failures.isEmpty)
        return state
    }

    private func events(_ scope: ReplayScope, _ state: StateFixture) throws -> [Replay.Event] {
        var events: [Replay.Event] = []
        try Replay.events(of: scope, in: AuditReader(directory: state.path)) { events.append($0) }
        return events
    }

    private func text(_ scope: ReplayScope, _ state: StateFixture) throws -> String {
        try events(scope, state).map { $0.text(TextStyle(isColoured: false)) }.joined(separator: "\n")
            .replacing(/20\d\d-[-0-9:.T]+Z/, with: "TIME")
    }

    private static let two = [
        opening(1), opening(2), statement("SELECT 1\nFROM t", 3, in: 1),
        statement("SELECT $1", 4, in: 2), statement("DROP TABLE t", nil, in: 1, verdict: .deny),
        replies([(4, "SELECT 1", ["a\u{1b}[2J", nil])]),
        Sample.sequel(
            "select on t",
            of: 3,
            by: Sample.root,
            verdict: .allow,
            message: "masked in the reply's body: 1 email"
        ),
        replies([(3, "ERROR 22012", [])]), over(1, "the session ended"),
    ]

    @Test("A stream says how many messages and octets passed, however it ended")
    func stream() throws {
        var messages = RecordedMessages()
        (messages.sent, messages.received) = (2, 40)
        var reply = Reply(
            exchange: 3,
            action: "replication stream",
            resource: Self.database,
            cause: "the agent was revoked"
        )
        reply.execution = RecordedExecution(
            microseconds: 1_042,
            rows: nil,
            parameters: nil,
            messages: messages
        )
        (reply.sent, reply.received) = (100, 4_000)
        let state = try state([
            Self.opening(1), Self.statement("START_REPLICATION 0/0", 3, in: 1),
            .replies(RepliesRecord(lineage: Sample.root, replies: [reply])),
        ])
        let line =
            "1.042 ms, 2 messages sent, 40 received, 100 octets sent, 4000 received, the agent was revoked"
        let text = try text(.run("0badcafe"), state)
        #expect(text.contains(line), "\(text)")
    }

    @Test("Each statement stands with what came of it, in the order in which it was asked")
    func conversation() throws {
        let state = try state(Self.two)
        #expect(
            try text(.run("0badcafe"), state) == """
                     1  TIME  0badcafe.1  user:alice > ci  postgres://db.test:5432, a session begins
                    connect
                     2  TIME  0badcafe.1  user:alice > ci  postgres://db.test:5432, a session begins
                    connect
                     3  TIME  0badcafe.1  user:alice > ci  postgres://db.test:5432, session 1
                    SELECT 1
                    FROM t
                  masked in the reply's body: 1 email
                  ERROR 22012, 1.042 ms
                     4  TIME  0badcafe.1  user:alice > ci  postgres://db.test:5432, session 2
                    SELECT $1
                  $1 = 'a\\u001b[2J'
                  $2 = NULL
                  SELECT 1, 1 row, 1.042 ms
                     5  TIME  0badcafe.1  user:alice > ci  postgres://db.test:5432, session 1  deny
                    DROP TABLE t
                  does: select on t
                  deny by ci: postgres://db.test:5432: deny select (ci.yaml:3)
                  it is denied
                     1  TIME  0badcafe.1  user:alice > ci  the session is over
                  0 octets sent, 0 received, the session ended
                """
        )
    }

    @Test("A session alone is found by its opening and by any of its statements")
    func session() throws {
        let state = try state(Self.two)
        let reader = try AuditReader(directory: state.path)
        for number in [1, 3, 5, 7] {
            let record = try #require(try reader.record(Int64(number)))
            let scope = try #require(try reader.session(of: record))
            #expect(scope == .session(run: "0badcafe", number: 1, from: 1), "\(number)")
            let text = try text(scope, state)
            #expect(text.contains("FROM t") && text.contains("DROP TABLE") && !text.contains("SELECT $1"))
        }
        #expect(try reader.session(of: #require(try reader.record(6))) == nil)
    }

    @Test("Of an agent what it and all below it asked for is shown, and nothing else")
    func agent() throws {
        let state = try state([
            Self.opening(1), Self.statement("SELECT 'root'", 2, in: 1), Self.replies([(2, "SELECT 1", [])]),
            Self.opening(3, by: Sample.child), Self.statement("SELECT 'child'", 4, in: 3, by: Sample.child),
            Self.replies([(4, "SELECT 1", [])], by: Sample.child),
        ])
        let text = try text(.agent(Sample.child.agent.agent), state)
        #expect(text.contains("'child'") && !text.contains("'root'"), "\(text)")
    }

    @Test("For machines each is one object a line")
    func json() throws {
        let state = try state(Self.two)
        let lines = try events(.run("0badcafe"), state).map { event in
            try #require(try JSONSerialization.jsonObject(with: Data(event.json().utf8)) as? [String: Any])
        }
        #expect(lines.map { $0["record"] as? Int } == [1, 2, 3, 4, 5, 1])
        #expect(
            lines.map { $0["event"] as? String } == [
                "request", "request", "request", "request", "request", "end",
            ]
        )
        #expect(lines[0]["session"] as? Int == 1 && lines[3]["session"] as? Int == 2)
        #expect(lines[2]["sqlstate"] as? String == "22012" && lines[2]["rows"] == nil)
        #expect(lines[2]["statement"] as? String == "SELECT 1\nFROM t")
        #expect(lines[2]["notes"] as? [String] == ["masked in the reply's body: 1 email"])
        let parameters = lines[3]["parameters"] as? [String: Any]
        let values = parameters?["values"] as? [Any]
        #expect(values?.count == 2 && values?.first as? String == "a\u{1b}[2J" && values?.last is NSNull)
        #expect(lines[3]["microseconds"] as? Int == 1_042 && lines[3]["rows"] as? Int == 1)
        let rule = lines[4]["rule"] as? [String: String]
        #expect(rule?["source"] == "ci.yaml:3" && lines[4]["verdict"] as? String == "deny")
        for line in lines {
            for key in ["time", "run", "agent", "lineage", "action", "resource"] { #expect(line[key] != nil) }
        }
    }

    @Test("What waits too long for its end goes on without, and the end comes where it is on record")
    func bound() throws {
        let state = try StateFixture()
        let store = try state.open()
        let more = UInt64(Replay.maximumWaiting) + 5
        var entries = [Self.opening(1), Self.statement("SELECT slow", 2, in: 1)]
        entries += (3...more).map { Self.statement("SELECT \($0)", $0, in: 1) }
        #expect(store.appendTogether(entries).failures.isEmpty)
        #expect(
            store.appendTogether([Self.replies((2...more).map { ($0, "SELECT 1", []) })]).failures.isEmpty
        )
        let events = try events(.run("0badcafe"), state)
        var ends: [Int64] = []
        var turns: [Int64] = []
        for event in events {
            switch event {
            case .turn(let turn): turns.append(turn.record.sequence)
            case .end(_, let record, let isSession, _):
                #expect(!isSession)
                ends.append(record)
            case .revocation: Issue.record("nobody was revoked")
            }
        }
        #expect(turns == Array(1...Int64(more)))
        #expect(ends.first == 2 && ends.count < 10, "\(ends)")
    }

    @Test("Texts and parameters are masked and cut before they are written, and the store verifies")
    func masked() throws {
        let secret = "s3cr3t-REAL-value"
        let token = "ghp_R4nd0mR4nd0mR4nd0mR4nd0mR4nd0mR4nd0m"
        let long = String(repeating: "x", count: 5_000)
        let state = try state(
            [
                Self.statement("SELECT '\(secret)', '\(token)' -- \(long)", 3, in: 1),
                Self.replies([
                    (3, "SELECT 1", [secret, "\(token)", "a \(secret) b", String(long.prefix(600)), "abc"])
                ]),
            ],
            mask: SecretMask(knownSecrets: [secret])
        )
        let reader = try AuditReader(directory: state.path)
        guard case .request(let request)? = try reader.record(1)?.entry,
            case .replies(let replies)? = try reader.record(2)?.entry
        else {
            Issue.record("no records")
            return
        }
        let text = try #require(request.statement?.text.shown)
        #expect(text.hasPrefix("SELECT '***', 'ghp_***' -- xxx"), "\(text.prefix(80))")
        #expect(text.hasSuffix("xxx[cut: 931 more octets]"), "\(text.suffix(80))")
        #expect(
            replies.replies.first?.execution?.parameters?.values.map { $0?.shown } == [
                "***", "ghp_***", "a *** b", String(long.prefix(512)) + "[cut: 88 more octets]", "abc",
            ]
        )
        #expect(try state.verifiedCount() == 2)
        for name in try FileManager.default.contentsOfDirectory(atPath: state.path)
        where name.hasPrefix("audit") {
            let data = try Data(contentsOf: URL(fileURLWithPath: state.path + "/" + name))
            for word in [secret, token] { #expect(data.range(of: Data(word.utf8)) == nil, "\(name)") }
        }
    }

    @Test("A request shows its statement, and its reply what it was executed with")
    func shown() throws {
        let state = try state([
            Self.statement("SELECT $1", 3, in: 1), Self.replies([(3, "SELECT 1", ["5"])]),
        ])
        let reader = try AuditReader(directory: state.path)
        let record = try #require(try reader.record(1))
        let text = try #require(ExchangeText(record, try reader.sequel(of: record))).text(
            TextStyle(isColoured: false)
        )
        #expect(
            text.contains("\n    SELECT $1\n") && text.contains("\n  in 1.042 ms\n  $1 = '5'\n"),
            "\(text)"
        )
    }
}
