import Model
import Policy
import Profiles
import TestSupport
import Testing

/// git's verbs, from their text to the decision.
struct GitTests {
    /// A request as `explain` takes it, or `RAW METHOD TARGET` for one that only its path and query make git's.
    private static func request(_ text: String) throws -> Request {
        guard text.hasPrefix("RAW ") else {
            return try RequestText.parse(text.replacing("HOST", with: "https://a.test"))
        }
        let words = text.split(separator: " ").map(String.init)
        var request = try ConditionTests.request(words[2], method: words[1], length: nil)
        if words.count > 3 { request.body.push = GitPush(words.dropFirst(3).map { GitPush.Update(ref: $0) }) }
        return request
    }

    private static func decide(
        _ text: String,
        allow: [String] = [],
        ask: [String] = [],
        deny: [String] = []
    ) throws -> String {
        try ConditionTests.decide(
            [ConditionTests.profile(allow: allow, ask: ask, deny: deny)],
            request(text)
        )
    }

    @Test(
        "D06: git fetch allows the requests of a fetch of that repository, and none of a push",
        arguments: [
            ("git fetch HOST/acme/x.git", "allow"), ("RAW GET /acme/x.git/info/refs", "deny"),
            ("RAW POST /acme/x.git/git-upload-pack", "deny"), ("git fetch HOST/acme/x", "deny"),
            ("git fetch HOST/acme/y.git", "deny"), ("git fetch HOST/acme/x.git/y", "deny"),
            ("git push HOST/acme/x.git", "deny"), ("git push HOST/acme/x.git refs/heads/main", "deny"),
            ("RAW POST /acme/x.git/git-receive-pack", "deny"),
            ("RAW GET /acme/x.git/objects/info/packs", "deny"), ("GET HOST/acme/x.git", "deny"),
        ]
    )
    func fetch(request: String, verdict: String) throws {
        #expect(try Self.decide(request, allow: ["git fetch /acme/x.git"]) == verdict)
        #expect(try Self.decide(request, allow: ["git fetch /acme/x.git", "git push /b.git"]) == verdict)
    }

    @Test(
        "D06: git push allows the named refs of that repository, and every ref of several has to be allowed",
        arguments: [
            ("git push HOST/acme/x.git refs/heads/agent/a", "allow"), ("git push HOST/acme/x.git", "allow"),
            ("git push HOST/acme/x.git :refs/heads/agent/a", "allow"),
            ("git push HOST/acme/x.git refs/heads/agent/a refs/tags/v1", "allow"),
            ("git push HOST/acme/x.git refs/heads/agent/a/b", "deny"),
            ("git push HOST/acme/x.git refs/heads/main", "deny"),
            ("git push HOST/acme/x.git refs/heads/agent/a refs/heads/main", "deny"),
            ("git push HOST/acme/x.git refs/heads/main refs/heads/agent/a", "deny"),
            ("git push HOST/acme/y.git refs/heads/agent/a", "deny"),
            ("git push -o HOST/acme/x.git refs/heads/agent/a", "deny"),
            ("git fetch HOST/acme/x.git", "deny"), ("POST HOST/acme/x.git/git-receive-pack", "deny"),
        ]
    )
    func push(request: String, verdict: String) throws {
        let rules = ["git push /acme/x.git refs/heads/agent/*", "git push /acme/x.git refs/tags/**"]
        #expect(try Self.decide(request, allow: rules) == verdict)
        #expect(try Self.decide(request, allow: rules.reversed()) == verdict)
        #expect(try Self.decide(request, allow: rules + ["git push /acme/z.git"]) == verdict)
    }

    @Test("A rule without a ref allows every ref, and options")
    func everyRef() throws {
        for request in [
            "git push HOST/a/b refs/heads/main", "git push -o HOST/a/b refs/x refs/y", "git push HOST/a/b",
        ] {
            for rule in ["git push", "git push /a/**", "git push /a/b"] {
                #expect(try Self.decide(request, allow: [rule]) == "allow")
            }
            #expect(try Self.decide(request, allow: ["git push /b"]) == "deny")
        }
        #expect(try Self.decide("git push HOST refs/heads/a", allow: ["git push /"]) == "allow")
        #expect(try Self.decide("git push HOST/x refs/heads/a", allow: ["git push /"]) == "deny")
    }

    @Test(
        "D06: one denied ref denies the push, whatever else it changes; of an ask the same",
        arguments: [
            ("git push HOST/a/x.git refs/heads/b", "allow"), ("git push HOST/a/x.git refs/heads/main", "no"),
            ("git push HOST/a/x.git :refs/heads/main", "no"),
            ("git push HOST/a/x.git refs/heads/b refs/heads/main", "no"),
            ("git push -o HOST/a/x.git refs/heads/main", "no"),
            // The opening says nothing of refs.
            ("git push HOST/a/x.git", "allow"), ("git fetch HOST/a/x.git", "allow"),
            // What servers take for the same repository.
            ("git push HOST/a/x refs/heads/main", "no"), ("git push HOST/a/x/.git refs/heads/main", "no"),
            ("RAW POST /a/x.git/git-receive-pack refs/heads/main", "no"),
            ("RAW POST /a/x.git%2Fgit-receive-pack refs/heads/main", "no"),
            ("RAW POST /a/x.git/git-receive-pack?x refs/heads/main", "no"),
            ("git push HOST/a/y.git refs/heads/main", "allow"),
            ("git push HOST/a/x.gits refs/heads/main", "allow"),
        ]
    )
    func denied(request: String, verdict: String) throws {
        let deny = ["git push /a/x.git refs/heads/main"]
        for allow in [["git push", "git fetch", "*"], ["*"]] {
            #expect(
                try Self.decide(request, allow: allow, deny: deny) == (verdict == "no" ? "deny" : verdict)
            )
            #expect(try Self.decide(request, allow: allow, ask: deny) == (verdict == "no" ? "ask" : verdict))
        }
    }

    @Test(
        "D06: a denied verb is denied from its opening on, in any spelling of the query",
        arguments: [
            ("git push", "RAW GET /x.git/info/refs?service=git-receive-pack", "deny"),
            ("git push", "RAW GET /x.git/info/refs?service=git-upload-pack&service=git-receive-pack", "deny"),
            ("git push", "RAW GET /x.git/info/refs?Service=git%2Dreceive-pack", "deny"),
            ("git push", "RAW GET /x.git/info/refs?a;service=git-receive-pack", "deny"),
            ("git push", "RAW POST /x.git/git-receive-pack", "deny"),
            ("git push", "RAW GET /x.git/info/refs?service=git-upload-pack", "allow"),
            ("git push /x", "git push HOST/x.git", "deny"), ("git push /x.git", "git push HOST/x", "deny"),
            ("git push /y", "git push HOST/x", "allow"),
            // A working tree's own repository, which a server finds by the tree's path and by this one.
            ("git push /a/*", "git push HOST/a/x/.git", "deny"),
            ("git push /a/x-*", "git push HOST/a/x-y.git/.git", "deny"),
            ("git push /a/x", "git push HOST/a/x.git/.git", "deny"),
            ("git push /a/*", "git push HOST/a/x/y", "allow"),
            ("git fetch", "RAW GET /x.git/info/refs?service=git-upload-pack", "deny"),
            ("git fetch", "RAW POST /x.git/git-upload-pack", "deny"),
            ("git fetch", "RAW POST /x.git/git-receive-pack", "allow"),
        ]
    )
    func verbs(denied: String, request: String, verdict: String) throws {
        #expect(try Self.decide(request, allow: ["*"], deny: [denied]) == verdict)
    }

    @Test("Nothing is read of a push where its head decides it, and its list where a ref does")
    func reading() throws {
        var request = try Self.request("git push HOST/x.git refs/heads/a")
        request.body.push = nil
        for (allow, deny, outcome) in [
            (["git push /x.git refs/heads/a"], [], "read"), (["git push"], [], "read"), (["*"], [], "allow"),
            (["*"], ["git push /x.git refs/heads/b"], "read"), (["git push"], ["POST"], "deny"),
            (["git push /y.git"], [], "deny"), (["git fetch"], [], "deny"), (["*", "git push"], [], "allow"),
            (["*"], ["git push /y.git refs/heads/b"], "allow"),
        ] as [([String], [String], String)] {
            let profile = try ConditionTests.profile(allow: allow, deny: deny)
            #expect(try ConditionTests.decide([profile], request) == outcome, "\(allow) \(deny)")
        }
    }

    @Test("D06: each level of the lineage has to allow each ref")
    func lineage() throws {
        let parent = try ConditionTests.profile(
            "p",
            allow: ["git push /x refs/heads/a", "git push /x refs/heads/b"]
        )
        let child = try ConditionTests.profile("c", allow: ["git push /x refs/heads/**"])
        for (refs, verdict) in [
            ("refs/heads/a refs/heads/b", "allow"), ("refs/heads/a refs/heads/c", "deny"),
        ] {
            let request = try Self.request("git push HOST/x \(refs)")
            #expect(try ConditionTests.decide([parent, child], request) == verdict)
        }
    }

    @Test(
        "G02: a child's verbs are no wider than its parent's",
        arguments: [
            ("git fetch /a/x", "git fetch /a/*", true), ("git fetch /a/*", "git fetch /a/x", false),
            ("git fetch /a/x", "git push /a/x", false), ("git push /a/x", "git fetch", false),
            ("git fetch", "*", true), ("git push /a/x refs/heads/b", "* /a/**", true),
            ("git push /a/x", "POST /a/**", false), ("git fetch /a/x", "GET /**", false),
            ("git push /a/x refs/heads/b", "git push /a/x", true),
            ("git push /a/x", "git push /a/x refs/**", false),
            ("git push /a/x refs/heads/b", "git push /a/x refs/heads/*", true),
            ("git push /a/x refs/heads/**", "git push /a/x refs/heads/*", false),
            ("git push /a/x refs/heads/b", "git push /a/x refs/heads/c", false),
            ("git push /a/x.git", "git push /a/x", false),
            ("POST /a/x/git-receive-pack", "git push /a/x", false),
            ("GET /a/x/info/refs?service=git-upload-pack", "git fetch /a/x", false),
            ("grpc a.B/C", "git push", false),
        ]
    )
    func excess(child: String, parent: String, isWithin: Bool) throws {
        let found = Policy.excess(
            of: try ConditionTests.profile("c", allow: [child]),
            over: try ConditionTests.profile("p", allow: [parent])
        )
        #expect(found.isEmpty == isWithin, "\(found)")
        #expect(isWithin || found.count == 1, "one line for a verb, whatever it means: \(found)")
        let asking = Policy.excess(
            of: try ConditionTests.profile("c", ask: [child]),
            over: try ConditionTests.profile("p", ask: [parent])
        )
        #expect(asking.isEmpty == isWithin)
    }

    @Test(
        "What is no verb is refused with the form that is",
        arguments: [
            ("git", "git fetch /REPOSITORY"), ("git *", "git fetch /REPOSITORY"),
            ("git pull /x", "git fetch"),
            ("git fetch /x refs/heads/a", "git fetch /REPOSITORY"),
            ("git push /x refs/a refs/b", "not a verb"),
            ("git push  /x", "not a verb"), ("git push /x main", "refs/heads/main"), ("git fetch x", "/x"),
            ("git push /x refs/heads/%41", "not encoded"), ("git push /x refs/heads/a**", "whole segment"),
            ("git push /x refs//heads", "normal form"), ("git fetch /x/", "ends with a slash"),
            ("git fetch /a/../x", "normal form"), ("git fetch /x?service=a", "queries"),
            ("git fetch /\(String(repeating: "a", count: 1_020))", "too long"),
            ("gti fetch /x", "with one space"), ("Git fetch", "unknown method"), ("fetch", "unknown method"),
        ]
    )
    func problems(text: String, says: String) {
        for effect in [Effect.allow, .deny] {
            let problem = #expect(throws: TextProblem.self) {
                try ActionText.action(text, scheme: .https, effect: effect, source: "t.yaml:2")
            }
            #expect(
                problem.map { $0.message.contains(says) || $0.suggestion?.contains(says) == true } == true,
                "\(problem?.message ?? "") \(problem?.suggestion ?? "")"
            )
        }
        #expect(throws: TextProblem.self) {
            try ActionText.action(text, scheme: .tls, effect: .allow, source: "t.yaml:2")
        }
    }

    @Test(
        "A request is written and told as git's",
        arguments: [
            ("git fetch https://a.test/x.git", "git fetch /x.git"),
            ("git fetch https://a.test", "git fetch /"),
            ("git push https://a.test/x.git/ refs/heads/a", "git push /x.git refs/heads/a"),
            ("git push -o https://a.test/x refs/heads/a :refs/b", "git push -o /x refs/heads/a :refs/b"),
            ("git push https://a.test:1/x", "git push /x"),
            ("GET https://a.test/x/info/refs", "GET /x/info/refs"),
        ]
    )
    func told(text: String, summary: String) throws {
        #expect(try RequestText.parse(text).summary == summary)
    }

    @Test(
        "What is no request of git's is refused",
        arguments: [
            "git", "git fetch", "git pull https://a.test/x", "git push https://a.test/x main",
            "git fetch https://a.test/x refs/heads/a", "git fetch -o https://a.test/x", "git push -o",
            "git fetch https://a.test/x?a", "git fetch tls://a.test", "git fetch a.test/x",
        ]
    )
    func bad(text: String) {
        #expect(throws: TextProblem.self) { try RequestText.parse(text) }
    }

    @Test("A refusal names the ref that nothing allows, or the rule that denies one")
    func words() throws {
        let hop = Hop(
            agent: AgentID(run: "0a0b0c0d", ordinal: 1),
            name: "ci",
            profile: "ci",
            profileDigest: ""
        )
        let profile = try ConditionTests.profile(
            "ci",
            allow: ["git push /x refs/heads/a", "git push /x refs/heads/b"],
            deny: ["git push /x refs/heads/b"]
        )
        let lineage = Lineage(principal: Principal(localUser: "alice", uid: 1), root: hop)
        let policy = try #require(LineagePolicy(lineage: lineage, levels: [CompiledPolicy(profile)]))
        func message(_ refs: String) throws -> String {
            guard case .deny(let refusal) = policy.decide(try Self.request("git push HOST/x \(refs)")) else {
                return ""
            }
            return refusal.denial.message
        }
        #expect(
            try message("refs/heads/a refs/heads/c").hasPrefix(
                "git push https://a.test/x refs/heads/c is not allowed: no rule of agent \"ci\""
            )
        )
        #expect(
            try message("refs/heads/a refs/heads/b").hasPrefix(
                "git push https://a.test/x refs/heads/a refs/heads/b is denied by the rule "
                    + "https://a.test: deny git push /x refs/heads/b (t.yaml:2)"
            )
        )
        let many = (0..<40).map { "refs/heads/n\($0)" }.joined(separator: " ")
        #expect(try message(many).contains("refs/heads/n31 and 8 more is not allowed"))
    }

    @Test("What rules for refs may cost is counted, and many of them are refused")
    func cost() throws {
        func rule(_ count: Int, deny: Bool) throws -> EgressRule {
            let texts = (0..<count).map { "git push /acme/app\($0).git refs/heads/agent/*" }
            return try #require(
                try ConditionTests.profile(allow: deny ? [] : texts, deny: deny ? texts : []).egress.first
            )
        }
        #expect(DecisionWork.firstExcessive(in: [try rule(60, deny: false)]) == nil)
        #expect(DecisionWork.firstExcessive(in: [try rule(25, deny: true)]) == nil)
        #expect(DecisionWork.firstExcessive(in: [try rule(4_000, deny: false)]) == 0)
    }
}

/// What a child may push, its parent may.
struct GitPropertyTests {
    private static let refs = [
        "refs/heads/a", "refs/heads/b", "refs/heads/a/b", "refs/tags/a", "refs/heads/ab",
    ]
    private static let globs = [
        "refs/heads/a", "refs/heads/*", "refs/heads/a*", "refs/**", "refs/tags/*", "refs/heads/**",
    ]

    private static func action(_ random: inout SplitMix) -> String {
        let repository = random.pick(["/x", "/*", "/x.git", "/**"])
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return "git fetch \(repository)"
        case 1: return "git push \(repository)"
        case 2: return random.pick(["*", "POST /**", "GET"])
        default: return "git push \(repository) \(random.pick(globs))"
        }
    }

    private static func request(_ random: inout SplitMix) throws -> Request {
        let repository = random.pick(["x", "x.git", "y"])
        let count = Int.random(in: 0..<4, using: &random)
        let names = (0..<count).map { _ in random.pick(refs) }.joined(separator: " ")
        let verb = random.pick(["git push", "git push", "git push -o", "git fetch"])
        return try RequestText.parse(
            "\(verb) https://a.test/\(repository) \(verb == "git fetch" ? "" : names)"
        )
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `G02: where a child's verbs are no wider, whatever it may push its parent may`(seed: UInt64) throws {
        try Attenuation.compare(seed, children: [2], Self.action, Self.request)
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `D06: a push is allowed just where each of its refs alone is, and denied where one is`(
        seed: UInt64
    ) throws {
        var random = SplitMix(seed)
        var several = [0, 0]
        for _ in 0..<3_000 {
            let profile = try ConditionTests.profile(
                allow: (0..<3).map { _ in Self.action(&random) },
                deny: random.next() % 3 == 0 ? [Self.action(&random)] : []
            )
            let request = try Self.request(&random)
            guard let push = request.body.push, push.updates.count > 1 else { continue }
            let alone = try push.updates.map { update in
                var one = request
                one.body.push = GitPush([update], hasOptions: push.hasOptions)
                return try ConditionTests.decide([profile], one)
            }
            let isAllowed = try ConditionTests.decide([profile], request) == "allow"
            #expect(isAllowed == alone.allSatisfy { $0 == "allow" }, "\(request) \(profile.egress)")
            several[isAllowed ? 1 : 0] += 1
        }
        #expect(several.allSatisfy { $0 > 50 }, "\(several)")
    }
}
