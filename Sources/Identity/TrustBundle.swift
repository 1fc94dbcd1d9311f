internal import Crypto
package import Foundation
internal import SwiftASN1
internal import X509

/// What services verify agents by at a moment: public keys alone, those that sign and those that will.
package struct TrustBundle: Sendable {
    /// Seconds after which services look again (SPIFFE Trust Domain and Bundle section 4.1.2, `spiffe_refresh_hint`).
    private static let refreshHint = 300

    private let ring: MintKeyRing
    private let now: Date

    package init(_ ring: MintKeyRing, at now: Date) {
        self.ring = ring
        self.now = now
    }

    /// A form of it.
    package enum Form: String, Sendable, CaseIterable {
        /// The tokens' keys, as a JWK Set (RFC 7517 section 5).
        case jwks
        /// Both kinds of keys, as a SPIFFE bundle.
        case spiffe
        /// The certificates' authorities, in PEM.
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

    /// The text, with a line end; the oldest key first.
    package func text(_ form: Form) throws -> String {
        let (tokens, authorities) = (ring.tokens(at: now), ring.authorities(at: now))
        switch form {
        case .jwks: return try json(KeySet(keys: tokens.map { Self.tokenKey($0.keys, use: "sig") }))
        case .spiffe:
            let keys =
                try tokens.map { Self.tokenKey($0.keys, use: "jwt-svid") }
                + authorities.map { try Self.authorityKey($0.keys) }
            return try json(Bundle(keys: keys, sequence: ring.sequence(at: now)))
        case .pem:
            return try authorities.map { generation in
                let octets = try generation.keys.certificate.derEncoded()
                return PEMDocument(type: "CERTIFICATE", derBytes: octets).pemString + "\n"
            }.joined()
        }
    }

    private struct KeySet: Encodable {
        let keys: [PublicKeyDocument]
    }

    private struct Bundle: Encodable {
        let keys: [PublicKeyDocument]
        let sequence: Int
        let refreshHint = TrustBundle.refreshHint

        private enum CodingKeys: String, CodingKey {
            case keys
            case sequence = "spiffe_sequence"
            case refreshHint = "spiffe_refresh_hint"
        }
    }

    private static func tokenKey(_ keys: MintKeys, use: String) -> PublicKeyDocument {
        var key = PublicKeyDocument(keys.token.publicKey)
        key.kid = keys.tokenIdentifier
        key.use = use
        key.alg = "ES256"
        return key
    }

    private static func authorityKey(_ keys: MintKeys) throws -> PublicKeyDocument {
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
