import Model
import Policy
import Testing

struct DecideTests {
    @Test("Nothing is allowed that no rule allows: an empty profile refuses everything")
    func emptyDenies() throws {
        let outcome = try #require(decide(lineage(profile()), request("GET", "allowed.test")))
        #expect(outcome.effect == .deny)
        #expect(outcome.denial?.reason == .noRule)
        #expect(outcome.levels.map(\.rule) == [nil])
    }

    @Test("A rule without an allow list allows nothing")
    func absentListAllowsNothing() {
        #expect(
            decide(lineage(profile("p", rule("allowed.test"))), request("GET", "allowed.test"))?.effect
                == .deny
        )
        let tls = rule("allowed.test", scheme: .tls)
        #expect(
            decide(lineage(profile("p", tls)), request("connect", "allowed.test", scheme: .tls))?.effect
                == .deny
        )
    }

    @Test(
        "Deny beats ask beats allow, across all rules that match and in any order",
        arguments: [
            (["allow"], Effect.allow), (["allow", "ask"], .ask), (["ask", "allow"], .ask),
            (["deny", "allow"], .deny), (["allow", "deny", "ask"], .deny), (["ask", "deny"], .deny),
            (["ask"], .ask),
        ]
    )
    func strictestRuleWins(effects: [String], expected: Effect) throws {
        let rules = effects.map { effect in
            rule(
                "allowed.test",
                allow: effect == "allow" ? ["GET"] : [],
                ask: effect == "ask" ? ["GET /**"] : [],
                deny: effect == "deny" ? ["* /**"] : []
            )
        }
        let spread = Profile(name: "p", egress: rules.compactMap(\.self))
        #expect(decide(lineage(spread), request("GET", "allowed.test", "/x"))?.effect == expected)
        var joined = try #require(rules.first ?? nil)
        joined.allow = rules.flatMap { $0?.allow ?? [] }
        joined.ask = rules.flatMap { $0?.ask ?? [] }
        joined.deny = rules.flatMap { $0?.deny ?? [] }
        let single = Profile(name: "p", egress: [joined])
        #expect(decide(lineage(single), request("GET", "allowed.test", "/x"))?.effect == expected)
    }

    @Test("A06: a rule is for its host, port and scheme alone")
    func hostPortScheme() {
        let policy = lineage(profile("p", rule("allowed.test", allow: ["GET"])))
        #expect(decide(policy, request("GET", "allowed.test"))?.effect == .allow)
        #expect(decide(policy, request("GET", "allowed.test", port: 8443))?.effect == .deny)
        #expect(decide(policy, request("GET", "allowed.test", scheme: .http, port: 443))?.effect == .deny)
        #expect(decide(policy, request("connect", "allowed.test", scheme: .tls))?.effect == .deny)
        #expect(decide(policy, request("POST", "allowed.test"))?.effect == .deny)
        #expect(decide(policy, request("get", "allowed.test"))?.effect == .deny)
    }

    @Test(
        "C18: neither a suffix nor the apex is confused with a name",
        arguments: [
            ("allowed.test", "allowed.test", true), ("allowed.test", "notallowed.test", false),
            ("allowed.test", "allowed.test.denied.test", false), ("allowed.test", "x.allowed.test", false),
            ("*.allowed.test", "allowed.test", false), ("*.allowed.test", "a.allowed.test", true),
            ("*.allowed.test", "a.b.allowed.test", false), ("*.allowed.test", "notallowed.test", false),
            ("*.allowed.test", "a.notallowed.test", false), ("**.allowed.test", "allowed.test", false),
            ("**.allowed.test", "a.allowed.test", true), ("**.allowed.test", "a.b.c.allowed.test", true),
            ("**.allowed.test", "anallowed.test", false),
            ("**.allowed.test", "a.allowed.test.denied.test", false),
            ("**.allowed.test", "allowed-test", false), ("*.allowed.test", "10.9.9.9", false),
        ]
    )
    func suffixConfusion(written: String, host: String, matches: Bool) throws {
        let policy = lineage(profile("p", rule(written, allow: ["GET"])))
        let outcome = try #require(decide(policy, request("GET", host)))
        #expect(outcome.effect == (matches ? .allow : .deny))
    }

    @Test("C19: case and a trailing dot do not change what a name is, a look-alike is no name at all")
    func caseAndTrailingDot() {
        let policy = lineage(profile("p", rule("allowed.test", allow: ["GET"])))
        #expect(decide(policy, request("GET", "ALLOWED.TEST."))?.effect == .allow)
        #expect(decide(policy, request("GET", "aLLoWed.TEST"))?.effect == .allow)
        #expect(DNSName("\u{430}llowed.test") == nil)
        #expect(decide(policy, request("GET", "xn--llowed-4of.test"))?.effect == .deny)
    }

    @Test("tls and tcp know one action, connect, and no HTTP request matches them")
    func connect() {
        let policy = lineage(
            profile(
                "p",
                rule("a.test", scheme: .tls, allow: ["connect"]),
                rule("b.test", scheme: .tcp, port: 22, allow: ["connect"])
            )
        )
        #expect(decide(policy, request("connect", "a.test", scheme: .tls))?.effect == .allow)
        #expect(decide(policy, request("GET", "a.test", scheme: .tls))?.effect == .deny)
        #expect(decide(policy, request("connect", "b.test", scheme: .tcp, port: 22))?.effect == .allow)
        #expect(decide(policy, request("connect", "b.test", scheme: .tcp, port: 23))?.effect == .deny)
    }

    @Test("Only names that a rule of every level could allow are resolved")
    func mentions() throws {
        let policy = try #require(
            lineage(
                profile("root", rule("**.a.test", allow: ["GET"]), rule("d.test", deny: ["*"])),
                profile(
                    "leaf",
                    rule("x.a.test", allow: ["GET"]),
                    rule("b.test", allow: ["GET"]),
                    rule("d.test", allow: ["*"])
                )
            )
        )
        func mentions(_ name: String) -> Bool? { DNSName(name).map { policy.mentions($0) } }
        #expect(mentions("x.a.test") == true)
        #expect(mentions("y.a.test") == false)
        #expect(mentions("b.test") == false)
        #expect(mentions("d.test") == false)
    }

    @Test("The schemes of a host and port are those that every level has a rule for")
    func schemes() throws {
        let policy = try #require(
            lineage(
                profile(
                    "root",
                    rule("a.test", allow: ["GET"]),
                    rule("a.test", scheme: .tls, allow: ["connect"])
                ),
                profile(
                    "leaf",
                    rule("a.test", scheme: .tls, allow: ["connect"]),
                    rule("b.test", allow: ["GET"])
                )
            )
        )
        func schemes(_ name: String, _ port: UInt16) -> Set<Scheme>? {
            DNSName(name).map { policy.schemes(for: .name($0), port: port) }
        }
        #expect(schemes("a.test", 443) == [.tls])
        #expect(schemes("a.test", 444) == [])
        #expect(schemes("b.test", 443) == [])
    }
}
