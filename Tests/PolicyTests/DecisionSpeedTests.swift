import Foundation
import Model
import Policy
import TestSupport
import Testing

/// What one decision costs, in figures that are printed and that nothing is asserted about.
@Suite(
    .serialized,
    .enabled(
        if: ProcessInfo.processInfo.environment["BAILEY_BENCH"] == "decide",
        "needs BAILEY_BENCH=decide, which make bench-decide sets"
    )
)
struct DecisionSpeedTests {
    private static let levels = 8
    private static let hosts = 250
    /// Rules of each host; with them a profile has 1,000.
    private static let rulesPerHost = 4

    /// One action: its text, and what Profiles makes of what stands behind the path.
    private static func action(
        _ text: String,
        _ conditions: (inout Conditions) -> Void = { _ in }
    ) throws -> ActionPattern {
        let plain = PolicyTests.action(text)
        var pattern = try #require(plain)
        var made = Conditions()
        conditions(&made)
        pattern.forms[0].conditions = made == .none ? nil : made
        return pattern
    }

    private static func member(_ pointer: String, _ value: String) throws -> MemberCondition {
        MemberCondition(pointer: try #require(JSONPointer(pointer)), value: .string(WordGlob(value)))
    }

    /// What the rules of one host say.
    private static func bodies(_ to: HostPattern) throws -> [EgressRule] {
        let chat = (try member("/model", "gpt-*"), try member("/tools/0/type", "exec"))
        let query = QueryCondition(
            parameters: ["q", "page"].map { .init(name: Array($0.utf8), value: WordGlob("*")) },
            isOpen: false
        )
        let paths = EgressRule(
            to: to,
            allow: [
                try action("GET /repos/acme/**"), try action("HEAD /repos/acme/**"),
                try action("GET /search") { $0.query = query },
            ],
            deny: [try action("* /repos/*/*/actions/secrets/**")],
            credential: "service",
            source: "p.yaml:1"
        )
        let files = EgressRule(
            to: to,
            allow: [
                try action("POST /files/**") { $0.size = .atMost(1 << 20) },
                try action("PUT /files/*/parts/*"),
            ],
            ask: [try action("DELETE /files/**")],
            deny: [try action("PUT /files/**/.git/*")],
            source: "p.yaml:2"
        )
        let chats = EgressRule(
            to: to,
            allow: [
                try action("POST /v1/chat") {
                    $0.members = [chat.0]
                    $0.size = .atMost(4 << 20)
                }
            ],
            deny: [try action("POST /v1/chat") { $0.members = [chat.1] }],
            source: "p.yaml:3"
        )
        let calls = EgressRule(
            to: to,
            allow: try ["Get*", "List*"].map { name in
                try action("POST /acme.Orders/\(name)") { $0.kind = .call }
            },
            deny: [try action("POST /acme.Orders/*Secret*") { $0.kind = .call }],
            source: "p.yaml:4"
        )
        return [paths, files, chats, calls]
    }

    private static func profile(_ level: Int) throws -> Profile {
        let egress = try (0..<hosts).flatMap { host in
            let name = host % 5 == 4 ? "*.zone-\(host).example.com" : "api-\(host).example.com"
            return try bodies(HostPattern(scheme: .https, hosts: try #require(pattern(name)), port: 443))
        }
        return Profile(name: "level-\(level)", egress: egress)
    }

    private static func request(
        _ method: String,
        _ host: String,
        _ target: String,
        json: String? = nil,
        isCall: Bool = false
    ) throws -> Request {
        let (path, query) = URLQuery.cut(target)
        var request = Request(
            endpoint: Endpoint(scheme: .https, host: .name(try #require(DNSName(host))), port: 443),
            action: .http(method: method, path: String(path), query: query.map(String.init))
        )
        if isCall { request.kind = .call }
        guard let json else { return request }
        var walker = JSONWalker(try ["/model", "/tools/0/type"].map { try #require(JSONPointer($0)) })
        walker.read(Array(json.utf8).span.bytes)
        request.body.length = UInt64(json.utf8.count)
        request.body.json = walker.finish()
        return request
    }

    @Test func `One decision by 1,000 rules at each of eight levels`() throws {
        let profiles = try (0..<Self.levels).map(Self.profile)
        #expect(profiles.allSatisfy { $0.egress.count == Self.hosts * Self.rulesPerHost })
        let hops = profiles.enumerated().map {
            Hop(
                agent: AgentID(run: "0a0b0c0d", ordinal: $0 + 1),
                name: $1.name,
                profile: $1.name,
                profileDigest: ""
            )
        }
        let root = Lineage(
            principal: Principal(localUser: "alice", uid: 1000),
            root: try #require(hops.first)
        )
        let lineage = hops.dropFirst().reduce(root) { $0.child($1) }
        let policy = try #require(
            LineagePolicy(lineage: lineage, levels: profiles.map { CompiledPolicy($0) })
        )
        let requests: [(String, Request, Effect)] = [
            ("a path", try Self.request("GET", "api-120.example.com", "/repos/acme/app/pulls/17"), .allow),
            (
                "a path, below *.", try Self.request("GET", "eu.zone-124.example.com", "/repos/acme/app"),
                .allow
            ),
            ("a query", try Self.request("GET", "api-7.example.com", "/search?q=swift%20nio&page=2"), .allow),
            ("a size", try Self.request("POST", "api-200.example.com", "/files/a/b/c"), .allow),
            (
                "a member",
                try Self.request("POST", "api-33.example.com", "/v1/chat", json: #"{"model":"gpt-4"}"#),
                .allow
            ),
            (
                "a call", try Self.request("POST", "api-61.example.com", "/acme.Orders/GetOne", isCall: true),
                .allow
            ),
            (
                "denied by a rule",
                try Self.request("GET", "api-8.example.com", "/repos/a/b/actions/secrets/c"), .deny
            ),
            ("no rule", try Self.request("GET", "api-8.example.com", "/other"), .deny),
            ("no host", try Self.request("GET", "elsewhere.example.org", "/"), .deny),
        ]
        for (name, request, expected) in requests {
            var rounds: [Double] = []
            for _ in 0..<7 {
                let count = 20_000
                let start = processorSeconds()
                for _ in 0..<count {
                    switch policy.decide(request) {
                    case .allow: if expected != .allow { Issue.record("\(name) is allowed") }
                    case .ask: if expected != .ask { Issue.record("\(name) is asked") }
                    case .deny: if expected == .allow { Issue.record("\(name) is denied") }
                    case .read: Issue.record("\(name) is not decided")
                    }
                }
                rounds.append((processorSeconds() - start) * 1e6 / Double(count))
            }
            let median = rounds.sorted()[rounds.count / 2]
            print("bench-decide: \(name): \((median * 100).rounded() / 100) µs")
        }
    }
}
