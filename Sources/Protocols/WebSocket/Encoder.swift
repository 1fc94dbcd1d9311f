import NIOCore

/// A masking key and how far into it a payload is (RFC 6455 section 5.3).
struct MaskingKey {
    /// As on the wire, first octet highest.
    let octets: UInt32
    private var offset = 0

    init(_ octets: UInt32) {
        self.octets = octets
    }

    /// A fresh one: whoever chooses a payload must not know its key (RFC 6455 section 10.3).
    static func random() -> MaskingKey { MaskingKey(UInt32.random(in: .min ... .max)) }

    /// Masks what is readable behind the first `skipped` octets, or unmasks it, which is the same.
    mutating func apply(to payload: inout ByteBuffer, skipping skipped: Int = 0) {
        let count = payload.readableBytes - skipped
        let turned = octets << UInt32(8 * offset) | octets >> UInt32(32 - 8 * offset)
        let word = (UInt64(turned) << 32 | UInt64(turned)).bigEndian
        unsafe payload.withUnsafeMutableReadableBytes { bytes in
            var place = skipped
            while place + 8 <= bytes.count {
                let plain = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                unsafe bytes.storeBytes(of: plain ^ word, toByteOffset: place, as: UInt64.self)
                place += 8
            }
            var rest = turned
            while place < bytes.count {
                rest = rest << 8 | rest >> 24
                unsafe bytes[place] ^= UInt8(truncatingIfNeeded: rest)
                place += 1
            }
        }
        offset = (offset + count) % 4
    }
}

/// Writes frames.
enum FrameWriter {
    /// Appends one frame, masked where it goes to a server.
    static func write(
        _ opcode: WebSocketOpcode,
        endsMessage: Bool,
        _ payload: ByteBuffer,
        isMasked: Bool,
        to bytes: inout ByteBuffer
    ) {
        let count = payload.readableBytes
        let mask: UInt8 = isMasked ? 0x80 : 0
        bytes.reserveCapacity(minimumWritableBytes: WebSocketLimits.header + count)
        bytes.writeInteger(opcode.rawValue | (endsMessage ? 0x80 : 0))
        switch count {
        case ...125: bytes.writeInteger(UInt8(truncatingIfNeeded: count) | mask)
        case ...65_535: bytes.writeMultipleIntegers(126 | mask, UInt16(truncatingIfNeeded: count))
        default: bytes.writeMultipleIntegers(127 | mask, UInt64(truncatingIfNeeded: count))
        }
        guard isMasked else {
            _ = bytes.writeImmutableBuffer(payload)
            return
        }
        var key = MaskingKey.random()
        bytes.writeInteger(key.octets)
        let before = bytes.readableBytes
        bytes.writeImmutableBuffer(payload)
        key.apply(to: &bytes, skipping: before)
    }

    /// What fits into a close frame: whole words, and a mark that there were more.
    private static func shortened(_ reason: [UInt8]) -> ArraySlice<UInt8> {
        let room = WebSocketLimits.control - 2
        guard reason.count > room else { return reason[...] }
        let mark = Array(" ...".utf8)
        let front = reason.prefix(room - mark.count + 1)
        let end = front.lastIndex(of: UInt8(ascii: " ")) ?? front.endIndex - 1
        return (reason[..<end] + mark)[...]
    }

    /// A close frame with a status and as many words of a reason as fit, in ASCII.
    static func close(_ status: UInt16, _ reason: String, isMasked: Bool) -> ByteBuffer {
        var payload = ByteBuffer(integer: status)
        payload.writeBytes(shortened(Array(reason.utf8)))
        var bytes = ByteBuffer()
        write(.close, endsMessage: true, payload, isMasked: isMasked, to: &bytes)
        return bytes
    }
}
