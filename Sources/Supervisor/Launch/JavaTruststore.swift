internal import Crypto

/// A Java truststore in the JKS format (`sun.security.provider.JavaKeyStore`), which every JDK reads: trusted
/// certificates only, sealed with the well-known password `changeit`, which keeps nothing secret.
struct JavaTruststore {
    private static let magic: [UInt8] = [0xFE, 0xED, 0xFE, 0xED]
    private static let version = 2
    private static let trustedCertificateTag = 2
    private static let password = "changeit"
    /// Mixed into the integrity digest by the format.
    private static let whitener = "Mighty Aphrodite"

    /// X.509 certificates in DER, each with the alias it goes by.
    let certificates: [(alias: String, der: [UInt8])]

    /// Bytes around each certificate, its alias left out.
    private static let overhead = 32

    /// The file's bytes: the content and its seal.
    var pieces: [[UInt8]] {
        var content: [UInt8] = []
        content.reserveCapacity(
            certificates.reduce(Self.overhead) { $0 + $1.der.count + $1.alias.utf8.count + Self.overhead }
        )
        content += Self.magic + Self.bigEndian(Self.version, 4) + Self.bigEndian(certificates.count, 4)
        for (alias, der) in certificates {
            content += Self.bigEndian(Self.trustedCertificateTag, 4) + Self.text(alias)
            content += Self.bigEndian(0, 8) + Self.text("X.509") + Self.bigEndian(der.count, 4)
            content += der
        }
        return [content, seal(content)]
    }

    /// SHA-1 over the password in UTF-16BE, the whitener and the content: the format's integrity check.
    private func seal(_ content: [UInt8]) -> [UInt8] {
        var hash = Insecure.SHA1()
        hash.update(
            data: Self.password.utf16.flatMap {
                [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)]
            }
        )
        hash.update(data: Array(Self.whitener.utf8))
        hash.update(data: content)
        return Array(hash.finalize())
    }

    private static func text(_ text: String) -> [UInt8] { bigEndian(text.utf8.count, 2) + Array(text.utf8) }

    private static func bigEndian(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * (width - 1 - $0))) }
    }
}
