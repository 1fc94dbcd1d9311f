internal import Crypto
internal import Foundation
internal import Model

/// A token by its SHA-256: that alone is kept and compared.
enum ApprovalToken {
    /// What a file has that holds no token, only its digest: `sha256:HEX`.
    private static let prefix = "sha256:"

    static func digest(of token: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: token)) }

    /// Of what a file holds.
    static func digest(inFile octets: [UInt8]) -> [UInt8] {
        let text = String(decoding: octets, as: UTF8.self)
        guard text.begins(with: prefix) else { return digest(of: octets) }
        let digits = Array(text.utf8.dropFirst(prefix.utf8.count))
        guard digits.count == 2 * SHA256.byteCount else { return digest(of: octets) }
        let parsed = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        return parsed.count == SHA256.byteCount ? parsed : digest(of: octets)
    }

    /// In a time that does not depend on where they differ.
    static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
