internal import Foundation
internal import Model

/// An access key of AWS as a source gives it: `ID:SECRET`, `ID:SECRET:TOKEN`, or the document that a `credential_process`
/// prints (AWS CLI User Guide, "Sourcing credentials with an external process").
struct AWSKeyText {
    /// `ID:SECRET` or `ID:SECRET:TOKEN`.
    let text: String
    /// Milliseconds since 1970 at which it ends; nil where it does not say.
    let end: Int64?

    var id: Substring { text.cut(at: ":").first ?? "" }

    private struct Document: Decodable {
        let version: Int
        let id: String
        let secret: String
        let token: String?
        let expiration: String?

        private enum CodingKeys: String, CodingKey {
            case version = "Version"
            case id = "AccessKeyId"
            case secret = "SecretAccessKey"
            case token = "SessionToken"
            case expiration = "Expiration"
        }
    }

    /// Nil for a text that is neither.
    init?(_ source: String) {
        if source.begins(with: "{") {
            guard let document = try? JSONDecoder().decode(Document.self, from: Data(source.utf8)),
                document.version == 1
            else { return nil }
            text = ([document.id, document.secret] + [document.token].compactMap(\.self)).joined(
                separator: ":"
            )
            let date = document.expiration.map { try? Date($0, strategy: .iso8601) }
            if case .some(.none) = date { return nil }
            end = date.flatMap(\.self).map { Int64($0.timeIntervalSince1970 * 1_000) }
        } else {
            text = source
            end = nil
        }
        let parts = text.cut(at: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count),
            // AccessKey of IAM's reference: 16 to 128 letters, digits or underscores.
            (16...128).contains(parts[0].utf8.count), parts[0].utf8.allSatisfy(Self.isWord),
            parts.dropFirst().allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7e).contains($0) } })
        else { return nil }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        CredentialFile.isLetterOrDigit(byte) || byte == UInt8(ascii: "_")
    }
}
