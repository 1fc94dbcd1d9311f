import Masking
package import Model
package import NIOCore
package import NIOHTTP1
package import Reflection
import WebSocketProtocol
import Wire

/// What of one body is recorded: it is decoded, and what it may not show is masked; nothing is that could not be looked
/// through.
package struct BodyCopy {
    /// What a body is.
    package enum Form: Sendable {
        /// As the fields of its head say.
        case document(HTTPHeaders)
        /// Frames of a WebSocket.
        case frames
    }

    /// As it was on its way: `gzip`; nil where it was as it is.
    package let coding: String?
    /// Why not all of it is there; nil while all is.
    package private(set) var missing: String?
    private var decoders: [ContentDecoder] = []
    private var mask: RecordMask
    private var frames: FrameCopy?
    /// A text in which rules mask something.
    private var isMaskedText = false

    /// - Parameters:
    ///   - side: whose.
    ///   - form: what it is.
    ///   - secrets: what is masked in whatever octets.
    ///   - kinds: what the rules mask.
    package init(of side: BodySide, _ form: Form, hiding secrets: [SecretSpellings], _ kinds: MaskKinds) {
        switch form {
        case .frames:
            coding = nil
            mask = RecordMask(secrets, kinds, .backslash)
            frames = FrameCopy(from: side == .request ? .client : .upstream, secrets, kinds)
        case .document(let headers):
            let named = headers["content-encoding"].joined(separator: ", ")
            coding = named.isEmpty ? nil : named
            (mask, missing) = Self.mask(headers, secrets, kinds)
            isMaskedText = missing == nil && !kinds.isEmpty
            guard missing == nil else { return }
            do throws(DecodingFault) {
                let fields = headers["content-encoding"].filter {
                    !$0.lowercasedASCII.isSame(as: "aws-chunked")
                }
                decoders = try Self.decoders(fields)
            } catch {
                missing = "it \(error), so it cannot be searched for secrets"
            }
        }
    }

    private static func decoders(_ fields: [String]) throws(DecodingFault) -> [ContentDecoder] {
        var decoders: [ContentDecoder] = []
        for coding in try ContentCoding.applied(fields).reversed() {
            decoders.append(try ContentDecoder(coding))
        }
        return decoders
    }

    /// How a body of this type is masked, or why it cannot be.
    private static func mask(
        _ headers: HTTPHeaders,
        _ secrets: [SecretSpellings],
        _ kinds: MaskKinds
    ) -> (RecordMask, missing: String?) {
        let missing = isCompressed(headers) ? "its messages are compressed one by one" : nil
        switch MaskableType(contentType: headers.first(name: "content-type")) {
        case .text(let syntax): return (RecordMask(secrets, kinds, syntax), missing)
        // A token stands in it as in a text; chance makes none that is surely one.
        case .opaque where kinds.isEmpty: return (RecordMask(secrets, kinds, nil), missing)
        case .opaque(let name):
            return (RecordMask(secrets, [], nil), "it is \(name), which cannot be masked as the rule demands")
        case .charset(let name):
            return (
                RecordMask(secrets, [], nil), "it has the charset \(name), in which nothing can be masked"
            )
        }
    }

    /// Also by a coding that nobody here undoes.
    private static func isCompressed(_ headers: HTTPHeaders) -> Bool {
        do { return try CallMessages(headers) != nil } catch { return true }
    }

    /// Reads on; gives what is recorded by now, in pieces: a coded body may be many times its size.
    package mutating func take(_ bytes: ByteBuffer, _ use: (ByteBuffer) -> Void) {
        guard missing == nil else { return }
        do throws(CopyFault) {
            if frames != nil {
                use(try frames?.take(bytes) ?? ByteBuffer())
            } else {
                try decode(bytes, from: 0, use)
            }
        } catch {
            missing = error.words
        }
    }

    /// The body is over, `isWhole` or not: what was kept back.
    package mutating func end(isWhole: Bool) -> ByteBuffer {
        guard missing == nil, frames == nil else { return ByteBuffer() }
        if isWhole {
            do throws(DecodingFault) {
                for decoder in decoders { try decoder.finish() }
            } catch {
                missing = "it \(error)"
            }
        }
        do throws(CopyFault) { return try mask.finish() } catch {
            missing = error.words
            return ByteBuffer()
        }
    }

    private mutating func decode(
        _ bytes: ByteBuffer,
        from layer: Int,
        _ use: (ByteBuffer) -> Void
    ) throws(CopyFault) {
        guard layer < decoders.count else {
            guard !isMaskedText || !TextCharset.isWide(bytes) else { throw .wide }
            return use(try mask.take(bytes))
        }
        var fault: CopyFault?
        do throws(DecodingFault) {
            try decoders[layer].decode(bytes) { (piece: ByteBuffer) throws(DecodingFault) in
                guard fault == nil else { return }
                do throws(CopyFault) { try decode(piece, from: layer + 1, use) } catch { fault = error }
            }
        } catch {
            throw fault ?? CopyFault(words: "it \(error), so it cannot be searched for secrets")
        }
        if let fault { throw fault }
    }
}

/// Why no more of a body is recorded.
struct CopyFault: Error {
    let words: String

    static let noSearch = CopyFault(words: "the search for secrets does not run on this machine (SSE4.2)")
    static let wide = CopyFault(
        words: "it has octets of zero, as UTF-16 has, so it cannot be masked as the rule demands"
    )
}

/// Masks what is recorded: the secrets that were put in, tokens and private keys, and what the rules mask.
struct RecordMask {
    private var secrets: ReflectionChain
    private var shapes: TextMask

    /// `syntax` is nil for what is no text.
    init(_ spellings: [SecretSpellings], _ kinds: MaskKinds, _ syntax: EscapeSyntax?) {
        secrets = ReflectionChain(spellings)
        var kinds = kinds
        kinds.formUnion(Sending.everything)
        shapes = TextMask(kinds, syntax ?? [], strictly: syntax == nil)
    }

    mutating func take(_ bytes: ByteBuffer) throws(CopyFault) -> ByteBuffer {
        let bytes = secrets.mask(bytes)
        guard let masked = shapes.mask(bytes) else { throw .noSearch }
        return masked
    }

    mutating func finish() throws(CopyFault) -> ByteBuffer {
        let rest = secrets.finish()
        guard var masked = shapes.mask(rest), var last = shapes.finish() else { throw .noSearch }
        masked.writeBuffer(&last)
        return masked
    }
}
