import Foundation
import Identity
import Model
import TestSupport
import Testing

struct FuzzTests {
    private let words = [
        "\"", "{", "}", "[", "]", ",", ":", "null", "-1", "1e400", "\\u0000", "\\ud800", "alg", "none",
        "HS256",
        "kid", "iss", "sub", "aud", "exp", "nbf", "iat", "groups", "crit", "true", ".", "=", "1800000600",
    ]

    @Test("Tokens: no trap, and none is taken but one that says what the signed one says")
    func tokens() async throws {
        let keys = try SigningKeys(IssuerKeyring.first.get().set())
        let good = Draft(#""groups":["a"],"repository":"acme/app""#)
        let verifier = TokenVerifier(.testing())
        let taken = try await verifier.verify(good.token(), keys: keys, now: Draft.now)
        var texts = [try good.text()]
        texts += try [Draft(algorithm: "none"), Draft(algorithm: "HS256"), Draft(kid: "ec")].map {
            try $0.text()
        }
        var cases: [IdentityToken] = []
        try Fuzz("identity-tokens", texts: texts, words: words).run { input, _ in
            if let token = IdentityToken(String(decoding: input, as: UTF8.self)) { cases.append(token) }
        }
        for token in cases {
            guard let identity = try? await verifier.verify(token, keys: keys, now: Draft.now) else {
                continue
            }
            #expect(identity == taken, "\(token.text)")
        }
        #expect(!cases.isEmpty)
    }

    @Test("Claims in a token that is signed: no trap, and what is kept is plain and in bounds")
    func claims() throws {
        let seeds = [
            Draft(#""groups":["a","b"],"repository":"acme/app","act":{"actor":"x"}"#),
            Draft(#""groups":"a","run_attempt":1.5,"protected":false"#),
        ].map(\.payload)
        let verifier = TokenVerifier(.testing())
        try Fuzz("identity-claims", texts: seeds, words: words).run { input, _ in
            var draft = Draft()
            draft.payload = String(decoding: input.prefix(8_000), as: UTF8.self)
            draft.signer = "none"
            let token = try draft.token()
            do throws(TokenFault) {
                _ = try verifier.check(token, now: Draft.now)
            } catch {
                try Finding.unless(!error.reason.isEmpty, "no word")
            }
        }
    }

    @Test("Key sets: no trap")
    func keys() throws {
        let set = try String(decoding: IssuerKeyring.first.get().set(), as: UTF8.self)
        try Fuzz("identity-keys", texts: [set, #"{"keys":[]}"#], words: words + ["RSA", "kty", "n", "AQAB"])
            .run {
                input,
                _ in
                _ = try? SigningKeys(input)
            }
    }
}
