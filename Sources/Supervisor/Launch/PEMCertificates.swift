internal import Foundation

/// The certificates of a PEM file (RFC 7468), for formats that want them in DER.
enum PEMCertificates {
    /// Each certificate's DER bytes; a block that is not base64 is left out.
    static func decoded(_ pem: [UInt8]) -> [[UInt8]] {
        String(decoding: pem, as: UTF8.self).split(separator: "-----BEGIN CERTIFICATE-----").dropFirst()
            .compactMap {
                let body = $0.prefix { $0 != "-" }
                return Data(base64Encoded: String(body), options: .ignoreUnknownCharacters).map { Array($0) }
            }
    }
}
