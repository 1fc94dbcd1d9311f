internal import Crypto
internal import Foundation

/// A public key of P-256 as a JSON Web Key (RFC 7517, RFC 7518 section 6.2).
struct PublicKeyDocument: Encodable {
    /// Coordinates, base64url of 32 octets each.
    private let x: String
    private let y: String
    private let kty = "EC"
    private let crv = "P-256"
    var kid: String?
    var use: String?
    var alg: String?
    /// Certificates of it, base64 of DER (RFC 7517 section 4.7).
    var x5c: [String]?

    init(_ key: P256.Signing.PublicKey) {
        // Both coordinates, one behind the other.
        let octets = key.rawRepresentation
        x = Data(octets.prefix(32)).base64URL
        y = Data(octets.suffix(32)).base64URL
    }

    /// SHA-256 of the required members, in their lexicographic order and without white space (RFC 7638 section 3).
    var thumbprint: String {
        let text = #"{"crv":"\#(crv)","kty":"\#(kty)","x":"\#(x)","y":"\#(y)"}"#
        return Data(SHA256.hash(data: Data(text.utf8))).base64URL
    }
}
