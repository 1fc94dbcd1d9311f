import Model
import NIOCore
import NIOHTTP1
import Reflection

/// The messages of a call of gRPC, each with a prefix and compressed by itself ("Length-Prefixed-Message" of gRPC over
/// HTTP/2).
final class CallMessages {
    private let coding: ContentCoding
    private var prefix = ByteBuffer()
    /// Octets still to come of the message under way, and what undoes its compression.
    private var left = 0
    private var decoder: ContentDecoder?

    /// Octets of the prefix: whether it is compressed, and a length of four.
    private static let prefix = 5

    /// Nil where messages are as they are: of no call, or without a coding.
    init?(_ headers: HTTPHeaders) throws(DecodingFault) {
        guard
            headers["content-type"].contains(where: { $0.lowercasedASCII.begins(with: "application/grpc") }),
            let coding = try ContentCoding.applied(headers["grpc-encoding"]).last
        else { return nil }
        self.coding = coding
    }

    /// Reads on; what the messages stand for, in pieces.
    func read(
        _ bytes: ByteBuffer,
        _ use: (ByteBuffer) throws(DecodingFault) -> Void
    ) throws(DecodingFault) {
        var bytes = bytes
        while bytes.readableBytes > 0 {
            if left == 0 { try begin(&bytes) }
            guard left > 0, let piece = bytes.readSlice(length: min(left, bytes.readableBytes)) else {
                continue
            }
            left -= piece.readableBytes
            if let decoder {
                try decoder.decode(piece, use)
                if left == 0 { try decoder.finish() }
            } else {
                try use(piece)
            }
        }
    }

    /// The call is over.
    func finish() throws(DecodingFault) {
        guard left == 0, prefix.readableBytes == 0 else { throw .incomplete }
    }

    private func begin(_ bytes: inout ByteBuffer) throws(DecodingFault) {
        let missing = min(Self.prefix - prefix.readableBytes, bytes.readableBytes)
        if var more = bytes.readSlice(length: missing) { prefix.writeBuffer(&more) }
        guard prefix.readableBytes == Self.prefix,
            let (flag, length) = prefix.readMultipleIntegers(as: (UInt8, UInt32).self)
        else { return }
        prefix.clear()
        left = Int(length)
        // None for an empty one: a call may consist of nothing else.
        decoder = flag & 1 == 1 && left > 0 ? try ContentDecoder(coding) : nil
    }
}
