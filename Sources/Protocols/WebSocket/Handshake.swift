internal import Crypto
import Wire

/// The key of an opening handshake (RFC 6455 sections 4.1 and 4.2.2): 16 octets in base64.
package struct WebSocketKey: Sendable, Hashable {
    package let text: String

    /// Nil for anything else.
    package init?(_ text: String) {
        guard text.utf8.count == 24, Base64.decoded(text)?.count == 16 else { return nil }
        self.text = text
    }

    private init(known text: String) {
        self.text = text
    }

    /// One of the gateway's own: each side has a handshake of its own.
    package static func random() -> WebSocketKey {
        WebSocketKey(known: Base64.encoded((0..<16).map { _ in UInt8.random(in: .min ... .max) }))
    }

    /// What shows that the handshake was understood.
    package var accept: String {
        Base64.encoded(Array(Insecure.SHA1.hash(data: Array((text + Self.suffix).utf8))))
    }

    /// RFC 6455 section 1.3.
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
}
