/// A SAML response or assertion on its way to be verified: it proves who somebody is to whoever reads it.
///
/// Has no description: it is a secret.
package struct IdentityAssertion: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// Octets of one: with two signatures, their certificates and a hundred groups those in use have 40 KiB.
    package static let maximumLength = 128 << 10
    /// Octets of its file: base64 with line ends.
    package static let maximumFile = maximumLength * 3 / 2

    /// As the file has it: XML, or base64 of that.
    package let text: String

    /// Nil for one that is longer than any is read.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= Self.maximumFile else { return nil }
        self.text = String(text)
    }

    package var description: String { "IdentityAssertion(\(text.utf8.count) octets)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
