import Model
import Policy
import Profiles
import Testing

@Suite("Principals of profiles")
struct PrincipalTests {
    private let folder: Folder

    init() throws {
        folder = try Folder([
            "base.yaml": "bailey: 1\nprincipals: {issuers: [github, idp]}\n",
            "deploy.yaml": """
            bailey: 1
            extends: [base]
            principals: {subjects: ["oidc:*:repo:acme/*"], claims: {ref: [main, "release-*"]}, on-expiry: deny}
            egress:
              - {to: "https://all.test", allow: [GET]}
              - {to: "https://pay.test", allow: [GET], for: {groups: [payments]}}
              - {to: "https://all.test", deny: ["GET /secret"], for: {groups: [contractors]}}
            children: {profiles: ["tool*"], depth: 1, count: 1}
            """,
            "tool.yaml":
                "bailey: 1\negress: [{to: \"https://pay.test\", allow: [GET], for: {groups: [payments]}}]\n",
            "tool-wide.yaml": "bailey: 1\negress: [{to: \"https://pay.test\", allow: [GET]}]\n",
        ])
    }

    private var review: ProfileReview { ProfileReview(loader: folder.loader) }

    private func principal(
        _ subject: String = "oidc:github:repo:acme/app",
        groups: [String] = [],
        ref: String = "main"
    ) throws -> Principal {
        try #require(Principal(named: subject, groups: groups, claims: ["ref": [ref]]))
    }

    private func explained(
        _ request: String,
        _ principal: Principal,
        under: [String] = [],
        _ name: String = "deploy"
    ) -> ReviewOutcome {
        review.explain(name, request: request, under: under, principal: principal, asJSON: false)
    }

    @Test("A rule with for: is there for whom it is for, and for nobody else")
    func rules() throws {
        #expect(explained("GET https://pay.test/", try principal(groups: ["payments"])).exitCode == 0)
        let other = explained("GET https://pay.test/", try principal(groups: ["pay"]))
        #expect(other.exitCode == 1 && other.output.contains("no rule of agent"), "\(other)")
        #expect(explained("GET https://all.test/secret", try principal()).exitCode == 0)
        #expect(
            explained("GET https://all.test/secret", try principal(groups: ["contractors"])).exitCode == 1
        )
    }

    @Test(
        "Who may launch: every demand of every file has to be met",
        arguments: [
            ("oidc:github:repo:acme/app", "main", true), ("oidc:github:repo:acme/app", "release-2", true),
            ("oidc:github:repo:acme/app", "dev", false), ("oidc:github:repo:evil/app", "main", false),
            ("oidc:other:repo:acme/app", "main", false),
        ]
    )
    func demands(subject: String, ref: String, may: Bool) throws {
        let principal = try principal(subject, ref: ref)
        let profile = try folder.loader.load(name: "deploy")
        #expect((profile.unmet(by: principal) == nil) == may)
        #expect(profile.onExpiry == .deny && profile.principals.count == 2)
        let outcome = explained("GET https://all.test/", principal)
        #expect(outcome.exitCode == (may ? 0 : 1))
        #expect(outcome.output.contains("would not be launched: deploy is not for") == !may, "\(outcome)")
        #expect(profile.unmet(by: Principal(localUser: "alice", uid: 1)) != nil)
    }

    @Test("A child's rule with for: is no wider than a parent's that is for the same; without, it is")
    func excess() throws {
        let parent = try folder.loader.load(name: "deploy")
        let (tool, wide) = (try folder.loader.load(name: "tool"), try folder.loader.load(name: "tool-wide"))
        #expect(Policy.excess(of: tool, over: parent).isEmpty)
        #expect(Policy.excess(of: wide, over: parent).count == 1)
        // Of a principal that is known, what applies is compared.
        for (groups, isWider) in [(["payments"], false), (["other"], true)] {
            let principal = try principal(groups: groups)
            let excess = Policy.excess(of: wide.applied(to: principal), over: parent.applied(to: principal))
            #expect(excess.isEmpty != isWider)
            #expect(
                Policy.excess(of: tool.applied(to: principal), over: parent.applied(to: principal)).isEmpty
            )
        }
    }

    @Test("show prints them as they are written, check warns of denials that hold for some alone")
    func shown() throws {
        let shown = review.show("deploy", asJSON: false).output
        for line in [
            "principals: {issuers: [github, idp]}",
            #"principals: {subjects: ["oidc:*:repo:acme/*"], claims: {ref: [main, "release-*"]}}"#,
            "principals: {on-expiry: deny}", "    for: {groups: [payments]}",
        ] { #expect(shown.contains(line), "\(shown)") }
        let checked = review.check(["deploy"], isStrict: false, asJSON: false)
        #expect(checked.exitCode == 0)
        #expect(
            checked.complaints.contains("\"GET /secret\" is refused to groups [contractors] alone"),
            "\(checked)"
        )
    }

    @Test("A refusal names the rule that would have applied to others, and says to whom")
    func withheld() throws {
        let denied = explained("GET https://pay.test/", try principal(groups: ["pay"]))
        #expect(
            denied.output.contains(
                "the rule https://pay.test: allow GET (deploy.yaml:6) comes nearest, but it is for others alone: for: groups [payments]"
            ),
            "\(denied)"
        )
        #expect(
            denied.output.contains("to let that rule be for oidc:github:repo:acme/app as well"),
            "\(denied)"
        )
        #expect(!denied.output.contains("to allow it, add"), "no second rule beside it: \(denied)")
        // Another method is no near miss, and a denial for others is none either.
        for request in ["POST https://pay.test/", "POST https://all.test/secret"] {
            let other = explained(request, try principal())
            #expect(other.exitCode == 1 && !other.output.contains("comes nearest"), "\(other)")
        }
        let profile = try folder.loader.load(name: "deploy")
        #expect(profile.applied(to: try principal(groups: ["payments", "contractors"])).withheld.isEmpty)
        #expect(profile.applied(to: try principal()).withheld.count == 2)
    }

    @Test("A rule for others over a database is named as well")
    func withheldStatement() throws {
        try folder.write(
            "bailey: 1\negress: [{to: \"postgres://db.test/app\", allow: [\"select on public.*\"], for: {groups: [dba]}}]\n",
            to: "db.yaml"
        )
        let request = "postgres://db.test/app select a from public.t"
        let denied = explained(request, try principal(), "db")
        #expect(denied.exitCode == 1 && denied.output.contains("for: groups [dba]"), "\(denied)")
        #expect(explained(request, try principal(groups: ["dba"]), "db").exitCode == 0)
    }

    @Test(
        "check and explain warn of principals that no issuer of bailey.yaml could prove",
        arguments: [
            (
                "issuers: [githb]",
                "no such issuer, but github, idp: nobody can be meant; did you mean \"github\"?"
            ),
            ("issuers: [\"git*\"]", nil),
            ("subjects: [\"oidc:gitlab:*\"]", "bailey.yaml has no such issuer, but github, idp"),
            ("subjects: [\"oidc:gitlab:*\", \"user:alice\"]", nil),
            ("subjects: [\"oidc:idp:x\"]", "has no such issuer"),
            ("subjects: [\"saml:idp:x\"]", nil), ("groups: [admins]", nil),
            ("issuers: [github], groups: [admins]", "none of the issuers github has `groups` in bailey.yaml"),
            ("claims: {ref: [main]}", nil),
            (
                "claims: {reff: [main]}",
                "none of the issuers github, idp keeps that claim (`claims` in bailey.yaml)"
            ),
            ("issuers: [idp], claims: {ref: [main]}", "none of the issuers idp keeps that claim"),
        ] as [(String, String?)]
    )
    func strangers(part: String, says: String?) throws {
        let facts = [
            IssuerFacts(name: "github", proof: .token, hasGroups: false, claims: ["ref"]),
            IssuerFacts(name: "idp", proof: .assertion, hasGroups: true, claims: []),
        ]
        let knowing = ProfileReview(loader: folder.loader, launcher: ProfileReview.Launcher(issuers: facts))
        for (name, text) in [
            ("demand", "principals: {\(part)}\n"),
            ("rule", "egress: [{to: \"https://a.test\", allow: [GET], for: {\(part)}}]\n"),
        ] {
            try folder.write("bailey: 1\n\(text)", to: "\(name).yaml")
            let check = knowing.check([name], isStrict: true, asJSON: false)
            #expect(check.complaints.isEmpty == (says == nil), "\(check)")
            #expect(check.complaints.contains(says ?? ""), "\(check)")
            #expect(says == nil || check.complaints.contains("\(name).yaml:2:"), "\(check)")
            let explained = knowing.explain(
                name,
                request: "GET https://a.test/",
                under: [],
                principal: Principal(localUser: "alice", uid: 1),
                asJSON: false
            )
            #expect(explained.output.contains("  warning: \(name).yaml:2: ") == (says != nil), "\(explained)")
            // Where the issuers are not known nothing is said of them.
            #expect(review.check([name], isStrict: true, asJSON: false).complaints.isEmpty)
        }
    }

    @Test(
        "Approvers whom nobody can be are warned of where rules name them: of issuers whose tokens do not answer, or say no groups",
        arguments: [
            ("group:corp:ops", nil), ("oidc:corp:a", nil), ("user:bob", nil), ("group:deploy", nil),
            ("oidc:other:given", nil), ("group:other:ops", "approvals.issuers of bailey.yaml has no other"),
            ("group:bare:ops", "issuers.bare of bailey.yaml says no groups"),
            ("oidc:other:x", "bailey.yaml lets nobody of that name answer"),
            ("saml:corp:a", "bailey.yaml lets nobody of that name answer"),
        ] as [(String, String?)]
    )
    func approvers(name: String, says: String?) throws {
        let facts = ApproverFacts(
            issuers: [
                IssuerFacts(name: "corp", proof: .token, hasGroups: true, claims: []),
                IssuerFacts(name: "bare", proof: .token, hasGroups: false, claims: []),
            ],
            subjects: [ByteText("oidc:other:given")],
            strangers: []
        )
        let launcher = ProfileReview.Launcher(approvers: facts)
        let knowing = ProfileReview(loader: folder.loader, launcher: launcher)
        for (file, text) in [
            ("rule", "egress: [{to: \"https://a.test\", ask: [GET], approval: {by: [\"\(name)\"]}}]\n"),
            (
                "child",
                "children: {profiles: [x], ask: [x], depth: 1, count: 1, approval: {by: [\"\(name)\"]}}\n"
            ),
        ] {
            try folder.write("bailey: 1\n\(text)", to: "\(file).yaml")
            let complaints = knowing.check([file], isStrict: true, asJSON: false).complaints
            #expect(complaints.contains("approval.by: \(name): ") == (says != nil), "\(complaints)")
            #expect(complaints.contains(says ?? ""), "\(complaints)")
            #expect(!review.check([file], isStrict: true, asJSON: false).complaints.contains("approval.by"))
        }
        let strange = ApproverFacts(issuers: [], subjects: [], strangers: ["oidc:nope:nina"])
        let wary = ProfileReview(loader: folder.loader, launcher: ProfileReview.Launcher(approvers: strange))
        let outcome = wary.check(["rule"], isStrict: true, asJSON: false)
        #expect(outcome.exitCode == 1 && outcome.complaints.contains("approvals.people: oidc:nope:nina"))
    }

    @Test("A row of a decision table that is of nobody says for whom the rule is that would have allowed it")
    func row() throws {
        let request = "lineage: [tool], request: \"GET https://pay.test/\", verdict: allow"
        let somebody = "as: {subject: \"oidc:idp:a\", groups: [payments]}"
        try folder.write(
            "bailey: 1\ncases:\n  - {\(request)}\n  - {\(request), \(somebody)}\n",
            to: "tests/rows.yaml"
        )
        let outcome = ProfileReview.test(folder: folder.path, asJSON: false)
        #expect(outcome.output == "1 passed, 1 failed\n", "\(outcome)")
        #expect(
            outcome.complaints.contains("rows.yaml:3: GET https://pay.test/: expected allow"),
            "\(outcome)"
        )
        #expect(outcome.complaints.contains("it is for others alone: for: "), "\(outcome)")
    }

    @Test("The digest says whom a rule is for, and who may launch")
    func digest() throws {
        func digest(_ text: String) throws -> String {
            try folder.loader.load(text: "bailey: 1\nname: x\n" + text, named: "x").digest
        }
        let texts = [
            "egress: [{to: \"https://a.test\", allow: [GET]}]",
            "egress: [{to: \"https://a.test\", allow: [GET], for: {groups: [a]}}]",
            "egress: [{to: \"https://a.test\", allow: [GET], for: {groups: [b]}}]",
            "egress: [{to: \"https://a.test\", allow: [GET], for: {claims: {groups: [a]}}}]",
            "principals: {groups: [a]}", "principals: {groups: [a], on-expiry: end}",
            "principals: {on-expiry: end}", "description: x",
        ]
        #expect(Set(try texts.map(digest)).count == texts.count)
    }

    @Test("Decision tables have rows for a principal")
    func tables() throws {
        try folder.write(
            """
            bailey: 1
            cases:
              - {lineage: [deploy], as: {subject: "oidc:github:repo:acme/app", groups: [payments], claims: {ref: [main]}}, request: "GET https://pay.test/", verdict: allow}
              - {lineage: [deploy], as: {subject: "oidc:github:repo:acme/app", claims: {ref: [main]}}, request: "GET https://pay.test/", verdict: deny}
              - {lineage: [deploy], as: {subject: "oidc:github:repo:acme/app", groups: [payments], claims: {ref: [main]}}, launch: tool-wide, verdict: allow}
              - {lineage: [deploy], as: {subject: "oidc:github:repo:acme/app", claims: {ref: [main]}}, launch: tool-wide, verdict: deny}
            """,
            to: "tests/t.yaml"
        )
        let outcome = ProfileReview.test(folder: folder.path, asJSON: false)
        #expect(outcome.exitCode == 0, "\(outcome)")
        try folder.write(
            "bailey: 1\ncases:\n  - {lineage: [deploy], request: \"GET https://all.test/\", verdict: allow}\n",
            to: "tests/t.yaml"
        )
        let refused = ProfileReview.test(folder: folder.path, asJSON: false)
        #expect(refused.exitCode == 1 && "\(refused)".contains("would not be launched"), "\(refused)")
    }

    @Test(
        "What is no demand is refused with its place",
        arguments: [
            ("principals: []", "2:13: principals must be a mapping of keys to values, not a list"),
            (
                "principals: {group: [a]}",
                "2:14: unknown key \"group\" in principals; did you mean \"groups\"?"
            ),
            ("principals: {groups: a}", "2:22: principals.groups must be a list, as in [a, b], not \"a\""),
            ("principals: {groups: []}", "2:22: principals.groups is empty, which nobody matches"),
            (
                "principals: {groups: [\"\"]}",
                "2:23: principals.groups: a pattern is 1 to 512 octets without control characters"
            ),
            (
                "principals: {subjects: [alice]}",
                "2:25: principals.subjects: \"alice\" is no subject: it begins with user:, oidc: or saml:, or with a star, as in \"oidc:github:repo:acme/*\"; did you mean \"user:alice\"?"
            ),
            (
                "principals: {on-expiry: renw}",
                "2:25: principals.on-expiry: unknown word \"renw\"; it may be renew, end, deny; did you mean \"renew\"?"
            ),
            (
                "egress: [{to: \"https://a.test\", for: {}}]",
                "2:38: for says nothing: it names subjects, issuers, groups or claims"
            ),
            (
                "egress: [{to: \"https://a.test\", for: {claims: {ref: main}}}]",
                "2:53: for.claims.ref must be a list, as in [a, b], not \"main\""
            ),
        ]
    )
    func refused(line: String, expected: String) {
        #expect(throws: ProfileError.self) {
            try folder.loader.load(text: "bailey: 1\n\(line)", named: "x.yaml")
        }
        do throws(ProfileError) {
            _ = try folder.loader.load(text: "bailey: 1\n\(line)", named: "x.yaml")
        } catch {
            #expect(error.description.split(separator: "\n").contains("x.yaml:\(expected)"), "\(error)")
        }
    }

    @Test("More than 512 patterns are too many")
    func tooMany() {
        let groups = (0..<513).map { "g\($0)" }.joined(separator: ", ")
        #expect(throws: ProfileError.self) {
            try folder.loader.load(text: "bailey: 1\nprincipals: {groups: [\(groups)]}", named: "x.yaml")
        }
    }
}
