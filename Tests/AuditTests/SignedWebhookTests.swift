import Audit
import Model
import Synchronization
import Testing

struct SignedWebhookTests {
    /// Takes everything, and remembers it.
    private final class Server: MessageTransport {
        let posts = Mutex<[OperatorMessage]>([])

        func post(_ message: OperatorMessage) throws(MessageFailure) -> MessageReply {
            posts.withLock { $0.append(message) }
            return MessageReply(status: 204, body: [])
        }
    }

    private func signature(_ secret: String) throws -> String? {
        let server = Server()
        let webhook = SignedWebhook(
            try #require(WebAddress("https://hook.test/")),
            try SignedWebhook.Secret(Array(secret.utf8)),
            by: server,
            clock: { Timestamp(milliseconds: 1_614_265_330_000) }
        )
        _ = try webhook.post("{\"test\": 2432232314}", id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timeout: 1_000)
        let fields = server.posts.withLock { $0.first?.fields }
        return fields?.first { $0.name == "webhook-signature" }?.value
    }

    @Test
    func `a message is signed as in the example of Standard Webhooks' own libraries`() throws {
        let signed = try signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        #expect(signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        // Without the prefix the same text is a key by itself.
        #expect(try signature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") != signed)
    }

    @Test(arguments: [
        "whsec_", "whsec_not base64 not base64 not base64", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_AAAA",
    ])
    func `what stands behind whsec_ and is no key is refused, and not taken for one`(secret: String) {
        #expect(throws: MessageFailure.self) { try SignedWebhook.Secret(Array(secret.utf8)) }
    }
}
