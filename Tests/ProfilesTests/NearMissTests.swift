import Model
import Policy
import Profiles
import Testing

/// What a refusal says where rules have the request's method and path, and it does not meet their conditions.
struct NearMissTests {
    private static func denial(_ profile: Profile, _ request: Request) throws -> Denial? {
        let hop = Hop(
            agent: AgentID(run: "0a0b0c0d", ordinal: 1),
            name: "ci",
            profile: "ci",
            profileDigest: ""
        )
        let lineage = Lineage(principal: Principal(localUser: "alice", uid: 1), root: hop)
        let policy = try #require(LineagePolicy(lineage: lineage, levels: [CompiledPolicy(profile)]))
        guard case .deny(let refusal) = policy.decide(request) else { return nil }
        return refusal.denial
    }

    @Test(
        "A condition that is not met is named, with the rule, and the advice keeps it",
        arguments: [
            (
                ["POST /v1 body /model = \"small-*\""], "{\"model\":\"big\"}",
                "the body's /model is not as it says"
            ),
            (["POST /v1 body /model = \"small-*\""], "{}", "the body has nothing at /model"),
            (
                ["POST /v1 body /model = \"small-*\""], "[",
                "the body is not plain JSON with one value at /model"
            ),
            (["POST /v1 body /stream = false"], "{\"stream\":true}", "the body's /stream is not as it says"),
            (["POST /v1 body <= 4B"], "{\"a\":1}", "the body has 7 octets"),
            (["POST /v1?q=*"], "{}", "the query is not as it says"),
            (
                ["POST /v1?q=*", "POST /v1?page=1"], "{}",
                "https://a.test: allow POST /v1?q=* (t.yaml:2) comes nearest"
            ),
            (
                ["POST /v1 body /model = \"m\" and body <= 1B", "POST /v1 body <= 2B"], "{\"model\":\"b\"}",
                "allow POST /v1 body <= 2B (t.yaml:2) comes nearest"
            ),
            (
                ["POST /v1 body /model = \"m\" and body <= 1B"], "{\"model\":\"b\"}",
                "but the body has 13 octets, and the body's /model is not as it says"
            ),
            (["grpc v1/Get"], "{}", nil), (["POST /v2 body <= 1B"], "{}", nil),
        ] as [([String], String, String?)]
    )
    func named(rules: [String], body: String, part: String?) throws {
        let request = try ConditionTests.request("/v1?page=2", method: "POST", json: body)
        let denial = try #require(try Self.denial(ConditionTests.profile(allow: rules), request))
        #expect(denial.reason == .noRule)
        #expect(denial.message.contains(part ?? "no rule of agent \"ci\" (profile \"ci\") allows it"))
        #expect(denial.message.contains("comes nearest") == (part != nil), "\(denial.message)")
        #expect(denial.remedy.contains("let the condition of that rule") == (part != nil), "\(denial.remedy)")
        #expect(denial.remedy.contains("add an egress rule for POST https://a.test/v1;") == (part == nil))
    }

    @Test("A call of gRPC is named as one, and a request that is none is told so")
    func calls() throws {
        let rule = try ConditionTests.profile(allow: ["grpc a.B/Get"])
        let plain = try ConditionTests.request("/a.B/Get", method: "POST", length: 1)
        let told = try #require(try Self.denial(rule, plain))
        #expect(told.message.contains("but this is no gRPC call (content type application/grpc)"), "\(told)")
        let call = try ConditionTests.request("/a.B/Put", method: "POST", length: nil, isCall: true)
        let denial = try #require(try Self.denial(rule, call))
        #expect(denial.message.hasPrefix("grpc https://a.test/a.B/Put is not allowed: no rule"), "\(denial)")
        #expect(denial.remedy.contains("add an egress rule for grpc https://a.test/a.B/Put;"), "\(denial)")
    }

    @Test("Options of a push need a rule without a ref, and nobody is told to write a rule that there is not")
    func options() throws {
        let rules = try ConditionTests.profile(allow: ["git push /x refs/heads/*"])
        let push = try RequestText.parse("git push -o https://a.test/x refs/heads/a")
        for profile in [rules, try ConditionTests.profile(allow: ["git push /y"])] {
            let denial = try #require(try Self.denial(profile, push))
            #expect(denial.message.hasPrefix("git push -o https://a.test/x refs/heads/a is not allowed"))
            #expect(denial.remedy.contains("add an egress rule for git push https://a.test/x"), "\(denial)")
        }
        let near = try #require(try Self.denial(rules, push))
        #expect(near.message.contains("but a push with options needs a rule without a ref"), "\(near)")
        #expect(near.remedy.contains("git push https://a.test/x, without a ref;"), "\(near)")
        let other = try RequestText.parse("git push https://a.test/x refs/tags/v1")
        let message = try Self.denial(rules, other)?.message
        #expect(message?.contains("comes nearest, but it means other refs") == true, "\(message ?? "")")
    }
}
