import Model
import NIOCore
import NIOHTTP1
import Reflection
import Wire

/// The messages of a call of gRPC, each with a prefix and compressed by itself ("Length-Prefixed-Message" of gRPC over
/// HTTP/2).
final class CallMessages {
    /// Nil where none is said: then no message may be compressed.
    private let coding: ContentCoding?
    /// Whether what they stand for is to be a call's messages as well.
    private let keepsPrefixes: Bool
    private var prefix = ByteBuffer()
    /// Of the message under way: its first octet, how many are still to come, and what undoes its compression.
    private var flag: UInt8 = 0
    private var left = 0
    private var decoder: ContentDecoder?
    /// What a compressed one has come to, behind the prefix, which says its length.
    private var whole = ByteBuffer()
    /// What it was given and has not read.
    private var input = ByteBuffer()
    /// A prefix, or a compressed message that is whole, that was not passed on yet.
    private var ready = ByteBuffer()

    /// Octets of the prefix: whether it is compressed, and a length of four.
    private static let prefix = 5

    /// Nil where messages are as they are: of no call, or without a coding where they are only looked through.
    init?(_ headers: HTTPHeaders, keepingPrefixes keepsPrefixes: Bool = false) throws(DecodingFault) {
        guard
            headers["content-type"].contains(where: { $0.lowercasedASCII.begins(with: "application/grpc") }),
            case let codings = try ContentCoding.applied(headers["grpc-encoding"]),
            !codings.isEmpty || keepsPrefixes && !headers["content-type"].contains(where: Self.isText)
        else { return nil }
        guard codings.count <= 1 else { throw .unknownCoding }
        coding = codings.first
        self.keepsPrefixes = keepsPrefixes
    }

    /// Of gRPC-Web: its messages are base64.
    private static func isText(_ type: String) -> Bool {
        type.lowercasedASCII.begins(with: "application/grpc-web-text")
    }

    /// Whether they may be compressed.
    var isCoded: Bool { coding != nil }

    /// Octets of the message under way that are kept back.
    var heldOctets: Int { whole.readableBytes + ready.readableBytes }

    /// Gives it more to read.
    func give(_ more: ByteBuffer) {
        if more.readableBytes > 0 { input.append(arrived: more) }
    }

    /// The next piece of what the messages stand for.
    ///
    /// - Parameter room: octets that may still be made in this turn.
    /// - Returns: nil where there is none before it is given more, or no room.
    /// - Throws: `DecodingFault` where they cannot be read.
    func next(within room: inout Int) throws(DecodingFault) -> ByteBuffer? {
        while room > 0 {
            if let piece = ready.readSlice(length: min(ready.readableBytes, ReflectionLimits.piece)),
                piece.readableBytes > 0
            {
                ready.releaseIfRead()
                room -= piece.readableBytes + ReflectionLimits.pieceCost
                return piece
            }
            if let decoder {
                if let part = try decoder.next() {
                    room -= part.readableBytes + ReflectionLimits.pieceCost
                    guard keepsPrefixes else { return part }
                    try keep(part)
                    continue
                }
                if left == 0 {
                    try end(decoder)
                    continue
                }
            }
            guard input.readableBytes > 0 else {
                input.releaseIfRead()
                return nil
            }
            guard left > 0, let piece = input.readSlice(length: min(left, input.readableBytes)) else {
                room -= ReflectionLimits.pieceCost
                try begin()
                continue
            }
            left -= piece.readableBytes
            guard let decoder else {
                room -= piece.readableBytes + ReflectionLimits.pieceCost
                return piece
            }
            decoder.give(piece)
        }
        return nil
    }

    /// The call is over.
    func finish() throws(DecodingFault) {
        guard coding == nil || left == 0 && prefix.readableBytes == 0 else { throw .incomplete }
    }

    private func begin() throws(DecodingFault) {
        let missing = min(Self.prefix - prefix.readableBytes, input.readableBytes)
        if var more = input.readSlice(length: missing) { prefix.writeBuffer(&more) }
        guard prefix.readableBytes == Self.prefix,
            let (flag, length) = prefix.readMultipleIntegers(as: (UInt8, UInt32).self)
        else { return }
        prefix.clear()
        left = Int(length)
        self.flag = flag & ~1
        // None for an empty one: a call may consist of nothing else.
        decoder = flag & 1 == 1 && left > 0 ? try decoder(of: coding) : nil
        guard keepsPrefixes else { return }
        // The length of a compressed one is known at its end.
        if decoder == nil {
            ready = Self.prefix(self.flag, length)
        } else {
            whole = Self.prefix(self.flag, 0)
        }
    }

    /// All of a compressed message is undone.
    private func end(_ decoder: ContentDecoder) throws(DecodingFault) {
        try decoder.finish()
        self.decoder = nil
        guard keepsPrefixes else { return }
        ready = whole
        whole = ByteBuffer()
        let length = UInt32(clamping: ready.readableBytes - Self.prefix)
        ready.setInteger(length, at: ready.readerIndex + 1)
    }

    private func decoder(of coding: ContentCoding?) throws(DecodingFault) -> ContentDecoder {
        guard let coding else { throw .unknownCoding }
        return try ContentDecoder(coding)
    }

    private func keep(_ part: ByteBuffer) throws(DecodingFault) {
        let octets = whole.readableBytes - Self.prefix + part.readableBytes
        guard octets <= ReflectionLimits.message else { throw .messageTooLarge }
        whole.writeImmutableBuffer(part)
    }

    private static func prefix(_ flag: UInt8, _ length: UInt32) -> ByteBuffer {
        var prefix = ByteBuffer()
        prefix.writeMultipleIntegers(flag, length)
        return prefix
    }
}
