internal import Crypto
internal import FoundationEssentials
internal import Model
internal import NIOSSL
internal import PostgresProtocol
internal import SwiftASN1
internal import Synchronization
internal import X509

/// The authority that signs what intercepted clients see: made anew for each supervisor, its key only in memory.
package final class CertificateAuthority: Sendable {
    /// Seconds that certificates are dated back, for clients whose clock is behind.
    static let backdating: TimeInterval = 3_600
    /// Seconds from a leaf's notBefore to its notAfter: a day at most (backdating included).
    static let leafLifetime: TimeInterval = 24 * 3_600
    /// Seconds that the authority itself is valid: longer than any supervisor runs without a restart.
    static let authorityLifetime: TimeInterval = 365 * 24 * 3_600

    /// The authority's certificate for the agents' trust bundles.
    ///
    /// Holds no secret.
    package let certificatePEM: String

    private let key: Certificate.PrivateKey
    private let certificate: Certificate
    /// One key for all leaves: they live and end together, and a key for each would cost five times the mint.
    ///
    /// Made for the first, which most runs have not.
    private struct LeafKey: Sendable {
        let signing: P256.Signing.PrivateKey
        let tls: NIOSSLPrivateKey
    }
    private let leafKeys = Mutex<LeafKey?>(nil)

    /// Makes a key and a self-signed certificate for it.
    package init() throws {
        let signing = P256.Signing.PrivateKey()
        key = Certificate.PrivateKey(signing)
        certificate = try Self.selfSigned(key, serial: Certificate.SerialNumber())
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        certificatePEM =
            PEMDocument(type: "CERTIFICATE", derBytes: serializer.serializedBytes).pemString + "\n"
    }

    private func leafKey() throws -> LeafKey {
        try leafKeys.withLock { known in
            if let known { return known }
            let signing = P256.Signing.PrivateKey()
            let tls = try NIOSSLPrivateKey(bytes: Array(signing.pemRepresentation.utf8), format: .pem)
            let made = LeafKey(signing: signing, tls: tls)
            known = made
            return made
        }
    }

    private static func selfSigned(
        _ key: Certificate.PrivateKey,
        serial: Certificate.SerialNumber
    ) throws -> Certificate {
        // The serial in the name keeps two supervisors' authorities apart in one trust store.
        let name = try DistinguishedName {
            CommonName("Bailey gateway \(serial.bytes.prefix(6).hex)")
            OrganizationName("Bailey")
        }
        let start = Date().addingTimeInterval(-backdating)
        return try Certificate(
            version: .v3,
            serialNumber: serial,
            publicKey: key.publicKey,
            notValidBefore: start,
            notValidAfter: start.addingTimeInterval(authorityLifetime),
            issuer: name,
            subject: name,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: key
        )
    }

    /// A server certificate for exactly this host, as DER.
    func leaf(for host: Host) throws -> [UInt8] {
        let start = Date().addingTimeInterval(-Self.backdating)
        let name: GeneralName =
            switch host {
            case .name(let name): .dnsName(name.text)
            case .address(let address): .ipAddress(ASN1OctetString(contentBytes: address.bytes[...]))
            }
        let leaf = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(try leafKey().signing.publicKey),
            notValidBefore: start,
            notValidAfter: start.addingTimeInterval(Self.leafLifetime),
            issuer: certificate.subject,
            // A common name holds 64 characters at most (RFC 5280, ub-common-name); the SAN is what counts.
            subject: try DistinguishedName { CommonName(String(host.description.prefix(64))) },
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier
                )
                SubjectAlternativeNames([name])
            },
            issuerPrivateKey: key
        )
        var serializer = DER.Serializer()
        try serializer.serialize(leaf)
        return serializer.serializedBytes
    }

    /// What is spoken within TLS, by its names of ALPN (RFC 7301).
    enum Speech: Hashable {
        case http
        case postgres

        var protocols: [String] {
            switch self {
            case .http: [Negotiation.http2, Negotiation.http1]
            case .postgres: [PostgresOpening.applicationProtocol]
            }
        }
    }

    /// What a server needs to stand in for this host: TLS 1.2 or later.
    func serverContext(for host: Host, speaking speech: Speech = .http) throws -> NIOSSLContext {
        let leaf = try NIOSSLCertificate(bytes: leaf(for: host), format: .der)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(leaf)],
            privateKey: .privateKey(try leafKey().tls)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = speech.protocols
        return try NIOSSLContext(configuration: configuration)
    }
}
