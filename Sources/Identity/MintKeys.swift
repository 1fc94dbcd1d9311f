internal import Crypto
package import Foundation
internal import Model
internal import SwiftASN1
internal import X509

/// The keys that vouch for agents: one signs their tokens, one their certificates.
///
/// They are the supervisor's, and kept: services have the public halves. Has no description of its own.
package struct MintKeys: Sendable {
    /// Octets of a private key: a scalar of P-256 (SEC 1 section 2.3.7).
    package static let keyLength = 32
    /// Octets of a certificate that is kept, at most; ours have about 500.
    package static let maximumCertificate = 8_192

    let token: P256.Signing.PrivateKey
    let authority: Certificate.PrivateKey
    let certificate: Certificate

    /// A new private key.
    package static func makeKey() -> Data { P256.Signing.PrivateKey().rawRepresentation }

    /// A certificate of the authority for this key, DER, self-signed; it says when the keys were made.
    package static func makeCertificate(
        authority: Data,
        domain: String,
        at now: Date = Date()
    ) throws -> Data {
        let key = Certificate.PrivateKey(try P256.Signing.PrivateKey(rawRepresentation: authority))
        return Data(try TrustAuthority.selfSigned(key, domain: domain, at: now).derEncoded())
    }

    /// When they were made, to the second.
    package var made: Date { certificate.notValidBefore + TrustAuthority.backdating }

    /// Reads what was kept.
    ///
    /// Throws where one is damaged, or the certificate is of another key or trust domain.
    package init(token: Data, authority: Data, certificate: Data, domain: String) throws {
        self.token = try P256.Signing.PrivateKey(rawRepresentation: token)
        let signing = try P256.Signing.PrivateKey(rawRepresentation: authority)
        self.authority = Certificate.PrivateKey(signing)
        self.certificate = try Certificate(derEncoded: Array(certificate))
        guard self.certificate.publicKey == self.authority.publicKey else {
            throw MintFailure("the authority's certificate is of another key")
        }
        let names = try self.certificate.extensions.subjectAlternativeNames
        guard names?.contains(.uniformResourceIdentifier(Self.scheme + domain)) == true else {
            throw OtherTrustDomain(certified: Self.domain(names))
        }
    }

    private static let scheme = "spiffe://"

    /// Which one a certificate is of.
    private static func domain(_ names: SubjectAlternativeNames?) -> String? {
        for case .uniformResourceIdentifier(let name) in names ?? SubjectAlternativeNames()
        where name.begins(with: scheme) {
            return String(name.dropFirst(bytes: scheme.utf8.count))
        }
        return nil
    }

    /// What tells the token's key from others: its thumbprint (RFC 7638).
    package var tokenIdentifier: String { PublicKeyDocument(token.publicKey).thumbprint }
}

/// Something could not be minted, or the keys for it are of no use.
package struct MintFailure: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The authority's certificate vouches for the agents of another trust domain than the one that is configured.
package struct OtherTrustDomain: Error, Sendable {
    /// Which one; nil where it names none.
    package let certified: String?
}

extension Certificate {
    func derEncoded() throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(self)
        return serializer.serializedBytes
    }
}
