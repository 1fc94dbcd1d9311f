/// What a signature of AWS is for, besides its day.
package struct AWSScope: Sendable, Hashable {
    /// `eu-central-1`.
    package let region: String
    /// `s3`.
    package let service: String

    /// Octets of either; the longest in use has 24.
    package static let maximumLength = 64

    /// Nil for what is neither: both stand between slashes in a credential's scope.
    package init?(region: some StringProtocol, service: some StringProtocol) {
        guard Self.isWord(region), Self.isWord(service) else { return nil }
        self.region = String(region)
        self.service = String(service)
    }

    private static func isWord(_ text: some StringProtocol) -> Bool {
        (1...maximumLength).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }
}
