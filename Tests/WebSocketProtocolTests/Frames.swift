import Model
import NIOCore
import NIOEmbedded
import NIOWebSocket
import WebSocketProtocol

/// Lets everything pass, and remembers what it was shown.
struct Glass: PayloadStage {
    struct Seen: Equatable {
        let text: String
        let kind: PayloadKind
        let isLast: Bool
    }

    private(set) var seen: [Seen] = []
    /// Refuses a payload that holds this text.
    var refused: String?
    /// Keeps each payload back until its message ends.
    var keepsBack = false
    private var kept = ByteBuffer()

    private let why: String

    init(refusing refused: String? = nil, because why: String = "it is refused", keepingBack: Bool = false) {
        self.refused = refused
        self.why = why
        keepsBack = keepingBack
    }

    mutating func pass(
        _ payload: ByteBuffer,
        of kind: PayloadKind,
        isLast: Bool
    ) throws(WebSocketFault) -> ByteBuffer {
        let text = String(buffer: payload)
        seen.append(Seen(text: text, kind: kind, isLast: isLast))
        if let refused, text.contains(refused) { throw WebSocketFault(.placeholderMisused, why) }
        guard keepsBack, kind != .control else { return payload }
        kept.writeImmutableBuffer(payload)
        guard isLast else { return ByteBuffer() }
        defer { kept = ByteBuffer() }
        return kept
    }
}

/// A frame by hand: first octet, payload, and how its length is written.
func frame(
    _ first: UInt8,
    _ payload: [UInt8],
    key: [UInt8]? = nil,
    length: [UInt8]? = nil
) -> [UInt8] {
    var bytes = [first]
    let mask: UInt8 = key == nil ? 0 : 0x80
    if let length {
        bytes += [length[0] | mask] + length.dropFirst()
    } else if payload.count < 126 {
        bytes.append(UInt8(payload.count) | mask)
    } else if payload.count < 65_536 {
        bytes +=
            [126 | mask] + (0..<2).reversed().map { UInt8(truncatingIfNeeded: payload.count >> (8 * $0)) }
    } else {
        bytes +=
            [127 | mask] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> (8 * $0)) }
    }
    guard let key else { return bytes + payload }
    return bytes + key + payload.indices.map { payload[$0] ^ key[$0 % 4] }
}

let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

func masked(_ first: UInt8, _ text: String) -> [UInt8] { frame(first, Array(text.utf8), key: key) }
func plain(_ first: UInt8, _ text: String) -> [UInt8] { frame(first, Array(text.utf8)) }

/// What NIOWebSocket reads from octets, up to what it refuses: `+` for a fragment, opcode, `m` for a masked one, payload.
func read(_ bytes: ByteBuffer) throws -> [String] {
    let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 24)))
    _ = try? channel.writeInbound(bytes)
    var frames: [String] = []
    while let frame = try channel.readInbound(as: WebSocketFrame.self) {
        let words =
            frame.opcode == .connectionClose
            ? closing(frame.unmaskedData) : String(buffer: frame.unmaskedData)
        frames.append(
            "\(frame.fin ? "" : "+")\(frame.opcode.number)\(frame.maskKey == nil ? "" : "m") \(words)"
        )
    }
    return frames
}

/// The whole messages and control frames of what was read, in the order of their ends: fragments are put together.
func messages(_ frames: [String]) -> [String] {
    var found: [String] = []
    var open = ""
    for frame in frames {
        let isFragment = frame.hasPrefix("+")
        let bare = isFragment ? frame.dropFirst() : frame[...]
        guard !["8", "9", "1"].contains(bare.prefix(1)) || bare.hasPrefix("1m ") || bare.hasPrefix("1 ")
        else {
            found.append(frame)
            continue
        }
        open = bare.hasPrefix("0") ? open + bare.drop { $0 != " " }.dropFirst() : String(bare)
        if !isFragment { found.append(open) }
    }
    return found
}

private func closing(_ data: ByteBuffer) -> String {
    var data = data
    return data.readInteger(as: UInt16.self).map { "\($0) \(String(buffer: data))" } ?? ""
}

extension NIOWebSocket.WebSocketOpcode {
    var number: UInt8 { UInt8(webSocketOpcode: self) }
}
