import Model
import Policy
import Testing

struct LineageTests {
    private let wide = profile("root", rule("a.test", allow: ["*"]), rule("b.test", allow: ["*"]))

    @Test("G04: a grandchild may not use a rule that only its parent has, and every level is on record")
    func grandchild() throws {
        let policy = lineage(
            wide,
            profile("child", rule("a.test", allow: ["GET"])),
            profile("leaf", rule("b.test", allow: ["GET"]))
        )
        let outcome = try #require(decide(policy, request("GET", "b.test", "/x")))
        #expect(outcome.effect == .deny)
        #expect(outcome.levels.map(\.effect) == [.allow, .deny, .allow])
        #expect(outcome.levels.map(\.profile) == ["root", "child", "leaf"])
        #expect(outcome.denial?.decidedBy?.name == "child-agent")
        let message = try #require(outcome.denial?.message)
        #expect(message.contains("GET https://b.test/x"))
        #expect(message.contains("ancestor \"child-agent\" (profile \"child\")"))
        let remedy = try #require(outcome.denial?.remedy)
        #expect(remedy.contains("user:alice") && remedy.contains("profile \"child\""))
    }

    @Test("Recordings add up: what one level demands holds for all below it")
    func recordings() throws {
        func recorded(_ levels: Recording...) throws -> Recording? {
            let profiles = levels.map { Profile(name: "p", egress: wide.egress, recording: $0) }
            let hops = profiles.indices.map {
                Hop(
                    agent: AgentID(run: "0a0b0c0d", ordinal: $0 + 1),
                    name: "a",
                    profile: "p",
                    profileDigest: ""
                )
            }
            let root = Lineage(principal: Principal(localUser: "alice", uid: 1000), root: hops[0])
            let lineage = hops.dropFirst().reduce(root) { $0.child($1) }
            let policy = LineagePolicy(lineage: lineage, levels: profiles.map { CompiledPolicy($0) })
            let sought = try #require(request("GET", "a.test", "/x"))
            guard case .allow(let permit) = policy?.decide(sought) else { return nil }
            return permit.obligations.recording
        }
        #expect(try recorded(.metadata) == .metadata && recorded(.full) == .full)
        #expect(try recorded(.full, .metadata) == .full && recorded(.metadata, .metadata, .full) == .full)
        #expect(try recorded(.metadata, .metadata) == .metadata)
        let full = Profile(name: "p", recording: .full)
        #expect(
            excess(of: Profile(name: "p"), over: full).isEmpty
                && excess(of: full, over: Profile(name: "p")).isEmpty
        )
    }

    @Test("G03: an ancestor's deny and ask hold for all its descendants")
    func denyIsInherited() throws {
        let root = profile("root", rule("a.test", allow: ["*"], ask: ["DELETE"], deny: ["* /admin/**"]))
        let policy = lineage(
            root,
            profile("child", rule("a.test", allow: ["*"])),
            profile("leaf", rule("a.test", allow: ["*"]))
        )
        let denied = try #require(decide(policy, request("GET", "a.test", "/admin/x")))
        #expect(denied.effect == .deny)
        #expect(denied.denial?.reason == .denied)
        #expect(
            denied.denial?.rule == RuleReference(text: "https://a.test: deny * /admin/**", source: "t.yaml:2")
        )
        #expect(denied.denial?.message.contains("t.yaml:2") == true)
        let asked = try #require(decide(policy, request("DELETE", "a.test", "/x")))
        #expect(asked.effect == .ask)
        #expect(asked.denial?.reason == .approvalNeeded)
        #expect(asked.demands.map(\.hop.profile) == ["root"])
        #expect(decide(policy, request("GET", "a.test", "/x"))?.effect == .allow)
    }

    @Test("Every rule of every level that asks has to be answered, also where a level below allows")
    func asksAddUp() throws {
        let policy = lineage(
            profile("root", rule("a.test", ask: ["GET"]), rule("a.test", ask: ["* /x"])),
            profile("child", rule("a.test", allow: ["*"])),
            profile("leaf", rule("a.test", allow: ["*"], ask: ["GET /x"]))
        )
        let both = try #require(decide(policy, request("GET", "a.test", "/x")))
        #expect(both.effect == .ask && both.demands.map(\.hop.profile) == ["root", "root", "leaf"])
        let one = try #require(decide(policy, request("GET", "a.test", "/y")))
        #expect(one.effect == .ask && one.demands.map(\.rule.text) == ["https://a.test: ask GET"])
        // What nobody asks about, nobody asks for.
        #expect(decide(policy, request("POST", "a.test", "/y"))?.effect == .deny)
    }

    @Test("A child may allow what its parent asks about: that is no wider, and the parent's rule still asks")
    func elevation() {
        let parent = profile("parent", rule("a.test", allow: ["GET /**"], ask: ["POST /a/**"]))
        let child = profile("child", rule("a.test", allow: ["POST /a/**"]))
        let wider = profile("wider", rule("a.test", allow: ["POST /**"]))
        #expect(excess(of: child, over: parent).isEmpty && !excess(of: wider, over: parent).isEmpty)
        #expect(decide(lineage(parent, child), request("POST", "a.test", "/a/b"))?.effect == .ask)
    }

    @Test("The strictest level decides: a deny below an ask is a deny")
    func strictestLevel() throws {
        let policy = lineage(
            profile("root", rule("a.test", ask: ["GET"])),
            profile("leaf", rule("a.test", deny: ["GET"]))
        )
        let outcome = try #require(decide(policy, request("GET", "a.test")))
        #expect(outcome.effect == .deny)
        #expect(outcome.denial?.decidedBy?.profile == "leaf")
    }

    @Test("What is denied because its principal's proof is over says what that was")
    func lapsed() throws {
        for (proof, word) in [(Principal.Proof.token, "token"), (.assertion, "assertion")] {
            let policy = try #require(lineage(wide))
            let principal = Principal(proof, issuer: "corp", subject: "alice", uid: 1000)
            let lapsed = try #require(
                LineagePolicy(lineage: policy.lineage.headed(by: principal), levels: policy.levels)
            ).lapsed
            let denial = try #require(decide(lapsed, request("GET", "a.test"))?.denial)
            #expect(denial.reason == .principalExpired)
            #expect(denial.message == "the \(word) of \(principal), on which this run rests, expired")
            #expect(denial.remedy.contains("with a fresh \(word)"))
        }
    }

    /// What is advised where a rule asks on these terms, to an agent of that principal.
    private func advice(_ terms: ApprovalTerms, _ principal: Principal) throws -> String {
        var asking = try #require(rule("a.test", ask: ["GET"]))
        asking.approval = terms
        let policy = try #require(lineage(profile("root", asking)))
        let headed = LineagePolicy(lineage: policy.lineage.headed(by: principal), levels: policy.levels)
        let outcome = try #require(decide(headed, request("GET", "a.test")))
        #expect(outcome.effect == .ask)
        return try #require(outcome.denial?.remedy)
    }

    @Test("Whoever may not answer by the rules is not named as who is to be asked for an answer")
    func answerers() throws {
        let alice = Principal(localUser: "alice", uid: 1000)
        let bob = Principal(issuer: "corp", subject: "bob", uid: 1000)
        let own = ApprovalTerms(by: [ByteText("user:alice")])
        for terms in [ApprovalTerms(), own, ApprovalTerms(approvers: 2)] {
            #expect(try advice(terms, alice).hasPrefix("ask user:alice to answer"))
        }
        let others = ApprovalTerms(by: [ByteText("user:carol")])
        for (terms, principal) in [(others, alice), (ApprovalTerms(), bob), (own, bob)] {
            let remedy = try advice(terms, principal)
            #expect(remedy.hasPrefix("ask somebody who may approve it to answer"), "\(remedy)")
            #expect(!remedy.contains("carol") && remedy.contains("bailey approvals"), "\(remedy)")
        }
        let excluded = try advice(ApprovalTerms(excludesPrincipal: true), alice)
        #expect(excluded.hasPrefix("ask somebody who may approve it, and is not user:alice, to answer"))
    }

    @Test("Who acts by a token is not told to ask themselves to change a profile")
    func owners() throws {
        let policy = try #require(lineage(wide))
        let job = Principal(issuer: "github", subject: "repo:acme/app", uid: 1000)
        let headed = LineagePolicy(lineage: policy.lineage.headed(by: job), levels: policy.levels)
        let denial = try #require(decide(headed, request("GET", "c.test"))?.denial)
        #expect(denial.remedy.hasPrefix("ask whoever owns profile \"root\" to add"), "\(denial.remedy)")
        let local = try #require(decide(policy, request("GET", "c.test"))?.denial)
        #expect(local.remedy.hasPrefix("ask user:alice, or whoever owns profile \"root\", to add"))
    }

    @Test("A lineage needs one policy for each hop")
    func levelsMatchHops() throws {
        let policy = try #require(lineage(wide))
        #expect(LineagePolicy(lineage: policy.lineage, levels: []) == nil)
        #expect(LineagePolicy(lineage: policy.lineage, levels: policy.levels + policy.levels) == nil)
    }

    @Test("The asking agent's own rule names the credential, and every ancestor must use it there")
    func credentials() throws {
        let with = profile("with", rule("a.test", allow: ["GET"], credential: "github"))
        let without = profile("without", rule("a.test", allow: ["GET"]))
        #expect(decide(lineage(with, with), request("GET", "a.test"))?.obligations?.credential == "github")
        #expect(decide(lineage(with, without), request("GET", "a.test"))?.obligations?.credential == nil)
        let foreign = try #require(decide(lineage(without, with), request("GET", "a.test")))
        #expect(foreign.effect == .deny)
        #expect(foreign.denial?.reason == .credentialUnavailable)
        #expect(foreign.denial?.decidedBy?.profile == "without")
        let two = profile(
            "two",
            rule("a.test", allow: ["GET"], credential: "x"),
            rule("*.test", allow: ["GET"], credential: "y")
        )
        #expect(decide(lineage(two), request("GET", "a.test"))?.denial?.reason == .credentialUnavailable)
    }

    @Test("Private addresses are allowed only when every level's rule says so")
    func privateAddresses() {
        let open = profile("open", rule("a.test", allow: ["GET"], isPrivate: true))
        let closed = profile("closed", rule("a.test", allow: ["GET"]))
        #expect(decide(lineage(open, open), request("GET", "a.test"))?.obligations?.privateAddresses == true)
        #expect(
            decide(lineage(open, closed), request("GET", "a.test"))?.obligations?.privateAddresses == false
        )
        #expect(
            decide(lineage(closed, open), request("GET", "a.test"))?.obligations?.privateAddresses == false
        )
    }

    @Test(
        "B12, A10, A11: an address is reached only by a rule that is fit for its scope",
        arguments: [
            ("10.9.9.9", "10.9.9.9", false, Effect.allow), ("10.0.0.0/8", "10.9.9.9", false, .allow),
            ("0.0.0.0/0", "10.9.9.9", false, .deny), ("0.0.0.0/0", "10.9.9.9", true, .allow),
            ("0.0.0.0/0", "93.184.216.34", false, .allow), ("169.254.0.0/16", "169.254.169.254", true, .deny),
            ("169.254.169.254", "169.254.169.254", false, .allow),
            ("0.0.0.0/0", "168.63.129.16", true, .deny),
            ("0.0.0.0/0", "::ffff:169.254.169.254", true, .deny), ("::/0", "64:ff9b::a9fe:a9fe", true, .deny),
            ("::/0", "2002:a9fe:a9fe::", true, .deny), ("::/0", "2606:2800::66", false, .allow),
            ("0.0.0.0/0", "224.0.0.1", true, .deny), ("::/0", "::1", false, .deny),
            ("::1", "::1", false, .allow),
        ]
    )
    func addresses(written: String, host: String, isPrivate: Bool, expected: Effect) throws {
        let policy = lineage(profile("p", rule(written, allow: ["GET"], isPrivate: isPrivate)))
        let outcome = try #require(decide(policy, request("GET", host)))
        #expect(outcome.effect == expected)
        if expected == .deny { #expect(outcome.denial?.reason == .forbiddenAddress) }
    }

    @Test("Masks add up: those of every matching rule, of every level")
    func masks() throws {
        func masking(_ kinds: MaskKinds, _ allow: String) -> EgressRule? {
            var rule = rule("a.test", allow: [allow])
            rule?.masks = kinds
            return rule
        }
        let parent = profile("parent", masking([.email], "GET"), masking([.iban], "GET /x"))
        let child = profile("child", masking([.phone], "GET"), masking([.token], "POST"))
        let host = try #require(DNSName("a.test"))
        let endpoint = Endpoint(scheme: .https, host: .name(host), port: 443)
        for (path, masked) in [("/x", [MaskKind.email, .iban, .phone]), ("/y", [.email, .phone])] {
            let action = Action.http(method: "GET", path: path, query: nil)
            switch try #require(lineage(parent, child)).decide(Request(endpoint: endpoint, action: action)) {
            case .allow(let permit): #expect(permit.obligations.masks == MaskKinds(masked))
            case .ask(let asked): Issue.record("\(asked.refusal.denial)")
            case .deny(let refusal): Issue.record("\(refusal.denial)")
            case .read: Issue.record("asked for more of the request")
            }
        }
        #expect(excess(of: profile("child", masking([], "GET")), over: parent).isEmpty)
    }
}
