import Model
import Policy
import Testing

struct WebSocketTests {
    private static let path = "/live/a"

    private static func asked(_ path: String = path) throws -> Request {
        let name = try #require(DNSName("allowed.test"))
        return Request(
            endpoint: Endpoint(scheme: .https, host: .name(name), port: 443),
            action: .webSocket(path: path, query: nil)
        )
    }

    struct Case: Sendable {
        var allow: [String] = []
        var ask: [String] = []
        var deny: [String] = []
        let effect: Effect
    }

    @Test(
        "C32: only its own word lets a WebSocket pass; what keeps a GET of its path away keeps it away too",
        arguments: [
            Case(allow: ["websocket"], effect: .allow), Case(allow: ["websocket /live/*"], effect: .allow),
            Case(allow: ["websocket /other"], effect: .deny), Case(allow: ["GET"], effect: .deny),
            Case(allow: ["*"], effect: .deny), Case(allow: ["* /live/**"], effect: .deny),
            Case(allow: ["websocket"], deny: ["GET /live/**"], effect: .deny),
            Case(allow: ["websocket"], deny: ["* /live/a"], effect: .deny),
            Case(allow: ["websocket"], deny: ["websocket /live/a"], effect: .deny),
            Case(allow: ["websocket"], deny: ["POST /live/**"], effect: .allow),
            Case(allow: ["websocket"], deny: ["GET /other"], effect: .allow),
            Case(allow: ["websocket"], ask: ["GET"], effect: .ask),
        ]
    )
    func decided(row: Case) throws {
        let given = rule("allowed.test", allow: row.allow, ask: row.ask, deny: row.deny)
        #expect(decide(lineage(profile("p", given)), try Self.asked())?.effect == row.effect)
    }

    @Test("An encoded slash is read both ways by a deny, for a WebSocket as for any request")
    func readings() throws {
        let given = rule("allowed.test", allow: ["websocket"], deny: ["websocket /live/*"])
        #expect(decide(lineage(profile("p", given)), try Self.asked("/live%2Fa"))?.effect == .deny)
        #expect(decide(lineage(profile("p", given)), try Self.asked("/live"))?.effect == .allow)
    }

    @Test("A rule for WebSockets says nothing of other requests")
    func others() {
        let given = rule("allowed.test", allow: ["websocket"], deny: ["websocket /x"])
        let policy = lineage(profile("p", given))
        #expect(decide(policy, request("GET", "allowed.test", "/live"))?.effect == .deny)
        let open = lineage(profile("p", rule("allowed.test", allow: ["GET"], deny: ["websocket"])))
        #expect(decide(open, request("GET", "allowed.test", "/live"))?.effect == .allow)
    }

    @Test(
        "G02: a child's WebSockets are covered by its parent's alone",
        arguments: [
            (["websocket /a"], ["websocket /**"], false), (["websocket /a"], ["websocket /a"], false),
            (["websocket /**"], ["websocket /a"], true), (["websocket /a"], ["*"], true),
            (["websocket /a"], ["GET /a"], true), (["GET /a"], ["websocket"], true),
            (["*"], ["websocket", "*"], false),
        ]
    )
    func covered(child: [String], parent: [String], isWider: Bool) throws {
        let mine = Profile(name: "child", egress: [try #require(rule("allowed.test", allow: child))])
        let theirs = Profile(name: "parent", egress: [try #require(rule("allowed.test", allow: parent))])
        #expect(excess(of: mine, over: theirs).isEmpty == !isWider)
    }
}
