package import NIOCore
package import Wire

/// Some of a message's payload, or a whole control frame's.
package struct MessagePiece {
    /// What the message is; of a control frame its own.
    package let opcode: WebSocketOpcode
    /// Unmasked.
    package let payload: ByteBuffer
    package let isLast: Bool
}

/// Reads the messages in one side's frames.
package struct MessageReader {
    private var reader: FrameReader
    private var opcode = WebSocketOpcode.binary

    package init(from side: Side) {
        reader = FrameReader(isMasked: side == .client)
    }

    package mutating func append(_ bytes: ByteBuffer) { reader.append(bytes) }

    /// The next piece that is there; nil when more octets are needed.
    package mutating func next() throws(WebSocketFault) -> MessagePiece? {
        guard let piece = try reader.next() else { return nil }
        guard !piece.opcode.isControl else {
            return MessagePiece(opcode: piece.opcode, payload: piece.payload, isLast: true)
        }
        if piece.opcode != .continuation { opcode = piece.opcode }
        return MessagePiece(opcode: opcode, payload: piece.payload, isLast: piece.endsMessage)
    }
}
