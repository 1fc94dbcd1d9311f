import Model
import NIOCore
import NIOHTTP1
import Reflection
import Wire

/// Looks through one reply for the credential that was put into its request, and masks it.
///
/// What could hide it is taken out of the request: codings that cannot be undone, and ranges, which would ask for it
/// in pieces.
struct ReplySearch {
    private let spellings: SecretSpellings
    private var bodyMask: ReflectionMask
    /// The outermost coding first.
    private var decoders: [ContentDecoder] = []
    private var hasTold = false

    init(
        for injection: Injection,
        in head: inout HTTPRequestHead,
        _ cache: SpellingsCache
    ) throws(HTTPFault) {
        guard let spellings = cache.spellings(ofField: injection.value) else { throw Self.unsearchable }
        self.spellings = spellings
        bodyMask = ReflectionMask(spellings)
        head.headers.remove(name: "range")
        head.headers.remove(name: "if-range")
        guard let offered = ContentCoding.offered(head.headers["accept-encoding"]) else { return }
        head.headers.replaceOrAdd(name: "accept-encoding", value: offered)
    }

    /// Reads how the body is coded; whether it is.
    mutating func begin(_ head: HTTPResponseHead) throws(DecodingFault) -> Bool {
        for coding in try ContentCoding.applied(head.headers["content-encoding"]).reversed() {
            decoders.append(try ContentDecoder(coding))
        }
        return !decoders.isEmpty
    }

    /// Masks names and values; whether there was anything to mask.
    func mask(_ headers: inout HTTPHeaders) -> Bool {
        var isFound = false
        let fields = headers.map { name, value in
            let masked = [name, value].map { ReflectionMask.masked($0, spellings) }
            if masked.contains(where: { $0 != nil }) { isFound = true }
            return (masked[0] ?? name, masked[1] ?? value)
        }
        if isFound { headers = HTTPHeaders(fields) }
        return isFound
    }

    /// What can be passed on of the body by now.
    mutating func body(_ bytes: ByteBuffer) throws(DecodingFault) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        try decode(bytes, from: 0, to: &pieces)
        return pieces.filter { $0.readableBytes > 0 }
    }

    /// The rest of it.
    mutating func end() throws(DecodingFault) -> ByteBuffer {
        for decoder in decoders { try decoder.finish() }
        return bodyMask.finish()
    }

    /// True once, when something of the body has been masked.
    mutating func takeBodyNote() -> Bool {
        guard bodyMask.hasFound, !hasTold else { return false }
        hasTold = true
        return true
    }

    private mutating func decode(
        _ bytes: ByteBuffer,
        from layer: Int,
        to pieces: inout [ByteBuffer]
    ) throws(DecodingFault) {
        guard layer < decoders.count else { return pieces.append(bodyMask.mask(bytes)) }
        let decoder = decoders[layer]
        try decoder.decode(bytes) { (piece: ByteBuffer) throws(DecodingFault) in
            try decode(piece, from: layer + 1, to: &pieces)
        }
    }

    /// Takes out what is said of the coded body, and weakens what names it (RFC 9110 sections 7.7 and 8.8.1).
    static func forgetCoding(_ headers: inout HTTPHeaders) {
        for name in [
            "content-encoding", "content-md5", "digest", "content-digest", "repr-digest", "accept-ranges",
        ] {
            headers.remove(name: name)
        }
        guard let tag = headers.first(name: "etag"), !tag.begins(with: "W/") else { return }
        headers.replaceOrAdd(name: "etag", value: "W/" + tag)
    }

    private static var unsearchable: HTTPFault {
        HTTPFault(
            .serviceUnavailable,
            .credentialUnavailable,
            "the credential for this request has fewer than \(ReflectionLimits.shortest) or more than "
                + "\(ReflectionLimits.longest) octets, so that it could not be kept out of the reply",
            remedy: "Ask the operator to check the credential."
        )
    }
}

extension Relaying {
    /// That the credential was found in the body: once.
    func takeNote() -> [EngineAction<HTTPMessage>] {
        search?.takeBodyNote() == true ? [.masked(id, .body)] : []
    }
}
