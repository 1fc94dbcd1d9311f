internal import Crypto
internal import Foundation
package import Model
internal import SwiftASN1
internal import X509

/// What services verify agents by: public keys alone.
package struct TrustBundle: Sendable {
    /// Seconds after which services look again (SPIFFE Trust Domain and Bundle section 4.1.2, `spiffe_refresh_hint`).
    private static let refreshHint = 300

    private let keys: MintKeys
    private let domain: TrustDomain

    package init(keys: MintKeys, domain: TrustDomain) {
        self.keys = keys
        self.domain = domain
    }

    /// A form of it.
    package enum Form: String, Sendable, CaseIterable {
        /// The token's key, as a JWK Set (RFC 7517 section 5).
        case jwks
        /// Both keys, as a SPIFFE bundle.
        case spiffe
        /// The certificates' authority, in PEM.
        case pem

        /// What its file is called.
        package var fileName: String {
            switch self {
            case .jwks: "jwks.json"
            case .spiffe: "bundle.json"
            case .pem: "bundle.pem"
            }
        }

        package var mediaType: String {
            switch self {
            case .jwks: "application/jwk-set+json"
            case .spiffe: "application/json"
            case .pem: "application/x-pem-file"
            }
        }
    }

    /// The text, with a line end.
    package func text(_ form: Form) throws -> String {
        switch form {
        case .jwks: try json(KeySet(keys: [tokenKey(use: "sig")]))
        case .spiffe: try json(Bundle(keys: [tokenKey(use: "jwt-svid"), authorityKey()]))
        case .pem:
            PEMDocument(type: "CERTIFICATE", derBytes: try keys.certificate.derEncoded()).pemString + "\n"
        }
    }

    private struct KeySet: Encodable {
        let keys: [PublicKeyDocument]
    }

    private struct Bundle: Encodable {
        let keys: [PublicKeyDocument]
        let sequence = 1
        let refreshHint = TrustBundle.refreshHint

        private enum CodingKeys: String, CodingKey {
            case keys
            case sequence = "spiffe_sequence"
            case refreshHint = "spiffe_refresh_hint"
        }
    }

    private func tokenKey(use: String) -> PublicKeyDocument {
        var key = PublicKeyDocument(keys.token.publicKey)
        key.kid = keys.tokenIdentifier
        key.use = use
        key.alg = "ES256"
        return key
    }

    private func authorityKey() throws -> PublicKeyDocument {
        guard let known = P256.Signing.PublicKey(keys.authority.publicKey) else {
            throw MintFailure("the authority's key is none of P-256")
        }
        var key = PublicKeyDocument(known)
        key.use = "x509-svid"
        key.x5c = [Data(try keys.certificate.derEncoded()).base64EncodedString()]
        return key
    }

    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}
