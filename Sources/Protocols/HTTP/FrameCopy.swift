import Masking
import Model
import NIOCore
import Reflection
import WebSocketProtocol
import Wire

/// The messages of one side of a WebSocket as they are recorded: a line of JSON each.
///
/// `{"kind":"text","payload":"…"}`; of one that comes in pieces a line for each, all but the last with `"more":true`. What is
/// no text is base64.
struct FrameCopy {
    private var reader: MessageReader
    private let secrets: [SecretSpellings]
    private let kinds: MaskKinds
    /// Of the message under way.
    private var mask: RecordMask
    /// Octets of a character whose rest comes with the next piece.
    private var rest = ByteBuffer()

    init(from side: Side, _ secrets: [SecretSpellings], _ kinds: MaskKinds) {
        reader = MessageReader(from: side)
        self.secrets = secrets
        self.kinds = kinds
        mask = RecordMask(secrets, kinds, .backslash)
    }

    mutating func take(_ bytes: ByteBuffer) throws(CopyFault) -> ByteBuffer {
        var lines = ByteBuffer()
        reader.append(bytes)
        while let piece = try next() { try write(piece, to: &lines) }
        return lines
    }

    private mutating func next() throws(CopyFault) -> MessagePiece? {
        do throws(WebSocketFault) { return try reader.next() } catch {
            throw CopyFault(words: "its frames cannot be read: \(error.message)")
        }
    }

    private mutating func write(_ piece: MessagePiece, to lines: inout ByteBuffer) throws(CopyFault) {
        guard !piece.opcode.isControl else {
            var own = RecordMask(secrets, kinds, .backslash)
            var payload = piece.payload
            let status = piece.opcode == .close ? payload.readInteger(as: UInt16.self) : nil
            var shown = try own.take(payload)
            var last = try own.finish()
            shown.writeBuffer(&last)
            return line(piece.opcode, shown, status: status, more: false, to: &lines)
        }
        var shown = try mask.take(piece.payload)
        if piece.isLast {
            var last = try mask.finish()
            shown.writeBuffer(&last)
            mask = RecordMask(secrets, kinds, .backslash)
        }
        if piece.opcode == .text { shown = whole(shown, isLast: piece.isLast) }
        guard piece.isLast || shown.readableBytes > 0 else { return }
        line(piece.opcode, shown, status: nil, more: !piece.isLast, to: &lines)
    }

    /// Keeps the beginning of a character back.
    private mutating func whole(_ bytes: ByteBuffer, isLast: Bool) -> ByteBuffer {
        var all = rest
        all.writeImmutableBuffer(bytes)
        rest = ByteBuffer()
        guard !isLast else { return all }
        let view = all.readableBytesView
        var kept = 0
        while kept < min(3, view.count) {
            let octet = view[view.endIndex - 1 - kept]
            kept += 1
            if octet & 0xC0 == 0x80 { continue }
            // A first octet says how many follow (RFC 3629 section 3).
            let needed = octet >= 0xF0 ? 4 : octet >= 0xE0 ? 3 : octet >= 0xC0 ? 2 : 1
            guard needed > kept, let shown = all.readSlice(length: all.readableBytes - kept) else {
                return all
            }
            rest = all
            return shown
        }
        return all
    }

    private func line(
        _ opcode: WebSocketOpcode,
        _ payload: ByteBuffer,
        status: UInt16?,
        more: Bool,
        to lines: inout ByteBuffer
    ) {
        lines.writeString("{\"kind\":\"\(opcode)\"")
        if more { lines.writeString(",\"more\":true") }
        let text = opcode == .binary ? nil : String(validating: payload.readableBytesView, as: UTF8.self)
        if let text {
            lines.writeString(",\"payload\":\(JSONText.quoted(text))")
        } else {
            lines.writeString(",\"base64\":\"\(Base64.encoded(Array(payload.readableBytesView)))\"")
        }
        if let status { lines.writeString(",\"status\":\(status)") }
        lines.writeString("}\n")
    }
}
