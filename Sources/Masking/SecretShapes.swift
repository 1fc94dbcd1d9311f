/// Tells secrets by their shape, and hides them.
///
/// Linear in the length of the text; no regular expressions.
///
/// A detector of shapes finds what providers made recognisable and what a name gives away. A bare random value
/// under no name looks like a digest or an identifier and is left alone.
package enum SecretShapes {
    /// What stands for the hidden part.
    package static let hidden = "***"

    /// The value holds a token of a known shape, a private key, a URL with a password, or an assignment to a
    /// secret name.
    package static func isSecretShaped(_ value: String) -> Bool {
        var scan = MaskScan(Array(value.utf8))
        scan.run()
        return scan.foundSecret
    }

    /// The name says that its value is a secret, or may be one.
    package static func isSecretName(_ name: String) -> Bool {
        SecretName(name.utf8) != .none
    }

    /// A value under a name, such as an environment variable: by its shape, by a name that leaves no doubt,
    /// or by a doubtful name with a random-looking value.
    ///
    /// Paths and empty values are none.
    package static func isSecret(name: String, value: String) -> Bool {
        if isSecretShaped(value) { return true }
        let octets = Array(value.utf8)
        guard let first = octets.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "~") else {
            return false
        }
        switch SecretName(name.utf8) {
        case .none: return false
        case .weak: return octets.hasRandomStretch
        case .strong: return true
        }
    }

    /// The text with every secret hidden; what names its kind (`ghp_`, `user:`, `token=`) stays.
    ///
    /// Masking what was masked changes nothing.
    package static func masked(_ text: String) -> String {
        var scan = MaskScan(Array(text.utf8))
        scan.run()
        return scan.foundSecret ? String(decoding: scan.output, as: UTF8.self) : text
    }

    /// Where a secret of some shape stands.
    static func ranges(in octets: [UInt8]) -> [Range<Int>] {
        var scan = MaskScan(octets)
        scan.run()
        return scan.ranges
    }

    /// The same, and these exact values hidden wherever they stand.
    package static func masked(_ text: String, knownSecrets: [String]) -> String {
        masked(KnownSecrets(knownSecrets).masked(text))
    }
}
