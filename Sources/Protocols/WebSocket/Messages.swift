package import Model
import NIOCore

/// The opcode of a frame (RFC 6455 section 5.2).
package enum WebSocketOpcode: UInt8, Sendable, Hashable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// Control frames are whole and may stand between the fragments of a message (RFC 6455 section 5.5).
    package var isControl: Bool { rawValue >= 8 }
}

/// What a payload belongs to.
package enum PayloadKind: Sendable, Hashable {
    /// Text in UTF-8; a part of it may end within a character.
    case text
    case binary
    /// The whole payload of a ping or pong, or the reason of a close.
    case control
}

/// Some of a frame: its whole payload, or so much of a larger one as is held at a time.
struct FramePiece: Equatable {
    let opcode: WebSocketOpcode
    /// Unmasked.
    var payload: ByteBuffer
    /// The frame ends with it.
    let endsFrame: Bool
    /// The message ends with it.
    let endsMessage: Bool
}

/// Why a WebSocket is closed by the gateway.
package struct WebSocketFault: Error, Sendable, Hashable {
    package let reason: Denial.Reason
    /// One clause, for the record and, as far as it fits, the close frame.
    package let message: String
    /// What to do about it; nil where the reason says it.
    package let remedy: String?

    package init(_ reason: Denial.Reason, _ message: String, remedy: String? = nil) {
        self.reason = reason
        self.message = message
        self.remedy = remedy
    }

    static func violation(_ message: String) -> WebSocketFault { WebSocketFault(.malformed, message) }

    /// The status that the side at fault is told: a protocol error, or a message that violates a policy (RFC 6455
    /// section 7.4.1).
    var status: UInt16 { reason == .malformed ? 1002 : 1008 }
}
