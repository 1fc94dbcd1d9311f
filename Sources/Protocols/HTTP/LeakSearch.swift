import Masking
import Model
import NIOCore
import NIOHTTP1
import Reflection
import Wire

/// Looks through one request for what must not leave: the secrets that were put in, in any spelling, and what has the
/// shape of a provider's token or of a private key, where no rule names that under `send`.
///
/// Nothing is kept back, so that streams in both directions go on; what is found ends the request before its last
/// octet goes on.
struct LeakSearch {
    /// What was found.
    enum Leak: Hashable {
        case credential
        case kind(MaskKind)
    }

    private let sending: Sending
    private let secrets: [SecretSpellings]
    private var known: [ReflectionMask]
    private var shapes: TextMask?
    /// The outermost coding first.
    private var decoders: [ContentDecoder] = []
    /// Of a call whose messages are compressed.
    private var messages: CallMessages?

    private static let syntax: EscapeSyntax = [.backslash, .reference, .percent]

    init(_ secrets: [SecretSpellings], _ sending: Sending) {
        self.secrets = secrets
        self.sending = sending
        known = secrets.map { ReflectionMask($0) }
        shapes = Self.shapes(sending)
    }

    private static func shapes(_ sending: Sending) -> TextMask? {
        let kinds = Sending.everything.subtracting(sending.kinds)
        return kinds.isEmpty ? nil : TextMask(kinds, syntax, strictly: true)
    }

    /// What follows is another message.
    mutating func nextMessage() {
        shapes = Self.shapes(sending)
    }

    /// The same for a message of its own.
    func fresh() -> LeakSearch { LeakSearch(secrets, sending) }

    /// Looks through a head, without what a credential takes the place of, and reads how the body is coded.
    mutating func check(
        _ head: HTTPRequestHead,
        hasBody: Bool,
        _ lineage: Lineage
    ) throws(HTTPFault) {
        var text = ByteBuffer(string: head.uri)
        for (name, value) in head.headers {
            text.writeString("\n\(name)\n\(value)")
            if let pair = Self.basic(value) { text.writeString("\n\(pair)") }
        }
        if try leak(inWhole: text) != nil {
            throw try fault(Self.place(head, self), lineage)
        }
        guard hasBody else { return }
        let fields = head.headers["content-encoding"].filter { $0.lowercasedASCII != "aws-chunked" }
        do throws(DecodingFault) {
            for coding in try ContentCoding.applied(fields).reversed() {
                decoders.append(try ContentDecoder(coding))
            }
            messages = try CallMessages(head.headers)
        } catch {
            throw Self.undecodable(error)
        }
    }

    /// Looks through the name of the host that is dialled.
    func check(name: String, _ lineage: Lineage) throws(HTTPFault) {
        if let leak = try leak(inWhole: ByteBuffer(string: name)) {
            throw fault((leak, "the host's name"), lineage)
        }
    }

    /// Looks through trailers.
    func check(trailers: HTTPHeaders, _ lineage: Lineage) throws(HTTPFault) {
        for (name, value) in trailers {
            if let leak = try leak(inWhole: ByteBuffer(string: "\(name)\n\(value)")) {
                throw fault((leak, "a trailer field"), lineage)
            }
        }
    }

    /// Reads on through the body; `isLast` says that nothing follows.
    mutating func check(_ bytes: ByteBuffer, isLast: Bool, _ lineage: Lineage) throws(HTTPFault) {
        var found: Leak?
        do throws(DecodingFault) {
            try decode(bytes, from: 0, &found)
            if isLast {
                for decoder in decoders { try decoder.finish() }
                try messages?.finish()
            }
        } catch {
            throw Self.undecodable(error)
        }
        if isLast, shapes != nil, found == nil { found = try Self.leak(shapes?.finish() != nil, shapes) }
        if let found { throw fault((found, "the request body"), lineage) }
    }

    /// Reads what of the body was read before the ruling.
    mutating func check(_ gathered: Gathered?, _ lineage: Lineage) throws(HTTPFault) {
        guard let gathered else { return }
        let isAll = gathered.isWhole || gathered.count.isAll
        for (index, piece) in gathered.pieces.enumerated() {
            try check(piece, isLast: isAll && index == gathered.pieces.count - 1, lineage)
        }
        try check(trailers: gathered.trailers ?? [:], lineage)
    }

    private mutating func decode(
        _ bytes: ByteBuffer,
        from layer: Int,
        _ found: inout Leak?
    ) throws(DecodingFault) {
        guard layer < decoders.count else {
            guard let messages else { return try search(bytes, &found) }
            return try messages.read(bytes) { (piece: ByteBuffer) throws(DecodingFault) in
                try search(piece, &found)
            }
        }
        let decoder = decoders[layer]
        try decoder.decode(bytes) { (piece: ByteBuffer) throws(DecodingFault) in
            try decode(piece, from: layer + 1, &found)
        }
    }

    private mutating func search(_ bytes: ByteBuffer, _ found: inout Leak?) throws(DecodingFault) {
        guard bytes.readableBytes > 0, found == nil else { return }
        for index in known.indices {
            _ = known[index].mask(bytes)
            if known[index].hasFound { found = .credential }
        }
        guard found == nil, shapes != nil else { return }
        guard shapes?.mask(bytes) != nil else { throw .noMemory }
        found = shapes?.counts.keys.first.map { .kind($0) }
    }

    private func leak(inWhole text: ByteBuffer) throws(HTTPFault) -> Leak? {
        for spellings in secrets {
            var mask = ReflectionMask(spellings)
            _ = mask.mask(text)
            if mask.hasFound { return .credential }
        }
        guard var shapes = Self.shapes(sending) else { return nil }
        return try Self.leak(shapes.mask(text) != nil && shapes.finish() != nil, shapes)
    }

    private static func leak(_ isSearched: Bool, _ shapes: TextMask?) throws(HTTPFault) -> Leak? {
        guard isSearched else { throw undecodable(.noMemory) }
        return shapes?.counts.keys.first.map { .kind($0) }
    }

    /// Which part of a head it was.
    private static func place(
        _ head: HTTPRequestHead,
        _ search: LeakSearch
    ) throws(HTTPFault) -> (Leak, String) {
        if let leak = try search.leak(inWhole: ByteBuffer(string: head.uri)) {
            return (leak, "the request target")
        }
        for (name, value) in head.headers {
            let text = "\(name)\n\(value)" + (basic(value).map { "\n\($0)" } ?? "")
            guard let leak = try search.leak(inWhole: ByteBuffer(string: text)) else { continue }
            return (leak, "header field \(Octets.lowercased(name))")
        }
        return (.credential, "the request head")
    }

    /// What `Basic` stands for: user and password.
    private static func basic(_ value: String) -> String? {
        guard let space = value.firstPlace(of: " "), value[..<space].lowercasedASCII == "basic",
            let pair = Base64.decoded(value.rest(behind: space))
        else { return nil }
        return String(decoding: pair, as: Unicode.UTF8.self)
    }

    private func fault(_ found: (leak: Leak, place: String), _ lineage: Lineage) -> HTTPFault {
        let (what, isShape) =
            switch found.leak {
            case .credential: ("the value of a credential", false)
            case .kind(let kind):
                ("what has the shape of a \(kind == .token ? "provider's token" : "private key")", true)
            }
        var fault = HTTPFault(
            .forbidden,
            .secretLeaving,
            "\(what) is in \(found.place)",
            remedy: "Send the placeholder in its place; no rule lets the value itself out."
        )
        guard isShape, case .kind(let kind) = found.leak else { return fault }
        let owner = sending.decidedBy.map { "whoever owns profile \"\($0.profile)\"" } ?? "the operator"
        fault.denial = Denial(
            reason: .secretLeaving,
            message: fault.denial.message
                + ", and \(sending.rule.map { "the rule \($0)" } ?? "no rule") does not name it",
            rule: sending.rule,
            decidedBy: sending.decidedBy,
            remedy:
                "ask \(lineage.principal), or \(owner), to write send: [\(kind.rawValue)] into that rule; "
                + "better, have the gateway put it in (credential:); no agent can change a profile"
        )
        return fault
    }

    private static func undecodable(_ fault: DecodingFault) -> HTTPFault {
        HTTPFault(
            .forbidden,
            .secretLeaving,
            "the request body \(fault), so it cannot be searched for secrets",
            remedy: "Send it without a content coding, or in gzip, deflate, br or zstd."
        )
    }
}
