package import NIOCore
package import Wire

/// What the payload of frames passes through on its way in one direction: octets in, octets out.
///
/// It sees each message's payload in order, in pieces that are no frames, and between them control frames, each whole.
/// What it keeps back of a message it gives with the message's last piece.
package protocol PayloadStage {
    /// Some of a payload, and whether what it belongs to ends with it; what of it can go on by now.
    ///
    /// Of a control frame it returns as many octets as it was given. It throws for what must not go on.
    mutating func pass(
        _ payload: ByteBuffer,
        of kind: PayloadKind,
        isLast: Bool
    ) throws(WebSocketFault) -> ByteBuffer
}

/// What came of some octets of one side.
package struct WebSocketStep {
    /// For the other side, re-encoded.
    package var forward = ByteBuffer()
    /// The sender broke the protocol, or sent what must not go on: the connection is over.
    package var fault: WebSocketFault?
    /// Answers to the side at fault, nil without a fault.
    package var answer: ByteBuffer?
}

/// The frames of one WebSocket in both directions, after its opening handshake (RFC 6455).
///
/// ```
///            frames               a side's close frame         that of the other
///   open ◄──────────── open ─────────────────────────► closing ─────────────────► over
///                        └──────── violation, or refused by a stage ─────────────► over
/// ```
///
/// Extensions are not agreed on, so that every payload can be read. Masking keys are each side's own.
package struct WebSocketRelay<Outward: PayloadStage, Inward: PayloadStage> {
    private var client: FrameDirection<Outward>
    package private(set) var upstream: FrameDirection<Inward>

    /// - Parameters:
    ///   - outward: what goes from the client to the server passes through it.
    ///   - inward: what goes from the server to the client.
    package init(outward: Outward, inward: Inward) {
        client = FrameDirection(from: .client, outward)
        upstream = FrameDirection(from: .upstream, inward)
    }

    /// Changes what looks through what the server sends.
    package mutating func changeInward(_ change: (inout Inward) -> Void) { change(&upstream.stage) }

    /// Both sides have said that they send no more.
    package var isOver: Bool { client.hasClosed && upstream.hasClosed }

    /// Octets from one side, for the other.
    package mutating func received(_ bytes: ByteBuffer, from side: Side) -> WebSocketStep {
        var step = WebSocketStep()
        do {
            switch side {
            case .client: try client.receive(bytes, &step.forward)
            case .upstream: try upstream.receive(bytes, &step.forward)
            }
        } catch {
            step.fault = error
            step.answer = FrameWriter.close(error.status, error.message, isMasked: side == .upstream)
            // RFC 6455 section 7.4.1: an endpoint is going away.
            if !hasClosed(side) {
                // The agent hears why; a server, nothing of the agent's.
                let why = side == .upstream ? error.message : ""
                step.forward.writeImmutableBuffer(FrameWriter.close(1001, why, isMasked: side == .client))
            }
        }
        return step
    }

    private func hasClosed(_ side: Side) -> Bool {
        switch side {
        case .client: client.hasClosed
        case .upstream: upstream.hasClosed
        }
    }
}

/// What one side sends: read, passed through a stage, written for the other.
package struct FrameDirection<Stage: PayloadStage> {
    package fileprivate(set) var stage: Stage
    /// Its close frame has gone on.
    private(set) var hasClosed = false
    private var reader: FrameReader
    /// Frames to a server are masked.
    private let masks: Bool
    /// The opcode that the next fragment of the message that has begun goes on with.
    private var opening = WebSocketOpcode.continuation
    private var kind = PayloadKind.binary
    /// A frame has begun and not ended.
    private var isWithinFrame = false

    init(from side: Side, _ stage: Stage) {
        self.stage = stage
        reader = FrameReader(isMasked: side == .client)
        masks = side == .client
    }

    /// Reads on; what a side sends after its close frame is nobody's (RFC 6455 section 5.5.1).
    mutating func receive(_ bytes: ByteBuffer, _ out: inout ByteBuffer) throws(WebSocketFault) {
        guard !hasClosed else { return }
        reader.append(bytes)
        while !hasClosed, let piece = try reader.next() {
            if piece.opcode.isControl {
                try passControl(piece, &out)
            } else {
                try passData(piece, &out)
            }
        }
    }

    private mutating func passData(_ piece: FramePiece, _ out: inout ByteBuffer) throws(WebSocketFault) {
        if piece.opcode != .continuation, !isWithinFrame {
            opening = piece.opcode
            kind = piece.opcode == .text ? .text : .binary
        }
        isWithinFrame = !piece.endsFrame
        let passed = try stage.pass(piece.payload, of: kind, isLast: piece.endsMessage)
        // What is held back goes on with what follows.
        guard passed.readableBytes > 0 || piece.endsMessage else { return }
        FrameWriter.write(opening, endsMessage: piece.endsMessage, passed, isMasked: masks, to: &out)
        opening = .continuation
    }

    private mutating func passControl(_ piece: FramePiece, _ out: inout ByteBuffer) throws(WebSocketFault) {
        var payload = piece.payload
        var passed = ByteBuffer()
        if piece.opcode == .close, payload.readableBytes > 0 {
            passed.writeInteger(try Self.status(&payload))
        }
        passed.writeImmutableBuffer(try stage.pass(payload, of: .control, isLast: true))
        hasClosed = piece.opcode == .close
        FrameWriter.write(piece.opcode, endsMessage: true, passed, isMasked: masks, to: &out)
    }

    /// The status of a close frame, which leaves its reason (RFC 6455 sections 5.5.1 and 7.4).
    private static func status(_ payload: inout ByteBuffer) throws(WebSocketFault) -> UInt16 {
        guard let status = payload.readInteger(as: UInt16.self) else {
            throw .violation("a close frame has one octet")
        }
        switch status {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: throw .violation("a close frame has a status that no endpoint may send")
        }
        guard String(validating: payload.readableBytesView, as: UTF8.self) != nil else {
            throw .violation("the reason of a close frame is not UTF-8")
        }
        return status
    }
}
