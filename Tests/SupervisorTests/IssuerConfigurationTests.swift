import Foundation
import Identity
import Model
import Profiles
import Supervisor
import Testing

@Suite("Issuers in bailey.yaml")
struct IssuerConfigurationTests {
    private func loaded(_ text: String) throws -> OperatorConfiguration {
        let folder = NSTemporaryDirectory() + "bailey-issuers-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "bailey: 1\n\(text)\n".write(toFile: folder + "/bailey.yaml", atomically: true, encoding: .utf8)
        do throws(ProfileError) {
            return try OperatorConfiguration.load(file: nil, directory: folder)
        } catch {
            let lines = error.description.replacing(folder + "/", with: "")
            throw ProfileError(file: "x", lines)
        }
    }

    @Test("Paths in a configuration that is named by a relative path begin at its folder, wherever that is")
    func relative() throws {
        let folder = NSTemporaryDirectory() + "bailey-issuers-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let text = """
            bailey: 1
            upstream-ca: ca.pem
            issuers: {idp: {issuer: "https://idp.example", audience: a, jwks: keys.json}}

            """
        try text.write(toFile: folder + "/b.yaml", atomically: true, encoding: .utf8)
        let depth = FileManager.default.currentDirectoryPath.split(separator: "/").count
        let up = String(repeating: "../", count: depth)
        let loaded = try OperatorConfiguration.load(
            file: up + folder.dropFirst() + "/b.yaml",
            directory: "/nowhere"
        )
        #expect(loaded.upstreamAuthority == folder + "/ca.pem")
        #expect(loaded.issuers.map(\.keys) == [.file(folder + "/keys.json")])
    }

    @Test("identity.key-life says when the keys that vouch for agents follow one another, within bounds")
    func keyLife() throws {
        #expect(try loaded("identity: {issuer: \"https://x.test\"}").keySchedule == KeySchedule())
        #expect(try loaded("identity: {key-life: 14d}").keySchedule.life == 14 * 24 * 3_600)
        for (text, words) in [
            ("1d", "identity.key-life is 2d to 730d, not 1d"), ("10000d", "identity.key-life is 2d to 730d"),
            ("soon", "\"soon\""), ("[1d]", "identity.key-life"),
        ] {
            let error = #expect(throws: ProfileError.self) { try loaded("identity: {key-life: \(text)}") }
            #expect(error?.description.contains(words) == true, "\(text): \(error?.description ?? "-")")
        }
    }

    @Test("An entry says whose tokens are taken, for what, and what they mean")
    func whole() throws {
        let configuration = try loaded(
            """
            trust-domain: example.org
            issuers:
              github: {issuer: "https://token.actions.githubusercontent.com", audience: bailey, from: github-actions, claims: [repository, ref]}
              corporate:
                issuer: https://login.example.com/realm
                audience: [a, b]
                from: [file, gitlab]
                jwks: keys/jwks.json
                algorithms: [ES256, EdDSA]
                subject: "{department}/{login}"
                groups: /realm_access/roles
                leeway: 5s
            """
        )
        #expect(configuration.trustDomain.name == "example.org")
        let (github, corporate) = (configuration.issuers[0], configuration.issuers[1])
        #expect(
            github.name == "github" && github.audiences == ["bailey"] && github.sources == [.gitHubActions]
        )
        #expect(
            github.keys == .discovered && github.algorithms == [.rs256, .es256] && github.leeway == 30_000
        )
        #expect(
            github.subject == .standard && github.claims == ["repository", "ref"] && github.groups == nil
        )
        #expect(corporate.audiences == ["a", "b"] && corporate.sources == [.file, .gitLab])
        #expect(corporate.algorithms == [.es256, .edDSA] && corporate.leeway == 5_000)
        #expect(
            corporate.subject.claims == ["department", "login"] && corporate.groups == "/realm_access/roles"
        )
        guard case .file(let path) = corporate.keys else {
            Issue.record("\(corporate.keys)")
            return
        }
        #expect(path.hasPrefix("/") && path.hasSuffix("/keys/jwks.json"))
    }

    @Test(
        "An entry with saml says whose assertions are taken; one URL may be that of an issuer of tokens as well"
    )
    func assertions() throws {
        let issuers = try loaded(
            """
            issuers:
              corp:
                saml: {entity: "https://i.test", certificate: [idp.pem, /next.pem], recipient: "https://sp.test/acs"}
                audience: bailey
                groups: memberOf
                claims: [department]
                leeway: 5s
              oidc: {issuer: "https://i.test", audience: bailey}
            """
        ).issuers
        let corp = issuers[0]
        #expect(corp.proof == .assertion && issuers[1].proof == .token)
        #expect(corp.url == "https://i.test" && corp.audiences == ["bailey"] && corp.leeway == 5_000)
        #expect(corp.recipient == "https://sp.test/acs" && corp.subject == .assertion)
        #expect(corp.groups == "memberOf" && corp.claims == ["department"])
        guard case .certificates(let paths) = corp.keys else {
            Issue.record("\(corp.keys)")
            return
        }
        #expect(paths.count == 2 && paths[0].hasSuffix("/idp.pem") && paths[1] == "/next.pem")
    }

    @Test("Without any there is none, and the domain is Bailey's own")
    func none() throws {
        let configuration = try loaded("")
        #expect(configuration.issuers.isEmpty && configuration.trustDomain == .standard)
    }

    private static let good = "issuer: \"https://i.test\", audience: a"
    private static let provider = "saml: {entity: \"https://i.test\", certificate: c.pem}, audience: a"

    @Test(
        "What is wrong is told with its place and the nearest word",
        arguments: [
            (
                "trust-domain: Example.org", "2:15: trust-domain: \"Example.org\" is not",
                "did you mean \"example.org\"?"
            ),
            ("issuers: []", "2:10: issuers must be a mapping", ""),
            ("issuers: {A: {}}", "2:11: issuers: \"A\" is not a name", ""),
            ("issuers: {a: {issuer: \"https://i.test\"}}", "2:11: issuers.a has no \"audience\"", ""),
            ("issuers: {a: {audience: x}}", "2:11: issuers.a has no \"issuer\"", ""),
            (
                "issuers: {a: {issuer: \"http://i.test\", audience: a}}",
                "2:23: issuers.a.issuer: \"http://i.test\" is not an https URL", "\"https://i.test\""
            ),
            ("issuers: {a: {\(good), isuer: x}}", "unknown key \"isuer\"", "did you mean \"issuer\"?"),
            (
                "issuers: {a: {\(good), algorithms: [RS265]}}", "\"RS265\" is not one of RS256",
                "did you mean \"RS256\"?"
            ),
            ("issuers: {a: {\(good), algorithms: [HS256]}}", "\"HS256\" is not one of", ""),
            ("issuers: {a: {\(good), algorithms: [none]}}", "\"none\" is not one of", ""),
            ("issuers: {a: {\(good), algorithms: []}}", "algorithms is empty", ""),
            (
                "issuers: {a: {\(good), from: github}}",
                "unknown word \"github\"; it may be file, github-actions, gitlab, buildkite", ""
            ),
            ("issuers: {a: {\(good), subject: \"{a}{b}\"}}", "is neither a claim nor text with claims", ""),
            ("issuers: {a: {\(good), leeway: 10m}}", "leeway is 5m at most", ""),
            ("issuers: {a: {\(good), leeway: 10}}", "2:", ""),
            (
                "issuers: {a: {saml: {entity: x}, audience: a}}",
                "2:21: issuers.a.saml has no \"certificate\"", ""
            ),
            (
                "issuers: {a: {saml: {certificate: x}, audience: a}}",
                "2:21: issuers.a.saml has no \"entity\"", ""
            ),
            ("issuers: {a: {saml: {entity: x, certificate: c}}}", "2:11: issuers.a has no \"audience\"", ""),
            ("issuers: {a: {\(provider), jwks: k}}", "unknown key \"jwks\"", ""),
            ("issuers: {a: {\(provider), from: gitlab}}", "unknown key \"from\"", ""),
            ("issuers: {a: {\(provider), groups: /a/b}}", "is named without a slash in front", ""),
            (
                "issuers: {a: {saml: {entitty: x}, audience: a}}", "unknown key \"entitty\"",
                "did you mean \"entity\"?"
            ),
            (
                "issuers: {a: {saml: {entity: x, certificate: [a, b, c, d, e]}, audience: a}}",
                "issuers.a.saml.certificate: more than 4 files", ""
            ),
            ("issuers: {a: {\(provider)}, b: {\(provider)}}", "issuers: b and a have one URL", ""),
            (
                "issuers: {a: {\(good), jwks: \"http://i.test/k\"}}",
                "issuers.a.jwks: \"http://i.test/k\" is not an https URL", ""
            ),
            ("issuers: {a: {\(good)}, b: {\(good)}}", "issuers: b and a have one URL", ""),
            (
                "issuers: {a: {\(good), from: gitlab}, b: {issuer: \"https://j.test\", audience: a, from: gitlab}}",
                "issuers: b and a are both from gitlab", ""
            ),
        ]
    )
    func refused(text: String, says: String, suggests: String) {
        let error = #expect(throws: ProfileError.self) { try loaded(text) }
        #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
        #expect(
            error?.description.contains(suggests) == true || suggests.isEmpty,
            "\(error?.description ?? "")"
        )
    }
}
