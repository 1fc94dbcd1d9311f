internal import Crypto
internal import Model
internal import NIOSSL
internal import SwiftASN1
internal import X509

/// How far a server is known before it is logged in to.
struct PostgresSecurity {
    /// By its certificate: what is sent is read by nobody else.
    let isVerified: Bool
    /// `tls-server-end-point` (RFC 5929 section 4.1); nil without TLS, and for a signature that names no hash.
    let binding: [UInt8]?

    init(_ mode: DatabaseSession.SSLMode, certificate: NIOSSLCertificate?) {
        isVerified = mode == .verifyFull
        binding = certificate.flatMap { try? $0.toDERBytes() }.flatMap(Self.hash)
    }

    private static func hash(_ der: [UInt8]) -> [UInt8]? {
        switch (try? Certificate(derEncoded: der))?.signatureAlgorithm {
        // MD5 and SHA-1 count as SHA-256.
        case .sha1WithRSAEncryption?, .sha256WithRSAEncryption?, .ecdsaWithSHA256?:
            Array(SHA256.hash(data: der))
        case .sha384WithRSAEncryption?, .ecdsaWithSHA384?: Array(SHA384.hash(data: der))
        case .sha512WithRSAEncryption?, .ecdsaWithSHA512?: Array(SHA512.hash(data: der))
        default: nil
        }
    }
}
