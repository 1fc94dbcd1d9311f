import Crypto
import CryptoExtras
import Foundation
import Identity
import Model
import Testing

/// Keys of an issuer that the tests are.
struct IssuerKeyring: Sendable {
    let rsa: _RSA.Signing.PrivateKey
    let p256 = P256.Signing.PrivateKey()
    let p384 = P384.Signing.PrivateKey()
    let ed25519 = Curve25519.Signing.PrivateKey()

    /// RSA keys take long to make.
    static let first = Result { try IssuerKeyring(rsa: _RSA.Signing.PrivateKey(keySize: .bits2048)) }
    static let second = Result { try IssuerKeyring(rsa: _RSA.Signing.PrivateKey(keySize: .bits2048)) }

    /// A JWK Set with the public halves.
    func set(_ suffix: String = "", more: String = "") throws -> [UInt8] {
        let numbers = try rsa.publicKey.getKeyPrimitives()
        func coordinates(_ octets: Data) -> (String, String) {
            (octets.prefix(octets.count / 2).url, octets.suffix(octets.count / 2).url)
        }
        let (x, y) = coordinates(p256.publicKey.rawRepresentation)
        let (x384, y384) = coordinates(p384.publicKey.rawRepresentation)
        return Array(
            """
            {"keys": [
              {"kty": "RSA", "kid": "rsa\(suffix)", "use": "sig", "n": "\(numbers.modulus.url)", "e": "\(numbers.publicExponent.url)"},
              {"kty": "EC", "kid": "ec\(suffix)", "crv": "P-256", "alg": "ES256", "x": "\(x)", "y": "\(y)"},
              {"kty": "EC", "kid": "ec384\(suffix)", "crv": "P-384", "x": "\(x384)", "y": "\(y384)"},
              {"kty": "OKP", "kid": "ed\(suffix)", "crv": "Ed25519", "x": "\(ed25519.publicKey.rawRepresentation.url)"},
              {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}, {"kty": "RSA", "kid": "for-encryption", "use": "enc", "n": "AQAB", "e": "AQAB"}
              \(more)
            ]}
            """.utf8
        )
    }

    /// A signature of some kind; empty for "none".
    func signature(_ algorithm: String, of text: String) throws -> Data {
        let data = Data(text.utf8)
        switch algorithm {
        case "RS256":
            return try rsa.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
                .rawRepresentation
        case "RS512":
            return try rsa.signature(for: SHA512.hash(data: data), padding: .insecurePKCS1v1_5)
                .rawRepresentation
        case "PS256": return try rsa.signature(for: SHA256.hash(data: data), padding: .PSS).rawRepresentation
        case "ES256": return try p256.signature(for: data).rawRepresentation
        case "ES384": return try p384.signature(for: data).rawRepresentation
        case "EdDSA": return try ed25519.signature(for: data)
        case "HS256":
            // What the attack is: the public key, as it is published, is the secret.
            let secret = SymmetricKey(data: Data(rsa.publicKey.pemRepresentation.utf8))
            return Data(HMAC<SHA256>.authenticationCode(for: data, using: secret))
        default: return Data()
        }
    }
}

/// A token before it is signed.
struct Draft {
    var algorithm = "RS256"
    var header = #"{"alg":"ALG","kid":"rsa","typ":"JWT"}"#
    var payload: String
    var keys = IssuerKeyring.first
    /// Signed with another algorithm than the header says.
    var signer: String?

    static let now = Timestamp(milliseconds: 1_800_000_000_000)
    static let url = "https://issuer.test/realm"

    init(
        _ more: String = "",
        algorithm: String = "RS256",
        kid: String = "rsa",
        times: String = #""exp":1800000600,"iat":1799999990,"nbf":1799999990"#,
        audience: String = #""bailey""#,
        issuer: String = Draft.url,
        subject: String = #""repo:acme/app:ref:refs/heads/main""#
    ) {
        self.algorithm = algorithm
        header = #"{"alg":"\#(algorithm)","kid":"\#(kid)","typ":"JWT"}"#
        payload =
            #"{"iss":"\#(issuer)","sub":\#(subject),"aud":\#(audience),\#(times)\#(more.isEmpty ? "" : ",\(more)")}"#
    }

    func text() throws -> String {
        let signed = Data(header.utf8).url + "." + Data(payload.utf8).url
        return try signed + "." + keys.get().signature(signer ?? algorithm, of: signed).url
    }

    func token() throws -> IdentityToken { try #require(IdentityToken(text())) }
}

extension Data {
    /// base64url without padding.
    var url: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

extension Issuer {
    static func testing(_ change: (inout Issuer) -> Void = { _ in }) -> Issuer {
        var issuer = Issuer(
            name: "ci",
            url: Draft.url,
            address: WebAddress(Draft.url),
            audiences: ["bailey", "bailey-staging"],
            groups: "groups",
            claims: ["repository", "ref", "run_attempt", "protected", "/act/actor"]
        )
        change(&issuer)
        return issuer
    }
}

/// What came of a token.
func outcome(
    of token: IdentityToken,
    by issuer: Issuer = .testing(),
    now: Timestamp = Draft.now,
    keys: [UInt8]? = nil
) async throws -> Result<ProvenIdentity, TokenFault> {
    let keys = try SigningKeys(keys ?? IssuerKeyring.first.get().set())
    do throws(TokenFault) {
        return .success(try await TokenVerifier(issuer).verify(token, keys: keys, now: now))
    } catch {
        return .failure(error)
    }
}

extension Result where Failure == TokenFault {
    var failed: TokenFault.Check? { if case .failure(let fault) = self { fault.check } else { nil } }
    var fault: TokenFault? { if case .failure(let fault) = self { fault } else { nil } }
}
