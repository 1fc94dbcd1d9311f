import Foundation
import Model
import Testing

@Suite("Principals")
struct PrincipalTests {
    private let proven = Principal(
        issuer: "github",
        subject: "repo:acme/app",
        uid: 1_000,
        groups: ["b", "a"],
        claims: ["ref": ["main"]],
        expiry: Timestamp(milliseconds: 5)
    )

    @Test("A record from before there were tokens reads, and one of today says all of it")
    func coding() throws {
        let old = Data(#"{"subject":"user:alice","uid":1000}"#.utf8)
        let alice = Principal(localUser: "alice", uid: 1_000)
        #expect(try JSONDecoder().decode(Principal.self, from: old) == alice)
        #expect(try JSONDecoder().decode(Principal.self, from: JSONEncoder().encode(alice)) == alice)
        #expect(try JSONDecoder().decode(Principal.self, from: JSONEncoder().encode(proven)) == proven)
        #expect(proven.groups == ["a", "b"])
    }

    @Test("Two principals are the same by octets alone, in subject, groups and claims")
    func octets() {
        func made(
            _ subject: String = "a",
            _ groups: [String] = [],
            _ claims: [String: [String]] = [:]
        ) -> Principal {
            Principal(issuer: "idp", subject: subject, uid: 1, groups: groups, claims: claims)
        }
        let (composed, other) = ("caf\u{e9}", "cafe\u{301}")
        #expect(composed == other, "the control: Swift takes them for one")
        #expect(made(composed) == made(composed) && made(composed) != made(other))
        #expect(made("a", [composed]) == made("a", [composed]) && made("a", [composed]) != made("a", [other]))
        for (left, right) in [
            ([composed: ["x"]], [other: ["x"]]), (["x": [composed]], ["x": [other]]),
            (["x": ["y"]], ["x": ["y"], "z": []]), (["x": ["y"]], ["z": ["y"]]),
        ] {
            #expect(made("a", [], left) == made("a", [], left) && made("a", [], left) != made("a", [], right))
        }
        #expect(Set([made(composed), made(other), made(other)]).count == 2)
    }

    @Test("No two principals have one subject, whatever the user is called")
    func injective() {
        #expect(proven.subject == "oidc:github:repo:acme/app" && proven.issuer == "github")
        let user = Principal(localUser: "oidc:github:repo:acme/app", uid: 1)
        #expect(user.subject != proven.subject && user.issuer == nil)
        let asserted = Principal(.assertion, issuer: "github", subject: "repo:acme/app", uid: 1_000)
        #expect(asserted.subject == "saml:github:repo:acme/app" && asserted.issuer == "github")
    }

    @Test(
        "A subject is written as it is shown",
        arguments: [
            ("user:alice", true), ("oidc:ci:sub:with:colons", true), ("oidc:ci", false), ("oidc:ci:", false),
            ("oidc::x", false), ("user:", false), ("alice", false), ("saml:x:y", true), ("saml:x", false),
            ("ldap:x:y", false),
            ("user:a\nb", false), ("", false),
        ]
    )
    func named(text: String, isOne: Bool) {
        #expect((Principal(named: text)?.subject == text) == isOne)
    }

    @Test("A user of this machine has no groups or claims of an issuer")
    func users() {
        #expect(Principal(named: "user:alice", groups: ["a"]) == nil)
        #expect(Principal(named: "oidc:ci:alice", groups: ["a"])?.groups == ["a"])
    }

    @Test(
        "A web address is an https URL that everybody reads alike",
        arguments: [
            ("https://a.test", "https://a.test/"), ("https://a.test:443/x?y=1", "https://a.test/x?y=1"),
            ("https://A.test:8443/", "https://a.test:8443/"),
            ("https://127.0.0.1:9/x", "https://127.0.0.1:9/x"),
            ("https://[::1]:9/x", "https://[::1]:9/x"), ("https://[::1]", "https://[::1]/"),
            ("https://a.test?x", "https://a.test/?x"), ("http://a.test/", nil), ("https://", nil),
            ("https://a@b.test/", nil), ("https://a.test/#x", nil), ("https://a.test/ x", nil),
            ("https://a.test:0/", nil), ("https://a.test:65536/", nil), ("https://a.test:/", nil),
            ("https://a.test:+1/", nil), ("https://a.test\\x", nil), ("https://[::1", nil),
            ("https://::1/", nil),
            ("https://a.test/\u{e9}", nil), ("https://[a.test]/", nil),
        ] as [(String, String?)]
    )
    func addresses(text: String, parsed: String?) {
        #expect(WebAddress(text)?.description == parsed)
    }
}
