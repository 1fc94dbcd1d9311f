internal import Crypto
internal import Foundation
internal import Model

/// Posts checkpoints: `{"checkpoint":"LINE","sequence":N,"time":"…"}` with `bailey-signature: t=MS,v1=HEX`, where HEX is the
/// HMAC-SHA256 (RFC 2104) of `MS.BODY` under the shared secret.
struct CheckpointWebhook: Sendable {
    let webhook: CheckpointPlan.Webhook
    let transport: any MessageTransport
    let clock: @Sendable () -> Timestamp

    /// Throws where the server does not take it: with 200 to 299.
    func post(_ checkpoint: Checkpoint) throws(MessageFailure) {
        let (body, moment) = (Self.body(checkpoint), clock().milliseconds)
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("\(moment).\(body)".utf8),
            using: SymmetricKey(data: webhook.secret)
        )
        let reply = try transport.post(
            OperatorMessage(
                webhook.address,
                fields: [
                    ("content-type", "application/json"),
                    ("bailey-signature", "t=\(moment),v1=\(code.hex)"),
                ],
                body: body,
                timeout: AuditLimits.checkpointAnswer
            )
        )
        guard (200...299).contains(reply.status) else {
            throw MessageFailure("\(webhook.address.endpoint) answered \(reply.status)")
        }
    }

    private static func body(_ checkpoint: Checkpoint) -> String {
        var json = CanonicalJSON()
        json.object { json in
            json.member("checkpoint", checkpoint.line)
            json.member("sequence", checkpoint.sequence)
            json.member("time", checkpoint.time.text)
        }
        return String(decoding: json.octets, as: UTF8.self)
    }
}
