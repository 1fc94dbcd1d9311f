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
            ("by: [\"oidc:x:y\"]", "it is written user:NAME"),
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
