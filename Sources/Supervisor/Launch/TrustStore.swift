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
        let browsers = Self.browserPolicies(trusting: pem)
        files = try ExtraFiles(
            browsers + [
                (path: TrustFiles.bundlePath, pieces: [system, Array("\n\(pem)".utf8)]),
                (path: TrustFiles.javaPath, pieces: truststore.pieces),
                (
                    path: "/etc/resolv.conf",
                    pieces: [Array("nameserver 198.18.0.53\noptions edns0 timeout:2\n".utf8)]
                ),
                (path: "/etc/hosts", pieces: [Array("127.0.0.1\tlocalhost\n::1\tlocalhost\n".utf8)]),
            ]
        )
    }

    /// Chromium reads no bundle, only its own roots and what its policy adds (`CACertificates`), in base64 of DER.
    private static func browserPolicies(trusting pem: String) -> [(path: String, pieces: [[UInt8]])] {
        let lines = pem.utf8.split(separator: UInt8(ascii: "\n"))
        let body = lines.filter { $0.first != UInt8(ascii: "-") }.joined()
        let text = Array("{\"CACertificates\": [\"".utf8) + body + Array("\"]}\n".utf8)
        return TrustFiles.browserPolicies.filter { unsafe access($0.folder, F_OK) == 0 }.map {
            ($0.path, [text])
        }
    }
}
