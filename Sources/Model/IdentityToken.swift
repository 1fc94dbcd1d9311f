/// A token on its way to be verified: it proves who somebody is to whoever reads it.
///
/// Has no description: it is a secret.
package struct IdentityToken: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// Octets of one: twice what servers take as a header field (8 KiB), and more than any issuer's with a hundred groups.
    package static let maximumLength = 16 << 10

    package let text: String

    /// Nil for one that is longer than any is read.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        self.text = String(text)
    }

    package var description: String { "IdentityToken(\(text.utf8.count) octets)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
