internal import Crypto
internal import Foundation
package import Model

/// A server of the operator's that messages are posted to, each signed with a secret that both know.
///
/// As Standard Webhooks 1.0 has it (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme"):
/// `webhook-id`, the same in each attempt, `webhook-timestamp` in seconds, and `webhook-signature: v1,BASE64` of the HMAC-SHA256
/// (RFC 2104) of `ID.TIMESTAMP.BODY`.
package struct SignedWebhook: Sendable {
    /// What a secret begins with that is a key in base64.
    private static let prefix = "whsec_"

    package let address: WebAddress
    private let key: SymmetricKey
    private let transport: any MessageTransport
    private let clock: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - address: where it is.
    ///   - secret: the key's octets; behind `whsec_` they are in base64.
    ///   - transport: what sends.
    ///   - clock: the time of each attempt.
    package init(
        _ address: WebAddress,
        secret: [UInt8],
        by transport: any MessageTransport,
        clock: @escaping @Sendable () -> Timestamp = AuditStore.wallClock
    ) {
        (self.address, self.transport, self.clock) = (address, transport, clock)
        let text = String(decoding: secret, as: UTF8.self)
        let decoded =
            text.begins(with: Self.prefix)
            ? Data(base64Encoded: String(text.dropFirst(bytes: Self.prefix.utf8.count))) : nil
        key = SymmetricKey(data: decoded ?? Data(secret))
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
        let code = HMAC<SHA256>.authenticationCode(for: Data("\(id).\(moment).\(body)".utf8), using: key)
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
