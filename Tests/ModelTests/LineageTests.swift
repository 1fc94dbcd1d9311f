import Model
import Testing

struct LineageTests {
    private func text(_ principal: Principal, _ names: [String]) -> String {
        let hops = names.enumerated().map { number, name in
            Hop(
                agent: AgentID(run: "1f2e3d4c5b6a", ordinal: number + 1),
                name: name,
                profile: "p",
                profileDigest: ""
            )
        }
        return hops.dropFirst().reduce(Lineage(principal: principal, root: hops[0])) { $0.child($1) }
            .description
    }

    @Test("A lineage is shown as its names, root first")
    func plain() {
        #expect(text(Principal(localUser: "alice", uid: 1), ["ci", "tool"]) == "user:alice > ci > tool")
        let job = Principal(issuer: "github", subject: "repo:acme/\"app\":ref", uid: 1)
        #expect(text(job, ["ci"]) == "oidc:github:repo:acme/\"app\":ref > ci")
    }

    @Test("What an issuer lets a subject be is not taken for a hop, nor a hop for a part of it")
    func quoted() {
        func principal(_ subject: String) -> Principal { Principal(issuer: "idp", subject: subject, uid: 1) }
        #expect(text(principal("mallory > ci"), ["leaf"]) == "\"oidc:idp:mallory > ci\" > leaf")
        #expect(text(principal("mallory >"), ["leaf"]) == "\"oidc:idp:mallory >\" > leaf")
        #expect(text(principal("a\" > \"b\\"), ["leaf"]) == #""oidc:idp:a\" > \"b\\" > leaf"#)
        #expect(Lineage.text(of: ["\"a", "b"]) == #""\"a" > b"#)
    }

    @Test("No two chains of names have one text")
    func injective() {
        let names = [
            "a", "a > a", "a >", "> a", "\"a\"", "\"a", "a\"", "\"a\" > \"a\"", "\\", "a\\\" > a", ">",
        ]
        let chains =
            names.map { [$0] } + names.flatMap { first in names.map { [first, $0] } }
            + names.flatMap { first in
                names.flatMap { second in names.map { [first, second, $0] } }
            }
        #expect(Set(chains.map(Lineage.text)).count == chains.count)
    }

    @Test("What proved a principal is the word that its subject begins with")
    func proof() {
        #expect(Principal(localUser: "alice", uid: 1).proof == nil)
        #expect(Principal(issuer: "idp", subject: "alice", uid: 1).proof?.word == "token")
        #expect(Principal(.assertion, issuer: "idp", subject: "alice", uid: 1).proof?.word == "assertion")
        #expect(Principal(named: "saml:corp:alice")?.proof == .assertion)
    }
}

struct HexadecimalTests {
    @Test("Each octet is two lower-case digits, the first one's first")
    func digits() {
        #expect([UInt8]().hex.isEmpty)
        #expect(([0x00, 0x0F, 0xA5, 0xFF] as [UInt8]).hex == "000fa5ff")
        #expect(
            (0...UInt8.max).map { CollectionOfOne($0).hex }
                == (0...255).map { octet in
                    String(octet + 0x100, radix: 16).dropFirst().description
                }
        )
    }
}
