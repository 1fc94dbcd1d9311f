import CryptoExtras
import Foundation
import Identity
import Model
import Testing

@Suite("Tokens")
struct TokenVerifierTests {
    @Test("A token that its issuer signed for this audience says who somebody is")
    func accepted() async throws {
        let draft = Draft(
            #""groups":["payments","admins","payments"],"repository":"acme/app","run_attempt":2,"protected":true,"act":{"actor":"alice"},"other":"x""#
        )
        let identity = try await outcome(of: draft.token()).get()
        #expect(identity.issuer == "ci")
        #expect(identity.subject == "repo:acme/app:ref:refs/heads/main")
        #expect(identity.groups == ["admins", "payments"])
        #expect(
            identity.claims == [
                "repository": ["acme/app"], "run_attempt": ["2"], "protected": ["true"],
                "/act/actor": ["alice"],
            ]
        )
        #expect(identity.expiry == Timestamp(milliseconds: 1_800_000_630_000))
        #expect(identity.key == "rsa")
        let principal = identity.principal(uid: 7)
        #expect(principal.subject == "oidc:ci:repo:acme/app:ref:refs/heads/main" && principal.uid == 7)
    }

    @Test(
        "Each configured algorithm is taken, with a key that is for it",
        arguments: [
            ("RS256", "rsa"), ("RS512", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("ES384", "ec384"),
            ("EdDSA", "ed"),
        ]
    )
    func algorithms(algorithm: String, kid: String) async throws {
        let draft = Draft(algorithm: algorithm, kid: kid)
        let all = Issuer.testing { $0.algorithms = SignatureAlgorithm.allCases }
        #expect(try await outcome(of: draft.token(), by: all).failed == nil)
        let none = Issuer.testing {
            $0.algorithms = SignatureAlgorithm.allCases.filter { $0.rawValue != algorithm }
        }
        #expect(try await outcome(of: draft.token(), by: none).failed == .algorithm)
    }

    /// What is wrong with a token, and the check that finds it.
    struct Flaw: Sendable, CustomTestStringConvertible {
        let name: String
        let check: TokenFault.Check
        let draft: @Sendable () -> Draft

        init(_ name: String, _ check: TokenFault.Check, _ draft: @escaping @Sendable () -> Draft) {
            (self.name, self.check, self.draft) = (name, check, draft)
        }

        var testDescription: String { name }
    }

    static let flaws: [Flaw] = [
        Flaw("expired", .expiry) { Draft(times: #""exp":1799999900,"iat":1799999000"#) },
        Flaw("without an end", .expiry) { Draft(times: #""iat":1799999000"#) },
        Flaw("an end that is a text", .expiry) { Draft(times: #""exp":"1800000600","iat":1799999000"#) },
        Flaw("an end beyond reckoning", .expiry) { Draft(times: #""exp":1e400,"iat":1799999000"#) },
        Flaw("a negative end", .expiry) { Draft(times: #""exp":-1,"iat":1799999000"#) },
        Flaw("not yet valid", .notBefore) {
            Draft(times: #""exp":1800000600,"iat":1799999990,"nbf":1800000100"#)
        },
        Flaw("issued in the future", .issuedAt) { Draft(times: #""exp":1800000600,"iat":1800000100"#) },
        Flaw("issued nobody knows when", .issuedAt) { Draft(times: #""exp":1800000600"#) },
        Flaw("for another audience", .audience) { Draft(audience: #""other""#) },
        Flaw("for another audience as well", .audience) { Draft(audience: #"["bailey","other"]"#) },
        Flaw("for no audience", .audience) { Draft(audience: "[]") },
        Flaw("for an audience that is no text", .audience) { Draft(audience: #"["bailey",1]"#) },
        Flaw("for an audience that begins alike", .audience) { Draft(audience: #""bailey2""#) },
        Flaw("from another issuer", .issuer) { Draft(issuer: "https://issuer.test/realm/") },
        Flaw("unsigned", .algorithm) { Draft(algorithm: "none") },
        Flaw("unsigned, in capitals", .algorithm) { Draft(algorithm: "NONE") },
        Flaw("signed with the public key as a secret", .algorithm) { Draft(algorithm: "HS256") },
        Flaw("signed with no known algorithm", .algorithm) { Draft(algorithm: "XS256") },
        Flaw("an algorithm in small letters", .algorithm) { Draft(algorithm: "rs256") },
        Flaw("another algorithm of the same key", .algorithm) { Draft(algorithm: "PS256") },
        Flaw("an algorithm of another kind of key", .algorithm) { Draft(algorithm: "ES256") },
        Flaw("signed by somebody else", .signature) {
            var draft = Draft()
            draft.keys = IssuerKeyring.second
            return draft
        },
        Flaw("signed with PSS under the name of PKCS #1", .signature) {
            var draft = Draft()
            draft.signer = "PS256"
            return draft
        },
        Flaw("without its signature", .signature) {
            var draft = Draft()
            draft.signer = "none"
            return draft
        },
        Flaw("an unknown key", .key) { Draft(kid: "new") },
        Flaw("a symmetric key's id", .key) { Draft(kid: "secret") },
        Flaw("an encryption key's id", .key) { Draft(kid: "for-encryption") },
        Flaw("demands of extensions", .header) {
            var draft = Draft()
            draft.header = #"{"alg":"RS256","kid":"rsa","crit":["b64"],"b64":false}"#
            return draft
        },
        Flaw("another type", .header) {
            var draft = Draft()
            draft.header = #"{"alg":"RS256","kid":"rsa","typ":"at+jwt"}"#
            return draft
        },
        Flaw("a token in a token", .header) {
            var draft = Draft()
            draft.header = #"{"alg":"RS256","kid":"rsa","cty":"JWT"}"#
            return draft
        },
        Flaw("two algorithms", .form) {
            var draft = Draft()
            draft.header = #"{"alg":"none","kid":"rsa","alg":"RS256"}"#
            return draft
        },
        Flaw("two subjects", .form) { Draft(#""sub":"root""#) },
        Flaw("two subjects, one spelled with an escape", .form) { Draft(#""s\u0075b":"root""#) },
        Flaw("nested a thousand deep", .form) {
            Draft("\"deep\":" + String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000))
        },
        Flaw("more values than are read", .form) {
            Draft("\"many\":[" + String(repeating: "1,", count: 4_100) + "1]")
        },
        Flaw("not JSON", .form) {
            var draft = Draft()
            draft.payload = "sub=root"
            return draft
        },
        Flaw("something behind the JSON", .form) {
            var draft = Draft()
            draft.payload += "{}"
            return draft
        },
        Flaw("a list", .form) {
            var draft = Draft()
            draft.payload = "[]"
            return draft
        },
        Flaw("no subject", .subject) { Draft(subject: "null") },
        Flaw("an empty subject", .subject) { Draft(subject: #""""#) },
        Flaw("a subject that is a number", .subject) { Draft(subject: "5") },
        Flaw("a subject with a line break", .subject) { Draft(subject: #""alice\noidc:ci:root""#) },
        Flaw("a subject that turns what follows around", .subject) { Draft(subject: #""alice\u202e""#) },
        Flaw("a subject of 513 octets", .subject) {
            Draft(subject: "\"\(String(repeating: "a", count: 513))\"")
        },
        Flaw("groups that are an object", .groups) { Draft(#""groups":{"payments":true}"#) },
        Flaw("a group that is a number", .groups) { Draft(#""groups":["payments",1]"#) },
        Flaw("more groups than are read", .groups) {
            Draft("\"groups\":[" + String(repeating: "\"g\",", count: 256) + "\"g\"]")
        },
        Flaw("a kept claim that is an object", .claims) { Draft(#""repository":{"name":"acme"}"#) },
        Flaw("a kept claim with a control character", .claims) { Draft(#""repository":"a\u0000b""#) },
    ]

    @Test("What a token says of itself stands beside what was expected: bounded, and steering no terminal")
    func seen() async throws {
        func words(_ draft: Draft) async throws -> String {
            try await outcome(of: draft.token()).fault?.description ?? ""
        }
        let audience = try await words(Draft(audience: #"["bailey","other\u202e\"x"]"#))
        #expect(
            audience.contains(
                "it is for \"bailey\", \"other\u{FFFD}\\\"x\", and has to be for bailey or bailey-staging alone"
            ),
            "\(audience)"
        )
        let issuer = try await words(Draft(issuer: "https://evil.test"))
        #expect(
            issuer.contains("it is from \"https://evil.test\", and has to be from \(Draft.url)"),
            "\(issuer)"
        )
        let key = try await words(Draft(kid: "nosuch"))
        #expect(key.contains("no key of the id that it names, \"nosuch\", but \"rsa\""), "\(key)")
        let long = try await words(Draft(audience: "\"\(String(repeating: "a", count: 2_000))\""))
        #expect(long.utf8.count < 500 && long.contains("aaa…\""), "\(long)")
    }

    @Test(
        "What bad input gets: refused, with which check failed, and never the token itself",
        arguments: flaws
    )
    func refused(flaw: Flaw) async throws {
        let token = try flaw.draft().token()
        let result = try await outcome(of: token)
        #expect(result.failed == flaw.check, "\(result)")
        for part in token.text.split(separator: ".") where part.utf8.count > 8 {
            #expect(result.fault?.description.contains(part) == false)
        }
        #expect(result.fault?.description.contains("acme") == false, "\(result)")
        // What is printed of it by mistake says nothing either.
        #expect("\(token)".contains("octets") && !"\(token) \(String(reflecting: token))".contains("ey"))
    }

    @Test("A token that is not three parts of base64url, each spelled the one way there is, is refused")
    func form() async throws {
        let good = try Draft().text()
        let parts = good.split(separator: ".").map(String.init)
        let bad = [
            "", ".", "..", "a.b", good + ".", "." + good, good + "=", good + "\n", " " + good,
            parts[0] + "=." + parts[1] + "." + parts[2], "\(parts[0]).\(parts[1])", good + ".x.y", "é" + good,
            parts[0] + "." + parts[1].replacing("e", with: "+") + "." + parts[2],
        ]
        for text in bad {
            let result = try await outcome(of: #require(IdentityToken(text)))
            #expect(result.failed == .form, "\(text.prefix(40)): \(result)")
        }
        // The last character of a text whose length is no multiple of four has bits that stand for nothing.
        let loose = try #require(
            ["A": "B", "Q": "R", "g": "h", "w": "x"].first { parts[2].hasSuffix($0.key) }
        )
        let respelled = parts[0] + "." + parts[1] + "." + parts[2].dropLast() + loose.value
        #expect(try await outcome(of: #require(IdentityToken(respelled))).failed == .form)
        #expect(try await outcome(of: #require(IdentityToken(good))).failed == nil)
    }

    @Test("A token over 16 KiB is none, and one whose header is over 8 KiB is refused")
    func size() async throws {
        #expect(IdentityToken(String(repeating: "a", count: 16 << 10)) != nil)
        #expect(IdentityToken(String(repeating: "a", count: 16 << 10 + 1)) == nil)
        var draft = Draft()
        draft.header = #"{"alg":"RS256","kid":"rsa","x5c":["\#(String(repeating: "A", count: 8_000))"]}"#
        #expect(try await outcome(of: draft.token()).failed == .size)
    }

    @Test("Clocks may differ by the leeway, and no further")
    func leeway() async throws {
        let draft = Draft(times: #""exp":1800000000.5,"iat":1800000000"#)
        for (offset, check) in [
            (29_999, nil), (30_000, .expiry), (-30_000, nil), (-30_001, .issuedAt),
        ] as [(Int64, TokenFault.Check?)] {
            let now = Timestamp(milliseconds: Draft.now.milliseconds + offset)
            #expect(try await outcome(of: draft.token(), now: now).failed == check, "\(offset)")
        }
        let strict = Issuer.testing { $0.leeway = 0 }
        #expect(try await outcome(of: draft.token(), by: strict).failed == .expiry)
    }

    @Test("Where the issuer has one key, a token need not name it; two of one id are none")
    func keys() async throws {
        var draft = Draft()
        draft.header = #"{"alg":"RS256"}"#
        let numbers = try IssuerKeyring.first.get().rsa.publicKey.getKeyPrimitives()
        let key = #"{"kty":"RSA","n":"\#(numbers.modulus.url)","e":"\#(numbers.publicExponent.url)""#
        let one = Array(#"{"keys":[\#(key)}]}"#.utf8)
        #expect(try await outcome(of: draft.token(), keys: one).failed == nil)
        let unnamed = Array(#"{"keys":[\#(key)},\#(key),"kid":"other"}]}"#.utf8)
        #expect(try await outcome(of: draft.token(), keys: unnamed).failed == .key)
        let two = Array(#"{"keys":[\#(key),"kid":"rsa"},\#(key),"kid":"rsa"}]}"#.utf8)
        #expect(try await outcome(of: Draft().token(), keys: two).failed == .key)
        let bound = Array(#"{"keys":[\#(key),"kid":"rsa","alg":"RS512"}]}"#.utf8)
        #expect(try await outcome(of: Draft().token(), keys: bound).failed == .algorithm)
        let short = Array(#"{"keys":[{"kty":"RSA","kid":"rsa","n":"AQAB","e":"AQAB"}]}"#.utf8)
        #expect(try await outcome(of: Draft().token(), keys: short).failed == .key)
    }

    @Test(
        "A key set that is none is refused",
        arguments: ["", "{}", #"{"keys":{}}"#, #"{"keys":[],"keys":[]}"#, "[]", #"{"keys":[]} x"#]
    )
    func badSets(text: String) {
        #expect(throws: TokenFault.self) { try SigningKeys(Array(text.utf8)) }
    }

    @Test("Over 64 KiB, or of more than a hundred keys, it is refused as well")
    func largeSets() {
        let many = String(repeating: "{},", count: 100)
        #expect(throws: TokenFault.self) { try SigningKeys(Array("{\"keys\":[\(many){}]}".utf8)) }
        let long = String(repeating: " ", count: 64 << 10)
        #expect(throws: TokenFault.self) { try SigningKeys(Array("{\"keys\":[]}\(long)".utf8)) }
    }
}
