import Foundation
import Identity
import Model
import Testing

@Suite("Subjects")
struct SubjectTemplateTests {
    private func subject(_ template: String, _ claims: String) async throws -> String? {
        let parsed = try #require(SubjectTemplate(template))
        let issuer = Issuer.testing { $0.subject = parsed }
        return try? await outcome(of: Draft(claims).token(), by: issuer).get().subject
    }

    @Test("A subject is a claim, or text with claims in it")
    func made() async throws {
        let claims = #""repository":"acme/app","ref":"refs/heads/main""#
        #expect(try await subject("repository", claims) == "acme/app")
        #expect(try await subject("repo:{repository}", claims) == "repo:acme/app")
        #expect(try await subject("{repository}@{ref}", claims) == "acme/app@refs/heads/main")
        #expect(try await subject("{missing}", claims) == nil)
        // One claim is not escaped, so that nothing is taken for an escape.
        #expect(try await subject("{ref}%", claims) == "refs/heads/main%")
    }

    @Test("No two tokens with other claims have one subject")
    func injective() async throws {
        let pairs = [("a", "b@c"), ("a@b", "c"), ("a%40b", "c"), ("a", "b%40c"), ("a@", "b@c"), ("é", "@")]
        var seen: Set<String> = []
        for (first, second) in pairs {
            let text = try await subject("{x}@{y}", #""x":"\#(first)","y":"\#(second)""#)
            #expect(seen.insert(try #require(text)).inserted, "\(first) \(second): \(text ?? "")")
        }
    }

    @Test(
        "What is no template",
        arguments: [
            "", "{", "}", "{}", "a{b", "a}b", "{a}{b}", "{a{b}}", "é", "a\nb", "{a}%{b}", "%{a}-{b}",
            "{a}%25{b}",
        ]
    )
    func refused(text: String) { #expect(SubjectTemplate(text) == nil) }
}
