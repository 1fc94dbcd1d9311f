internal import Gateway
internal import Glibc
internal import Linux
internal import Sandbox

/// The files that make an agent's programs trust this supervisor's certificate authority and ask its resolver.
///
/// The system's own roots stay in the bundle: `tls:` rules forward without interception, so those connections
/// meet the upstream's real certificate.
struct TrustStore {
    /// Bytes read of the host's bundle; Debian's is 220 KiB.
    private static let maximumBundle = 4 << 20

    /// Read-only files put into every agent's view.
    let files: ExtraFiles

    init(authority: CertificateAuthority) throws {
        let pem = authority.certificatePEM
        let system = ReadFile.bytes(at: TrustFiles.bundlePath, limit: Self.maximumBundle) ?? []
        let certificates = PEMCertificates.decoded(Array(pem.utf8)) + PEMCertificates.decoded(system)
        let truststore = JavaTruststore(
            certificates: certificates.enumerated().map { (alias: "bailey-\($0.offset)", der: $0.element) }
        )
        files = try ExtraFiles([
            (path: TrustFiles.bundlePath, pieces: [system, Array("\n\(pem)".utf8)]),
            (path: TrustFiles.javaPath, pieces: truststore.pieces),
            (
                path: "/etc/resolv.conf",
                pieces: [Array("nameserver 198.18.0.53\noptions edns0 timeout:2\n".utf8)]
            ),
            (path: "/etc/hosts", pieces: [Array("127.0.0.1\tlocalhost\n::1\tlocalhost\n".utf8)]),
        ])
    }
}
