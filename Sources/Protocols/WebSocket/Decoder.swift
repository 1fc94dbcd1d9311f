import NIOCore
import Wire

/// Reads the frames of one side, strictly and piece by piece (RFC 6455 section 5.2).
///
/// NIOWebSocket's decoder holds each frame until it is whole: what it may hold would be the memory of every connection,
/// and the largest message at once. This one holds `WebSocketLimits.piece`. The tests hold the two against each other.
struct FrameReader {
    private struct Header {
        let opcode: WebSocketOpcode
        let isFinal: Bool
        /// Octets still to come.
        var left: Int
        var key: MaskingKey?
    }

    private enum Length {
        case more
        case length(Int, header: Int)
    }

    /// A client masks every frame, a server none (RFC 6455 section 5.1).
    private let isMasked: Bool
    private var bytes = ByteBuffer()
    private var header: Header?
    /// A message has begun and not ended.
    private var isInMessage = false

    init(isMasked: Bool) {
        self.isMasked = isMasked
    }

    mutating func append(_ more: ByteBuffer) { bytes.append(arrived: more) }

    /// The next piece that is there; nil when more octets are needed.
    mutating func next() throws(WebSocketFault) -> FramePiece? {
        defer { bytes.releaseIfRead() }
        if header == nil { header = try readHeader() }
        guard var current = header else { return nil }
        guard var payload = bytes.readSlice(length: min(current.left, WebSocketLimits.piece)) else {
            return nil
        }
        current.left -= payload.readableBytes
        current.key?.apply(to: &payload)
        header = current.left == 0 ? nil : current
        return FramePiece(
            opcode: current.opcode,
            payload: payload,
            endsFrame: current.left == 0,
            endsMessage: current.left == 0 && current.isFinal
        )
    }

    private mutating func readHeader() throws(WebSocketFault) -> Header? {
        let start = bytes.readerIndex
        guard let first = bytes.getInteger(at: start, as: UInt8.self),
            let second = bytes.getInteger(at: start + 1, as: UInt8.self)
        else { return nil }
        let opcode = try opcode(first)
        let isFinal = first & 0x80 != 0
        guard (second & 0x80 != 0) == isMasked else {
            throw .violation(
                isMasked ? "a frame of the client is not masked" : "a frame of the server is masked"
            )
        }
        guard case .length(let length, let size) = try length(second & 0x7F, at: start + 2) else {
            return nil
        }
        try check(opcode, isFinal: isFinal, length: length)
        var key: MaskingKey?
        if isMasked {
            guard let octets = bytes.getInteger(at: start + size, as: UInt32.self) else { return nil }
            key = MaskingKey(octets)
        }
        bytes.moveReaderIndex(forwardBy: size + (isMasked ? 4 : 0))
        if !opcode.isControl { isInMessage = !isFinal }
        return Header(opcode: opcode, isFinal: isFinal, left: length, key: key)
    }

    private func opcode(_ first: UInt8) throws(WebSocketFault) -> WebSocketOpcode {
        guard first & 0x70 == 0 else {
            throw .violation("a frame has a reserved bit set, and no extension was agreed on")
        }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            throw .violation("a frame has a reserved opcode")
        }
        return opcode
    }

    /// The length and where it ends, counted from the beginning of the frame; in the fewest octets that hold it.
    private func length(_ short: UInt8, at place: Int) throws(WebSocketFault) -> Length {
        switch short {
        case 126:
            guard let length = bytes.getInteger(at: place, as: UInt16.self) else { return .more }
            guard length > 125 else { throw .violation("a frame's length is not in its shortest form") }
            return .length(Int(length), header: 4)
        case 127:
            guard let wide = bytes.getInteger(at: place, as: UInt64.self) else { return .more }
            guard let length = Int(exactly: wide) else {
                throw .violation("a frame's length has its highest bit set")
            }
            guard length > 65_535 else { throw .violation("a frame's length is not in its shortest form") }
            return .length(length, header: 10)
        default:
            return .length(Int(short), header: 2)
        }
    }

    private func check(_ opcode: WebSocketOpcode, isFinal: Bool, length: Int) throws(WebSocketFault) {
        switch opcode {
        case .close, .ping, .pong:
            guard isFinal else { throw .violation("a control frame is a fragment") }
            guard length <= WebSocketLimits.control else {
                throw .violation("a control frame has more than \(WebSocketLimits.control) octets")
            }
        case .continuation:
            guard isInMessage else { throw .violation("a fragment continues no message") }
        case .text, .binary:
            guard !isInMessage else { throw .violation("a message begins before the last one ended") }
        }
    }
}
