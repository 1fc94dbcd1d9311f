internal import Model

/// Posts checkpoints: `{"checkpoint":"LINE","sequence":N,"time":"…"}`, signed.
struct CheckpointWebhook: Sendable {
    let webhook: SignedWebhook

    /// Throws where the server does not take it: with 200 to 299.
    func post(_ checkpoint: Checkpoint) throws(MessageFailure) {
        let reply = try webhook.post(
            Self.body(checkpoint),
            id: "checkpoint-\(checkpoint.sequence)-\(checkpoint.time.milliseconds)",
            timeout: AuditLimits.checkpointAnswer
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
