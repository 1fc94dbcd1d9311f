import Model
import NIOCore
import NIOHTTP1
import Reflection

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
    /// What a compressed one has come to: the prefix says its length, and stands in front.
    private var whole = ByteBuffer()

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
    var heldOctets: Int { whole.readableBytes }

    /// Reads on; what the messages stand for, in pieces.
    func read(
        _ bytes: ByteBuffer,
        _ use: (ByteBuffer) throws(DecodingFault) -> Void
    ) throws(DecodingFault) {
        var bytes = bytes
        while bytes.readableBytes > 0 {
            if left == 0 { try begin(&bytes, use) }
            guard left > 0, let piece = bytes.readSlice(length: min(left, bytes.readableBytes)) else {
                continue
            }
            left -= piece.readableBytes
            guard let decoder else {
                try use(piece)
                continue
            }
            try decoder.decode(piece) { (part: ByteBuffer) throws(DecodingFault) in
                if keepsPrefixes { try keep(part) } else { try use(part) }
            }
            guard left == 0 else { continue }
            try decoder.finish()
            if keepsPrefixes { try passOn(use) }
        }
    }

    /// The call is over.
    func finish() throws(DecodingFault) {
        guard coding == nil || left == 0 && prefix.readableBytes == 0 else { throw .incomplete }
    }

    private func begin(
        _ bytes: inout ByteBuffer,
        _ use: (ByteBuffer) throws(DecodingFault) -> Void
    ) throws(DecodingFault) {
        let missing = min(Self.prefix - prefix.readableBytes, bytes.readableBytes)
        if var more = bytes.readSlice(length: missing) { prefix.writeBuffer(&more) }
        guard prefix.readableBytes == Self.prefix,
            let (flag, length) = prefix.readMultipleIntegers(as: (UInt8, UInt32).self)
        else { return }
        prefix.clear()
        left = Int(length)
        self.flag = flag & ~1
        // None for an empty one: a call may consist of nothing else.
        decoder = flag & 1 == 1 && left > 0 ? try decoder(of: coding) : nil
        guard keepsPrefixes, decoder == nil else { return }
        try use(Self.prefix(self.flag, length))
    }

    private func decoder(of coding: ContentCoding?) throws(DecodingFault) -> ContentDecoder {
        guard let coding else { throw .unknownCoding }
        return try ContentDecoder(coding)
    }

    private func keep(_ part: ByteBuffer) throws(DecodingFault) {
        guard whole.readableBytes + part.readableBytes <= ReflectionLimits.message else {
            throw .messageTooLarge
        }
        whole.writeImmutableBuffer(part)
    }

    private func passOn(_ use: (ByteBuffer) throws(DecodingFault) -> Void) throws(DecodingFault) {
        try use(Self.prefix(flag, UInt32(clamping: whole.readableBytes)))
        let message = whole
        whole = ByteBuffer()
        if message.readableBytes > 0 { try use(message) }
    }

    private static func prefix(_ flag: UInt8, _ length: UInt32) -> ByteBuffer {
        var prefix = ByteBuffer()
        prefix.writeMultipleIntegers(flag, length)
        return prefix
    }
}
