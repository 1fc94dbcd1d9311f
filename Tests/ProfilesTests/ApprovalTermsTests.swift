import Model
import Policy
import Profiles
import Testing

/// `approval` of a rule.
struct ApprovalTermsTests {
    private func rule(_ approval: String) -> String {
        "bailey: 1\negress:\n  - {to: \"https://a.test\", ask: [GET], approval: {\(approval)}}"
    }

    @Test(
        "What a rule says of approvals is what is demanded, and what it leaves out is the safe default",
        arguments: [
            ("for: once", ApprovalTerms()), ("for: 15m", ApprovalTerms(life: .time(900_000))),
            ("for: agent, wait: 5m", ApprovalTerms(life: .agent, wait: 300_000)),
            (
                "approvers: 2, by: [\"user:alice\", \"user:root\"]",
                ApprovalTerms(approvers: 2, by: [ByteText("user:alice"), ByteText("user:root")])
            ),
            ("not-principal: true", ApprovalTerms(excludesPrincipal: true)),
            // A group is as many as are in it.
            (
                "approvers: 3, by: [\"group:deploy\", \"group:corp:ops/on call\", \"oidc:corp:alice\"]",
                ApprovalTerms(
                    approvers: 3,
                    by: [
                        ByteText("group:deploy"), ByteText("group:corp:ops/on call"),
                        ByteText("oidc:corp:alice"),
                    ]
                )
            ),
            (
                "by: [\"group:corp:a, group:b\", \"user:\\\"x\\\"\"]",
                ApprovalTerms(by: [ByteText("group:corp:a, group:b"), ByteText("user:\"x\"")])
            ),
        ]
    )
    func read(text: String, terms: ApprovalTerms) throws {
        #expect(try load(rule(text)).egress[0].approval == terms)
        // What `profile show` prints is read as the same.
        #expect(try load(rule(terms.description)).egress[0].approval == terms)
    }

    @Test("A rule that says nothing of approvals is good for once, waits a minute, and takes one approver")
    func defaults() throws {
        let profile = try load("bailey: 1\negress:\n  - {to: \"https://a.test\", ask: [GET]}")
        let terms = profile.egress[0].approval
        #expect(terms.life == .once && terms.wait == 60_000 && terms.approvers == 1)
        #expect(terms.by.isEmpty && !terms.excludesPrincipal)
    }

    @Test(
        "Launches are asked about on the same terms, and those of what is extended stay with what it asks about"
    )
    func children() throws {
        let folder = try Folder([
            "below.yaml": "bailey: 1\nchildren:\n  ask: [deployer]\n  approval: {approvers: 2}\n"
        ])
        let text =
            "bailey: 1\nextends: [below]\nchildren: {profiles: [deployer, tool], ask: [\"admin-*\"], approval: {wait: 5m}, depth: 1, count: 1}"
        let profile = try folder.loader.load(text: text, named: "test.yaml")
        #expect(
            profile.children.ask == [
                AskedChild(glob: "deployer", terms: ApprovalTerms(approvers: 2), source: "below.yaml:3"),
                AskedChild(glob: "admin-*", terms: ApprovalTerms(wait: 300_000), source: "test.yaml:3"),
            ]
        )
        #expect(
            profile.children.asking(of: "deployer").count == 1 && profile.children.permits(profile: "admin-x")
        )
        #expect(profile.children.asking(of: "tool").isEmpty)
        let others = try [
            "children: {ask: [a]}", "children: {ask: [b]}", "children: {ask: [a], approval: {wait: 1s}}",
            "children: {profiles: [a]}",
        ].map { try load("bailey: 1\n\($0)").digest }
        #expect(Set(others).count == 4)
        for (wrong, expected) in [
            ("children: {ask: [\"/x\"]}", "children.ask: \"/x\" is not a profile's name or a glob"),
            ("children: {profiles: [a], approval: {wait: 1s}}", "children has no \"ask\""),
            ("children: {ask: [a], approval: {wait: 6m}}", "approval.wait: 6m is more than 5m"),
        ] {
            let found = problems("bailey: 1\n\(wrong)")
            #expect(found.count == 1 && found[0].contains(expected), "\(found)")
        }
    }

    @Test("What a launch would come to is explained, tested and shown, and what contradicts itself is linted")
    func review() throws {
        let folder = try Folder([
            "root.yaml": """
            bailey: 1
            egress: [{to: "https://a.test", allow: [GET]}]
            children: {profiles: [mid, leaf], ask: [leaf, wide], approval: {wait: 5m}, depth: 2, count: 2}

            """,
            "mid.yaml": "bailey: 1\nchildren: {profiles: [leaf], depth: 1, count: 1}\n",
            "leaf.yaml": "bailey: 1\n",
            "wide.yaml": "bailey: 1\negress: [{to: \"https://b.test\", allow: [GET]}]\n",
        ])
        let review = ProfileReview(loader: folder.loader)
        func explained(_ name: String, _ under: [String], _ profile: String) -> ReviewOutcome {
            review.explain(
                profile,
                request: "launch \(name)",
                under: under,
                principal: Principal(localUser: "alice", uid: 1_000),
                asJSON: false
            )
        }
        #expect(explained("mid", [], "root") == ReviewOutcome(output: "allowed: launch mid\n"))
        let asked = explained("leaf", ["root"], "mid")
        #expect(
            asked.output
                == "held until it is approved: launch leaf\n  approval: root asks by children: ask leaf (root.yaml:3): for: once, wait: 5m\n"
        )
        #expect(asked.exitCode == ReviewOutcome.negative)
        let wide = explained("wide", [], "root").output
        #expect(wide.hasPrefix("denied: launch wide\n  refused: egress https://b.test"), "\(wide)")
        try folder.write(
            """
            bailey: 1
            cases:
              - {lineage: [root, mid], launch: leaf, verdict: ask}
              - {lineage: [root], launch: mid, verdict: allow}
              - {lineage: [root], launch: wide, verdict: deny}
              - {lineage: [root], launch: leaf, verdict: allow}
            """,
            to: "tests/table.yaml"
        )
        let table = ProfileReview.test(folder: folder.path, asJSON: false)
        #expect(table.output == "3 passed, 1 failed\n")
        #expect(table.complaints.contains("launch leaf: expected allow, got ask"))
        let shown = review.show("root", asJSON: false).output
        #expect(
            shown.contains("    - wide") && shown.contains("  approval: {for: once, wait: 5m}"),
            "\(shown)"
        )
        let lints = review.check(["root"], isStrict: true, asJSON: false).complaints
        #expect(
            lints.contains("children.profiles: \"leaf\" is asked about all the same: children.ask \"leaf\"")
        )
        #expect(lints.contains("children.ask: \"wide\" is wider than this profile"))
    }

    @Test("What approvals demand is part of the profile's digest")
    func digest() throws {
        let digests = try ["for: once", "for: agent", "wait: 1s", "approvers: 2", "not-principal: true"].map {
            try load(rule($0)).digest
        }
        #expect(Set(digests).count == 5)
    }

    @Test(
        "R14: what an approval cannot be is refused where it stands",
        arguments: [
            ("fro: once", "unknown key \"fro\" in approval; did you mean \"for\"?"),
            ("for: ever", "\"ever\""), ("for: 25h", "approval.for: 25h is more than 24h"),
            ("wait: 6m", "approval.wait: 6m is more than 5m"), ("wait: 0s", "a limit of 0"),
            ("approvers: 0", "approval.approvers"), ("approvers: 9", "approval.approvers"),
            ("by: []", "approval.by names nobody"), ("by: [alice]", "it is written user:NAME"),
            ("by: [\"oidc:x\"]", "it is written user:NAME"),
            ("by: [\"group:\"]", "group:NAME (of this machine)"),
            ("by: [\"group::x\"]", "it is written user:NAME"),
            ("by: [\"group:corp:\"]", "it is written user:NAME"),
            ("by: [\"group:a\\nb\"]", "it is written user:NAME"),
            ("approvers: 2, by: [\"user:alice\"]", "names 1, and approvers demands 2"),
            ("", "approval says nothing"),
        ]
    )
    func refused(text: String, expected: String) {
        let found = problems(rule(text))
        #expect(found.contains { $0.hasPrefix("test.yaml:3:") && $0.contains(expected) }, "\(found)")
    }

    @Test("A rule without an ask has nothing to approve")
    func idle() {
        let found = problems(
            "bailey: 1\negress:\n  - {to: \"https://a.test\", allow: [GET], approval: {for: once}}"
        )
        #expect(found.count == 1 && found[0].contains("the rule has no \"ask\""), "\(found)")
    }
}
