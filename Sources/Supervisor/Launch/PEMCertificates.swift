internal import Foundation

/// The certificates of a PEM file (RFC 7468), for formats that want them in DER.
enum PEMCertificates {
    private static let begin = Array("-----BEGIN CERTIFICATE-----".utf8)
    private static let dash = UInt8(ascii: "-")

    /// Each certificate's DER bytes; a block that is not base64 is left out.
    static func decoded(_ pem: [UInt8]) -> [[UInt8]] {
        var certificates: [[UInt8]] = []
        for line in pem.split(separator: UInt8(ascii: "\n")) where line.elementsEqual(begin) {
            let body = pem[line.endIndex...].prefix { $0 != dash }
            guard let der = Data(base64Encoded: Data(body), options: .ignoreUnknownCharacters) else {
                continue
            }
            certificates.append(Array(der))
        }
        return certificates
    }
}
