import Model
import Policy
import Testing

struct EnvironmentTests {
    private let rules = EnvironmentRules(pass: ["LANG", "GITHUB_*", "NPM_TOKEN", "C*I"])

    @Test(
        "A variable passes by name or glob, but a secret-shaped one never by a glob",
        arguments: [
            ("LANG", EnvironmentRules.Admission.passed), ("LANGUAGE", .scrubbed), ("GITHUB_SHA", .passed),
            ("GITHUB_TOKEN", .secretShaped), ("GITHUB_API_KEY", .secretShaped),
            ("GITHUB_Password", .secretShaped),
            ("NPM_TOKEN", .passed), ("AWS_SECRET_ACCESS_KEY", .scrubbed), ("CI", .passed), ("CXXI", .passed),
            ("CIX", .scrubbed), ("GITHUB_", .passed), ("github_sha", .scrubbed), ("", .scrubbed),
        ]
    )
    func admission(name: String, expected: EnvironmentRules.Admission) {
        #expect(rules.admission(of: name) == expected)
    }

    @Test("A secret's name stays one when a mark combines with a letter of it")
    func combined() {
        #expect(
            EnvironmentRules.isSecretShaped("MY_TOKEN\u{301}") && EnvironmentRules.isSecretShaped("my_token")
        )
        #expect(!EnvironmentRules.isSecretShaped("TO\u{212a}EN"), "not the letter K")
        #expect(EnvironmentRules(pass: ["K"]).admission(of: "\u{212a}") == .scrubbed)
    }

    @Test("G02: a parent's glob, which passes no secret, does not cover a child that names one")
    func namedSecrets() {
        func excesses(_ child: [String], _ parent: EnvironmentRules) -> [String] {
            let child = Profile(name: "child", environment: EnvironmentRules(pass: child))
            return excess(of: child, over: Profile(name: "parent", environment: parent)).map(\.what)
        }
        #expect(excesses(["GITHUB_TOKEN"], EnvironmentRules(pass: ["GITHUB_*"])) == ["env.pass GITHUB_TOKEN"])
        #expect(excesses(["GITHUB_TOKEN"], EnvironmentRules(pass: ["GITHUB_*", "GITHUB_TOKEN"])) == [])
        #expect(excesses(["GITHUB_TOKEN"], EnvironmentRules(set: ["GITHUB_TOKEN": "x"])) == [])
        #expect(excesses(["GITHUB_*"], EnvironmentRules(pass: ["GITHUB_*"])) == [])
    }

    @Test("A child may be launched only under a profile that children.profiles names")
    func childProfiles() {
        let children = ChildRules(profiles: ["tool-*", "offline"], depth: 1, count: 1)
        #expect(children.permits(profile: "tool-x") && children.permits(profile: "offline"))
        #expect(!children.permits(profile: "offline2") && !children.permits(profile: "tool"))
        #expect(!ChildRules().permits(profile: "base"))
        let asking = ChildRules(profiles: ["*"], ask: [AskedChild(glob: "tool-*", source: "p.yaml:1")])
        #expect(asking.asking(of: "tool-x").map(\.rule.description) == ["children: ask tool-* (p.yaml:1)"])
        #expect(asking.permits(profile: "offline") && asking.asking(of: "offline").isEmpty)
    }
}
