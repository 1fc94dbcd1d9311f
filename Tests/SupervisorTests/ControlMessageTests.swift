import Client
import Model
import Supervisor
import Testing

@Suite("Control messages")
struct ControlMessageTests {
    private static let order = LaunchOrder(
        profile: .name("ci"),
        name: "builder",
        workspace: "/ws",
        workingDirectory: "/ws/sub",
        argv: ["make", "", "täst"],
        environment: ["A=1", "B="],
        terminal: TerminalSize(rows: 24, columns: 80)
    )

    private static let offers =
        [.variable("TOKEN")]
        + [IdentityToken("a.b.c")].compactMap(\.self).map { IdentityOffer.file("/t", $0) }
        + [IdentityAssertion("<a/>")].compactMap(\.self).map { IdentityOffer.assertion("/a", $0) }

    private static func offering(_ offer: IdentityOffer) -> LaunchOrder {
        var order = order
        order.identity = offer
        return order
    }

    private static let revocations: [ControlRequest] = [
        .revoke(
            RevocationOrder(
                subject: .principal("user:täst"),
                reason: "left",
                keepsRunning: true,
                time: Timestamp(milliseconds: 1_764_180_327_123)
            )
        ),
        .revoke(
            RevocationOrder(
                subject: .agent(AgentID(run: "7f", ordinal: 1)),
                reason: nil,
                keepsRunning: false,
                time: Timestamp(milliseconds: 0)
            )
        ),
    ]

    static let requests: [ControlRequest] =
        [
            .launch(order), .signal(15), .resize(TerminalSize(rows: 1, columns: 65_535)),
            .list(after: 1 << 40), .end(agent: "7f.1"), .listHeld(after: 7),
            .showHeld(id: "7f-1", from: 1 << 40), .name,
            .answer(
                ApprovalOrder(subject: .question("7f-1"), approves: true, life: .time(900_000), reason: "ok")
            ),
            .answer(ApprovalOrder(subject: .question("7f-1"), approves: true, life: .agent, reason: nil)),
            .answer(ApprovalOrder(subject: .question("7f-1"), approves: true, life: .once, reason: nil)),
            .answer(ApprovalOrder(subject: .rule("ci.yaml:4"), approves: false, reason: nil)),
            .listFleet(after: 1), .showFleet(id: "7f-1", from: 1 << 40),
            .answerFleet(ApprovalOrder(subject: .question("7f-1"), approves: true, life: .once, reason: nil)),
        ] + offers.map { .launch(offering($0)) } + revocations

    static let held = HeldSummary(
        kind: "launch",
        id: "7f-1",
        number: 1,
        principal: "user:alice",
        agent: "7f.1",
        lineage: ["ci (ci)", "test (ci)"],
        action: "POST /x",
        resource: "https://a.test",
        query: nil,
        command: ["sh", "-c", "x"],
        details: ["profile: x"],
        digest: "d",
        content: "c",
        octets: 1 << 40,
        type: "application/json",
        preview: "{}",
        rules: ["ci.yaml:4"],
        demands: ["ci asks by it"],
        life: "once",
        waited: 3,
        left: 4,
        waiting: 1,
        approvedBy: ["user:root"],
        told: ["https://hooks.example.com: told"],
        machine: "build"
    )

    static let replies: [ControlReply] = [
        .heard,
        .launched(agent: "7f.1"), .refused(code: 125, message: "no"), .exited(code: 3, note: nil),
        .exited(code: 124, note: "time limit"), .agents([], next: 1 << 40), .agents([], next: nil),
        .revoked(count: 3, failure: nil), .revoked(count: 0, failure: "no space left"),
        .held([held], next: 9), .held([], next: nil), .notice("one asks"),
        .answered(.done(2)), .answered(.seconded(missing: 1)), .answered(.unknown),
        .answered(.refused("late")),
        .answered(.unrecorded("no space left")), .whole(octets: [0, 255, 7], isLast: false),
        .whole(octets: [], isLast: true),
    ]

    @Test("What was sent is what is read", arguments: requests)
    func requestRoundTrip(request: ControlRequest) throws {
        #expect(try ControlRequest(bytes: request.bytes) == request)
    }

    @Test("What was answered is what is read", arguments: replies)
    func replyRoundTrip(reply: ControlReply) throws {
        #expect(try ControlReply(bytes: reply.bytes) == reply)
    }

    @Test("All of a launch is read as it was written, and nothing that is no such thing")
    func whole() throws {
        let long = String(repeating: "ä", count: 200_000)
        let whole = HeldWhole(command: ["sh", "-c", long, ""], details: ["profile: x"])
        #expect(try HeldWhole(bytes: whole.bytes) == whole)
        let cut: [[UInt8]] = [
            [], Array(whole.bytes.dropLast()), whole.bytes + [0], Array(whole.bytes.dropFirst()),
        ]
        for bytes in cut { #expect(throws: ControlError.self) { try HeldWhole(bytes: bytes) } }
    }

    private static func summary(_ argv: [String]) -> AgentSummary {
        AgentSummary(
            agent: "7f.1",
            parent: nil,
            name: "ci",
            profile: "ci",
            principal: "user:alice",
            spiffe: nil,
            age: 3,
            isRevoked: false,
            argv: argv
        )
    }

    @Test("A summary has all arguments that fit, and says how many more there are")
    func arguments() throws {
        let script = String(repeating: "x", count: 60_000)
        let whole = Self.summary(["sh", "-c", script])
        #expect(whole.argv == ["sh", "-c", script] && whole.omittedArguments == 0)
        let cut = Self.summary(["sh", "-c", script, script, "last"])
        #expect(cut.argv == ["sh", "-c", script] && cut.omittedArguments == 2)
        let long = Self.summary([String(repeating: "x", count: AgentSummary.maximumArguments)])
        #expect(long.argv.isEmpty && long.omittedArguments == 1)
        let reply = ControlReply.agents([whole, cut, long], next: 3)
        #expect(try ControlReply(bytes: reply.bytes) == reply)
    }

    @Test("An answer has as many summaries as a socket's buffer takes, and one at least")
    func answers() {
        let large = Self.summary([String(repeating: "x", count: 60_000)])
        for (summaries, count) in [
            ([], 0), ([large], 1), ([large, large, large], 2),
            (Array(repeating: Self.summary(["true"]), count: 100), 16),
        ] {
            let part = AgentSummary.part(of: summaries)
            #expect(part.count == count, "\(part.count)")
            #expect(ControlReply.agents(part, next: nil).bytes.count < 140 << 10)
        }
    }

    @Test("H14: a message cut short at any byte is refused", arguments: requests)
    func truncated(request: ControlRequest) {
        for count in 0..<request.bytes.count {
            #expect(throws: ControlError.self) {
                try ControlRequest(bytes: Array(request.bytes.prefix(count)))
            }
        }
    }

    @Test("H14: bytes left over are refused", arguments: requests)
    func leftOver(request: ControlRequest) {
        #expect(throws: ControlError.self) { try ControlRequest(bytes: request.bytes + [0]) }
    }

    @Test(
        "H14: NUL, bad UTF-8, negative and huge counts are refused",
        arguments: [
            [1, 0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 1, 0xFF], [1, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            [1, 0, 0x7F, 0xFF, 0xFF, 0xFF],
            [9], [],
        ] as [[UInt8]]
    )
    func garbage(bytes: [UInt8]) {
        #expect(throws: ControlError.self) { try ControlRequest(bytes: bytes) }
    }

    @Test("H14: no change of one byte traps")
    func mutations() {
        var read = 0
        for request in Self.requests {
            for index in request.bytes.indices {
                for bit in 0..<8 {
                    var bytes = request.bytes
                    bytes[index] ^= 1 << UInt8(bit)
                    if (try? ControlRequest(bytes: bytes)) != nil { read += 1 }
                }
            }
        }
        #expect(read > 0)
    }
}
