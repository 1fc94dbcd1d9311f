internal import Crypto
internal import Foundation
package import Model

/// A server of the operator's that messages are posted to, each signed with a secret that both know.
///
/// As Standard Webhooks 1.0 has it (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme"):
/// `webhook-id`, the same in each attempt, `webhook-timestamp` in seconds, and `webhook-signature: v1,BASE64` of the HMAC-SHA256
/// (RFC 2104) of `ID.TIMESTAMP.BODY`.
package struct SignedWebhook: Sendable {
    package let address: WebAddress
    private let secret: Secret
    private let transport: any MessageTransport
    private let clock: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - address: where it is.
    ///   - secret: what both know.
    ///   - transport: what sends.
    ///   - clock: the time of each attempt.
    package init(
        _ address: WebAddress,
        _ secret: Secret,
        by transport: any MessageTransport,
        clock: @escaping @Sendable () -> Timestamp = AuditStore.wallClock
    ) {
        (self.address, self.secret, self.transport, self.clock) = (address, secret, transport, clock)
    }

    /// The key that signs.
    package struct Secret: Sendable, CustomStringConvertible, CustomReflectable {
        /// What one begins with that is in base64.
        private static let prefix = "whsec_"
        /// Octets behind it at the least (Standard Webhooks 1.0, "Signature scheme": 24 to 64).
        private static let shortest = 24

        fileprivate let key: SymmetricKey

        /// Takes the key's octets; behind `whsec_` they are in base64.
        ///
        /// Throws where they are not, or too few: what was meant is not what would sign.
        package init(_ octets: [UInt8]) throws(MessageFailure) {
            let text = String(decoding: octets, as: UTF8.self)
            guard text.begins(with: Self.prefix) else {
                key = SymmetricKey(data: octets)
                return
            }
            guard let decoded = Data(base64Encoded: String(text.dropFirst(bytes: Self.prefix.utf8.count))),
                decoded.count >= Self.shortest
            else {
                throw MessageFailure(
                    "what stands behind \(Self.prefix) in the secret is no base64 of \(Self.shortest) octets or more"
                )
            }
            key = SymmetricKey(data: decoded)
        }

        package var description: String { "Secret" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// Posts one message, and gives the answer, whatever it is; blocks for a bounded time.
    ///
    /// - Parameters:
    ///   - body: JSON.
    ///   - id: of the message, without a full stop.
    ///   - timeout: milliseconds for the whole answer.
    /// - Returns: what the server answered.
    /// - Throws: where there was no answer.
    package func post(_ body: String, id: String, timeout: Int64) throws(MessageFailure) -> MessageReply {
        let moment = clock().milliseconds / 1_000
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("\(id).\(moment).\(body)".utf8),
            using: secret.key
        )
        return try transport.post(
            OperatorMessage(
                address,
                fields: [
                    ("content-type", "application/json"), ("webhook-id", id),
                    ("webhook-timestamp", "\(moment)"),
                    ("webhook-signature", "v1,\(Data(code).base64EncodedString())"),
                ],
                body: body,
                timeout: timeout
            )
        )
    }
}
