internal import JWTKit

/// How a token may be signed (RFC 7518 section 3.1, RFC 8037 section 3.1): with keys of two halves, so that whoever verifies
/// cannot sign.
package enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// What issuers in use sign with: GitHub, GitLab, Buildkite and Google RS256, others ES256.
    package static let standard: [SignatureAlgorithm] = [.rs256, .es256]

    /// Those of one secret for both sides (RFC 7518 section 3.2): refused by name, whatever is configured.
    static let symmetric = ["HS256", "HS384", "HS512"]

    /// The `kty` of its keys, and their `crv` where they have one.
    var keyType: (type: String, curve: String?) {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: ("RSA", nil)
        case .es256: ("EC", "P-256")
        case .es384: ("EC", "P-384")
        case .es512: ("EC", "P-521")
        case .edDSA: ("OKP", "Ed25519")
        }
    }

    var library: JWK.Algorithm {
        switch self {
        case .rs256: .rs256
        case .rs384: .rs384
        case .rs512: .rs512
        case .ps256: .ps256
        case .ps384: .ps384
        case .ps512: .ps512
        case .es256: .es256
        case .es384: .es384
        case .es512: .es512
        case .edDSA: .eddsa
        }
    }
}
