import Foundation
import Model
import Testing

struct SPIFFEIDTests {
    private func id(
        _ names: [String],
        of principal: Principal = Principal(localUser: "alice", uid: 1_000),
        called label: String = "label",
        own: Set<Int> = [],
        run: String = "1f2e3d4c5b6a"
    ) -> String? {
        func hop(_ index: Int) -> Hop {
            Hop(
                agent: AgentID(run: run, ordinal: index + 1),
                name: label,
                profile: names[index],
                profileDigest: "",
                isOwnText: own.contains(index)
            )
        }
        var lineage = Lineage(principal: principal, root: hop(0))
        for index in names.indices.dropFirst() { lineage = lineage.child(hop(index)) }
        return TrustDomain("example.org").flatMap { SPIFFEID(of: lineage, in: $0)?.text }
    }

    @Test("An agent has a SPIFFE id below its principal, the profiles of its lineage, its own id last")
    func shape() {
        #expect(
            id(["ci", "test-runner", "tool"])
                == "spiffe://example.org/user/alice/ci/test-runner/tool/1f2e3d4c5b6a.3"
        )
    }

    @Test("What an agent calls its child is no part of the id, and no agent of another run has the same")
    func labels() {
        let plain = id(["ci", "test-runner"])
        #expect(plain == id(["ci", "test-runner"], called: "deploy"))
        #expect(plain != id(["ci", "deploy"], called: "test-runner"))
        #expect(plain != id(["ci", "test-runner"], run: "0a1b2c3d4e5f"))
    }

    @Test("A profile that is a text of an agent's own is marked, as which no profile's name can be")
    func ownText() {
        let own = id(["ci", "deploy"], own: [1])
        #expect(own == "spiffe://example.org/user/alice/ci/_own-deploy/1f2e3d4c5b6a.2")
        for name in ["_own-deploy", "own-deploy", "deploy", "_5fown-deploy"] {
            #expect(id(["ci", name]) != own, "\(name)")
        }
        #expect(
            id(["ci", "deploy", "leaf"], own: [1])
                == "spiffe://example.org/user/alice/ci/_own-deploy/leaf/1f2e3d4c5b6a.3"
        )
    }

    @Test("That a text is an agent's own is no member of a lineage that is written down")
    func written() throws {
        let hop = Hop(
            agent: AgentID(run: "1f2e3d4c5b6a", ordinal: 1),
            name: "a",
            profile: "p",
            profileDigest: "d",
            isOwnText: true
        )
        let text = String(decoding: try JSONEncoder().encode(hop), as: UTF8.self)
        #expect(!text.contains("isOwnText") && text.contains("profileDigest"), "\(text)")
    }

    @Test("The subject of a token stands below its issuer's name, each a segment of its own")
    func proven() {
        let principal = Principal(issuer: "github", subject: "repo:acme/app:ref:refs/heads/main", uid: 0)
        #expect(
            id(["ci"], of: principal)
                == "spiffe://example.org/oidc/github/repo_3aacme_2fapp_3aref_3arefs_2fheads_2fmain/ci/1f2e3d4c5b6a.1"
        )
    }

    @Test("What a path segment may not hold is written so that no two lineages have one name")
    func injective() {
        let names = [
            "a/b", "a_2fb", "a:b", ".", "..", "_2e", "", "_", "é", "e\u{301}", "A", "a", "%2f", "a b",
        ]
        let ids = names.map { id([$0]) ?? "" }
        #expect(Set(ids.map(ByteText.init)).count == names.count)
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_".utf8)
        for text in ids {
            let segments = text.dropFirst(bytes: "spiffe://example.org/".utf8.count)
                .cut(at: "/", omittingEmptySubsequences: false)
            #expect(segments.count == 4, "\(text)")
            for segment in segments {
                #expect(!["", ".", ".."].contains(String(segment)), "\(text)")
                #expect(segment.utf8.allSatisfy(allowed.contains), "\(text)")
            }
        }
    }

    @Test("A name longer than services have to take, 2048 octets, is none")
    func length() {
        let name = String(repeating: "n", count: 63)
        #expect(id(Array(repeating: name, count: 31)) != nil)
        #expect(id(Array(repeating: name, count: 32)) == nil)
    }

    @Test(
        "A trust domain is lower-case letters, digits, dots, hyphens and underscores, 255 at most",
        arguments: [
            ("example.org", true), ("a_b-1.c", true), ("", false), ("Example.org", false), ("a/b", false),
            ("a:443", false), ("user@a", false), ("é.org", false), (String(repeating: "a", count: 255), true),
            (String(repeating: "a", count: 256), false),
        ]
    )
    func domains(name: String, isOne: Bool) {
        #expect((TrustDomain(name) != nil) == isOne)
        #expect(TrustDomain(TrustDomain.standard.name) == .standard)
    }
}
