internal import Crypto
internal import Foundation
internal import Model
internal import SwiftASN1
internal import X509

/// Signs certificates that say which agent shows them: X.509-SVIDs.
struct TrustAuthority: Sendable {
    /// Seconds that certificates are dated back, for services whose clock is behind.
    static let backdating: TimeInterval = 60
    /// Seconds that the authority itself is valid: ten years, as long as services keep it.
    static let lifetime: TimeInterval = 10 * 365 * 24 * 3_600

    let keys: MintKeys

    static func selfSigned(
        _ key: Certificate.PrivateKey,
        domain: String,
        at now: Date
    ) throws -> Certificate {
        let name = try DistinguishedName {
            OrganizationName("Bailey")
            // A common name holds 64 characters at most (RFC 5280, ub-common-name).
            CommonName(String("Agents of \(domain)".prefix(64)))
        }
        let start = now.addingTimeInterval(-backdating)
        return try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key.publicKey,
            notValidBefore: start,
            notValidAfter: start.addingTimeInterval(lifetime),
            issuer: name,
            subject: name,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
                // X509-SVID section 4.1: a signing certificate's is the trust domain's own.
                SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://\(domain)")])
            },
            issuerPrivateKey: key
        )
    }

    /// A certificate for this name and a key of its own (X509-SVID sections 2 and 4.4).
    func certificate(for id: SPIFFEID, from now: Date, until end: Date) throws -> AgentCertificate {
        let key = P256.Signing.PrivateKey()
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: now.addingTimeInterval(-Self.backdating),
            notValidAfter: min(end, keys.certificate.notValidAfter),
            issuer: keys.certificate.subject,
            subject: try DistinguishedName { OrganizationName("Bailey agent") },
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.clientAuth, .serverAuth])
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: keys.certificate.publicKey).keyIdentifier
                )
                SubjectAlternativeNames([.uniformResourceIdentifier(id.text)])
            },
            issuerPrivateKey: keys.authority
        )
        let octets = try certificate.derEncoded()
        let pem = PEMDocument(type: "CERTIFICATE", derBytes: octets).pemString
        return AgentCertificate(
            minted: MintedCertificate(pem: "\(pem)\n\(key.pemRepresentation)\n"),
            thumbprint: Data(SHA256.hash(data: Data(octets))).base64URL
        )
    }
}

/// A certificate that was minted, and what a token that is bound to it names it by (`x5t#S256`, RFC 8705 section 3.1).
struct AgentCertificate: Sendable {
    let minted: MintedCertificate
    let thumbprint: String
}
