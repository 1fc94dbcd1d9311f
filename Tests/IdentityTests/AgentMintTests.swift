import Crypto
import Foundation
import Identity
import JWTKit
import Model
import SwiftASN1
import Synchronization
import Testing
import X509

struct AgentMintTests {
    private let clock = Clock()
    private let keys: MintKeys
    private let mint: AgentMint
    private let domain: TrustDomain

    init() throws {
        domain = try #require(TrustDomain("example.org"))
        let authority = MintKeys.makeKey()
        keys = try MintKeys(
            token: MintKeys.makeKey(),
            authority: authority,
            certificate: try MintKeys.makeCertificate(authority: authority, domain: domain.name),
            domain: domain.name
        )
        let (clock, ring) = (clock, MintKeyRing(keys))
        mint = AgentMint(ring: { _ in ring }, domain: domain, now: { clock.now })
    }

    /// What a service reads, by the published keys alone.
    private func claims(_ token: MintedToken, for audience: String) async throws -> Claims {
        let set = try TrustBundle(MintKeyRing(keys), at: clock.now).text(.jwks)
        let collection = try await JWTKeyCollection().add(jwksJSON: set)
        let claims = try await collection.verify(token.text, as: Claims.self)
        try claims.aud.verifyIntendedAudience(includes: audience)
        return claims
    }

    @Test(
        "G24: the token is on behalf of the principal; who acts is the agent, and nested in it who launched it"
    )
    func chain() async throws {
        let lineage = Self.lineage(["ci", "test-runner", "tool"])
        let token = try mint.token(for: lineage, audience: "https://orders.test", lifetime: 300_000)
        let claims = try await claims(token, for: "https://orders.test")
        #expect(claims.sub == "user:alice" && claims.iss == "spiffe://example.org")
        #expect(
            claims.act.names == [
                "spiffe://example.org/user/alice/ci/test-runner/tool/3",
                "spiffe://example.org/user/alice/ci/test-runner/2",
                "spiffe://example.org/user/alice/ci/1",
            ]
        )
        #expect(claims.exp - claims.iat == 300 && claims.nbf == claims.iat)
    }

    @Test(
        "G24: the token is bound to the agent's certificate, which the published authority signed, by its thumbprint"
    )
    func bound() async throws {
        let lineage = Self.lineage(["ci", "tool"])
        let token = try mint.token(for: lineage, audience: "a", lifetime: 300_000)
        let claims = try await claims(token, for: "a")
        let certificate = try Certificate(pemEncoded: token.certificate.pem.firstBlock)
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        let octets = serializer.serializedBytes
        #expect(claims.cnf["x5t#S256"] == Data(SHA256.hash(data: octets)).base64URL)
        let authority = try Certificate(
            pemEncoded: try TrustBundle(MintKeyRing(keys), at: clock.now).text(.pem)
        )
        #expect(authority.publicKey.isValidSignature(certificate.signature, for: certificate))
        let names = try #require(try certificate.extensions.subjectAlternativeNames)
        #expect(
            Array(names) == [.uniformResourceIdentifier("spiffe://example.org/user/alice/ci/tool/2")],
            "exactly one (X509-SVID section 2)"
        )
        let constraints = try certificate.extensions.basicConstraints
        #expect(constraints == .notCertificateAuthority)
        // It is there for as long as a token that is made at the last moment of its use.
        #expect(certificate.notValidAfter >= clock.now + 600 - 1)
    }

    @Test(
        "Another agent, another service: another token; the same again while more than half of its life is left"
    )
    func kept() throws {
        let (a, b) = (Self.lineage(["ci"]), Self.lineage(["ci", "tool"]))
        let first = try mint.token(for: a, audience: "x", lifetime: 300_000)
        #expect(mint.keptToken(for: b, audience: "x", lifetime: 300_000) == nil)
        #expect(mint.keptToken(for: a, audience: "y", lifetime: 300_000) == nil)
        #expect(mint.keptToken(for: a, audience: "x", lifetime: 300_000) == first)
        #expect(try mint.token(for: b, audience: "x", lifetime: 300_000).certificate != first.certificate)
        clock.pass(149)
        #expect(try mint.token(for: a, audience: "x", lifetime: 300_000) == first)
        clock.pass(2)
        #expect(mint.keptToken(for: a, audience: "x", lifetime: 300_000) == nil)
        let second = try mint.token(for: a, audience: "x", lifetime: 300_000)
        #expect(second.text != first.text && second.certificate == first.certificate)
    }

    @Test("A token lives no longer than what its principal was proven by, and there is none behind it")
    func expiry() async throws {
        let end = Timestamp(milliseconds: Int64((clock.now.timeIntervalSince1970 + 100) * 1_000))
        let principal = Principal(issuer: "id", subject: "alice", uid: 1_000, expiry: end)
        let lineage = Self.lineage(["ci"], of: principal)
        let token = try mint.token(for: lineage, audience: "x", lifetime: 300_000)
        let claims = try await claims(token, for: "x")
        #expect((98...100).contains(claims.exp - claims.iat) && claims.sub == "oidc:id:alice")
        clock.pass(60)
        #expect(try mint.token(for: lineage, audience: "x", lifetime: 300_000) != token)
        clock.pass(40)
        let failure = #expect(throws: CredentialFailure.self) {
            try mint.token(for: lineage, audience: "x", lifetime: 300_000)
        }
        #expect(failure?.message == "the token of oidc:id:alice has expired")
        let asserted = Principal(.assertion, issuer: "corp", subject: "bob", uid: 1_000, expiry: end)
        let other = #expect(throws: CredentialFailure.self) {
            try mint.token(for: Self.lineage(["ci"], of: asserted), audience: "x", lifetime: 300_000)
        }
        #expect(other?.message == "the assertion of saml:corp:bob has expired")
        // Its principal is proven anew, and that of another run is not.
        let later = Timestamp(milliseconds: end.milliseconds + 50_000)
        mint.extend("another", until: later)
        #expect(throws: CredentialFailure.self) {
            try mint.token(for: lineage, audience: "x", lifetime: 300_000)
        }
        mint.extend(lineage.agent.agent.run, until: later)
        let renewed = try mint.token(for: lineage, audience: "x", lifetime: 300_000)
        #expect(renewed.text != token.text)
    }

    @Test(
        "What was minted for an agent is dropped with it, no more is minted for it, and nobody else's is touched"
    )
    func forgotten() throws {
        let (a, b) = (Self.lineage(["ci"]), Self.lineage(["ci", "tool"]))
        for lineage in [a, b] {
            _ = try mint.token(for: lineage, audience: "x", lifetime: 300_000)
            _ = try mint.certificate(for: lineage, lifetime: 3_600_000)
        }
        mint.forget(a.agent.agent)
        #expect(mint.keptToken(for: a, audience: "x", lifetime: 300_000) == nil)
        #expect(mint.keptCertificate(for: a, lifetime: 3_600_000) == nil)
        #expect(mint.keptToken(for: b, audience: "x", lifetime: 300_000) != nil)
        #expect(mint.keptCertificate(for: b, lifetime: 3_600_000) != nil)
        // A request that was under way when its agent was revoked.
        #expect(throws: CredentialFailure.self) { try mint.token(for: a, audience: "y", lifetime: 300_000) }
        #expect(throws: CredentialFailure.self) { try mint.certificate(for: a, lifetime: 60_000) }
        #expect(mint.keptCertificate(for: a, lifetime: 600_000) == nil)
        #expect(try mint.token(for: b, audience: "y", lifetime: 300_000).text.isEmpty == false)
    }

    @Test("An agent whose name is longer than services have to take gets neither token nor certificate")
    func tooLong() throws {
        let lineage = Self.lineage(Array(repeating: String(repeating: "n", count: 63), count: 33))
        #expect(throws: CredentialFailure.self) {
            try mint.token(for: lineage, audience: "x", lifetime: 300_000)
        }
        #expect(throws: CredentialFailure.self) { try mint.certificate(for: lineage, lifetime: 60_000) }
    }

    @Test("A SPIFFE bundle has both keys, each for its use, and the JWK Set that of tokens alone")
    func bundle() throws {
        let bundle = TrustBundle(MintKeyRing(keys), at: clock.now)
        let whole = try JSONDecoder().decode(Keys.self, from: Data(bundle.text(.spiffe).utf8))
        #expect(whole.keys.map(\.use) == ["jwt-svid", "x509-svid"])
        let set = try JSONDecoder().decode(Keys.self, from: Data(bundle.text(.jwks).utf8))
        #expect(set.keys.map(\.use) == ["sig"] && set.keys.map(\.kid) == [whole.keys[0].kid])
        let octets = try #require(whole.keys[1].x5c?.first.flatMap { Data(base64Encoded: $0) })
        #expect(
            try Certificate(derEncoded: Array(octets))
                == Certificate(pemEncoded: try bundle.text(.pem))
        )
    }

    @Test("Keys that do not belong together, are damaged or of another trust domain are refused")
    func damaged() throws {
        let (token, authority) = (MintKeys.makeKey(), MintKeys.makeKey())
        let certificate = try MintKeys.makeCertificate(authority: authority, domain: "example.org")
        func use(_ token: Data, _ authority: Data, _ certificate: Data, _ domain: String) throws {
            _ = try MintKeys(
                token: token,
                authority: authority,
                certificate: certificate,
                domain: domain
            )
        }
        try use(token, authority, certificate, "example.org")
        #expect(throws: (any Error).self) { try use(token.dropLast(), authority, certificate, "example.org") }
        #expect(throws: MintFailure.self) { try use(token, token, certificate, "example.org") }
        #expect(throws: OtherTrustDomain.self) { try use(token, authority, certificate, "example.com") }
        #expect(throws: (any Error).self) { try use(token, authority, certificate.dropLast(), "example.org") }
    }
}

extension AgentMintTests {
    static func lineage(
        _ names: [String],
        of principal: Principal = Principal(localUser: "alice", uid: 1_000)
    ) -> Lineage {
        let hops = names.enumerated().map { index, name in
            Hop(
                agent: AgentID(run: "1f2e3d4c5b6a", ordinal: index + 1),
                name: name,
                profile: "p",
                profileDigest: "d"
            )
        }
        return hops.dropFirst().reduce(Lineage(principal: principal, root: hops[0])) { $0.child($1) }
    }
}

/// A clock that a test moves; it begins now, since certificates are checked by the machine's.
private final class Clock: Sendable {
    private let passed = Mutex<TimeInterval>(0)
    private let began = Date()

    var now: Date { began + passed.withLock { $0 } }

    func pass(_ seconds: TimeInterval) { passed.withLock { $0 += seconds } }
}

/// As a service reads them.
private struct Claims: JWTPayload {
    let iss: String
    let sub: String
    let aud: AudienceClaim
    let exp: Int
    let nbf: Int
    let iat: Int
    let jti: String
    let act: Act
    let cnf: [String: String]

    func verify(using algorithm: some JWTAlgorithm) throws {
        try ExpirationClaim(value: Date(timeIntervalSince1970: Double(exp))).verifyNotExpired()
    }

    final class Act: Codable, Sendable {
        let sub: String
        let act: Act?

        var names: [String] { [sub] + (act?.names ?? []) }
    }
}

private struct Keys: Decodable {
    struct Key: Decodable {
        let use: String
        let kid: String?
        let x5c: [String]?
    }

    let keys: [Key]
}

extension String {
    /// The first of several PEM documents.
    fileprivate var firstBlock: String {
        range(of: "-----END CERTIFICATE-----").map { String(self[..<$0.upperBound]) } ?? self
    }
}

extension Data {
    fileprivate var base64URL: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
