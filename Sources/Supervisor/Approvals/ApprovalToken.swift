internal import Crypto
internal import Model

/// A token by its SHA-256: that alone is kept and compared.
enum ApprovalToken {
    /// What a file has that holds no token, only its digest: `sha256:HEX`.
    private static let prefix = "sha256:"

    static func digest(of token: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: token)) }

    /// Of what a file holds; nil where it is neither a token nor the whole digest of one.
    ///
    /// A digest with a slip in it is not a token: whoever can read the file would have one that works.
    static func digest(inFile octets: [UInt8]) -> [UInt8]? {
        let text = String(decoding: octets, as: UTF8.self)
        guard text.lowercasedASCII.begins(with: prefix) else { return digest(of: octets) }
        let digits = octets.dropFirst(prefix.utf8.count).compactMap(value)
        guard octets.count == prefix.utf8.count + 2 * SHA256.byteCount, digits.count == 2 * SHA256.byteCount
        else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Of a hexadecimal digit.
    private static func value(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): octet - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): octet - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// In a time that does not depend on where they differ.
    static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
