import Masking
import Model
import NIOCore
import NIOHTTP1
import Reflection
import Signing
import Wire

/// Looks through one reply for the credentials that were put into its request and into earlier ones to the same host, and for
/// what the rules mask.
///
/// What could hide it is taken out of the request: codings that cannot be undone, and ranges, which would ask for it
/// in pieces; a piece that comes all the same is not passed on. Only of S3 may ranges be asked for, where the gateway signs for it:
/// S3 gives out what was stored and shows no request, and SDKs take one reply to a range for another.
struct ReplySearch {
    /// Nil where the host was sent no credential.
    private(set) var spellings: SecretSpellings?
    private var reflection: ReflectionChain
    /// What the rules mask.
    let kinds: MaskKinds
    /// Pieces may come.
    private let takesRanges: Bool
    /// Nil without kinds, and before the head has said what the body is.
    private var mask: TextMask?
    private var coding = BodyDecoding()
    private var hasTold = false

    /// Nil where there is nothing to look for.
    init?(
        for injection: Injection?,
        masking kinds: MaskKinds,
        of request: Request,
        in head: inout HTTPRequestHead,
        _ cache: SpellingsCache
    ) throws(HTTPFault) {
        let host = request.endpoint.host
        if let sent = Self.sent(injection) {
            spellings = cache.spellings(ofField: sent, sentTo: host)
            guard spellings != nil else { throw Self.unsearchable }
        } else {
            spellings = cache.spellings(sentTo: host)
        }
        guard spellings != nil || !kinds.isEmpty else { return nil }
        reflection = ReflectionChain([spellings].compactMap(\.self))
        self.kinds = kinds
        // By who signs, not by what the client says of itself.
        let isSigned = injection.map { $0.place == .awsSignature && !$0.isWithheld } ?? false
        takesRanges = kinds.isEmpty && isSigned && AWSRequest.isSignedForS3(head)
        if !takesRanges { ReplyRange.remove(from: &head) }
        // Messages of a call are compressed one by one: they come as they are instead.
        if head.headers.contains(name: "grpc-accept-encoding") {
            head.headers.replaceOrAdd(name: "grpc-accept-encoding", value: "identity")
        }
        guard let offered = ContentCoding.offered(head.headers["accept-encoding"]) else { return }
        head.headers.replaceOrAdd(name: "accept-encoding", value: offered)
    }

    /// For the reply to a request that went out before its host was sent anything.
    init(lookingFor spellings: SecretSpellings) {
        self.spellings = spellings
        reflection = ReflectionChain([spellings])
        kinds = []
        takesRanges = false
    }

    /// Looks for what the host was sent since from here on.
    mutating func look(for later: SecretSpellings) {
        spellings = later
        reflection.add(later)
    }

    /// Whether a body is such that a search could not begin in the midst of it.
    static func isHidden(_ head: HTTPResponseHead) -> Bool {
        if ReplyRange.isOne(head) { return true }
        let codings = head.headers["content-encoding"] + head.headers["grpc-encoding"]
        return codings.contains { !$0.lowercasedASCII.isSame(as: "identity") }
            || head.headers["content-type"].contains { TextCharset.hiding(in: $0) != nil }
    }

    /// What of a credential a reply can bring back: of what signs, the token of temporary keys alone.
    private static func sent(_ injection: Injection?) -> String? {
        guard let injection, !injection.isWithheld else { return nil }
        return injection.place == .awsSignature ? AWSKey(injection.value)?.token : injection.value
    }

    /// Reads what the body is and how it is coded; whether it is.
    mutating func begin(_ head: HTTPResponseHead, hasBody: Bool) throws(SearchFault) -> Bool {
        guard takesRanges || !ReplyRange.isOne(head) else { throw .ranged }
        // As the agent is shown it: what an error says of it is no way for the credential either.
        let types = head.headers["content-type"].map { type in
            spellings.flatMap { ReflectionMask.masked(type, $0) } ?? type
        }
        if spellings != nil, hasBody {
            for type in types {
                if let name = TextCharset.hiding(in: type) { throw .hiding(told(name)) }
            }
        }
        if !kinds.isEmpty, hasBody, head.headers.first(name: "content-length") != "0" {
            guard types.count <= 1 else { throw .severalTypes }
            switch MaskableType(contentType: types.first) {
            case .text(let syntax): mask = TextMask(kinds, syntax)
            case .opaque(let name): throw .opaque(told(name))
            case .charset(let name): throw .charset(told(name))
            }
        }
        do throws(DecodingFault) {
            let messages = try CallMessages(head.headers, keepingPrefixes: true)
            guard messages != nil || head.headers["grpc-encoding"].allSatisfy({ $0.isSame(as: "identity") })
            else { throw .unknownCoding }
            let codings = try ContentCoding.applied(head.headers["content-encoding"])
            coding = try BodyDecoding(codings, messages)
        } catch {
            throw .undecodable(error)
        }
        return coding.isCoded
    }

    /// A name of the reply's, as an error says it.
    private func told(_ name: String) -> String {
        String(decoding: name.utf8.prefix(HTTPLimits.toldName), as: Unicode.UTF8.self)
    }

    /// Octets that are kept back of messages that have not come whole.
    var heldOctets: Int { coding.heldOctets }

    /// Masks the credential in names and values; whether there was anything to mask.
    func mask(_ headers: inout HTTPHeaders) -> Bool {
        guard let spellings else { return false }
        var isFound = false
        let fields = headers.map { name, value in
            let masked = [name, value].map { ReflectionMask.masked($0, spellings) }
            if masked.contains(where: { $0 != nil }) { isFound = true }
            return (masked[0] ?? name, masked[1] ?? value)
        }
        if isFound { headers = HTTPHeaders(fields) }
        return isFound
    }

    /// Takes more of the body; what came before is looked through.
    mutating func take(_ bytes: ByteBuffer) { coding.give(bytes) }

    /// All that was taken is looked through.
    var isThrough: Bool { coding.isThrough }

    /// Looks on through what was taken.
    ///
    /// - Parameter room: octets that may still be decoded in this turn.
    /// - Returns: what can be passed on of the body by now.
    /// - Throws: `SearchFault` where it cannot be read, or not searched.
    mutating func searchOn(within room: inout Int) throws(SearchFault) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        while let piece = try next(within: &room) { try search(piece, to: &pieces) }
        return pieces.filter { $0.readableBytes > 0 }
    }

    private mutating func next(within room: inout Int) throws(SearchFault) -> ByteBuffer? {
        do throws(DecodingFault) {
            return try coding.next(within: &room)
        } catch {
            throw .undecodable(error)
        }
    }

    /// The rest of it.
    mutating func end() throws(SearchFault) -> ByteBuffer {
        do throws(DecodingFault) {
            try coding.finish()
        } catch {
            throw .undecodable(error)
        }
        var rest = reflection.finish()
        guard mask != nil else { return rest }
        guard var passed = mask?.mask(rest), let last = mask?.finish() else { throw .noSearch }
        passed.writeImmutableBuffer(last)
        rest = passed
        return rest
    }

    /// True once, when the credential has been masked in the body.
    mutating func takeBodyNote() -> Bool {
        guard !hasTold, reflection.hasFound else { return false }
        hasTold = true
        return true
    }

    /// How many of each kind have been masked; nil for none, and after the first time.
    mutating func takeCounts() -> [MaskKind: Int]? {
        defer { mask = nil }
        guard let counts = mask?.counts, !counts.isEmpty else { return nil }
        return counts
    }

    private mutating func search(_ bytes: ByteBuffer, to pieces: inout [ByteBuffer]) throws(SearchFault) {
        let passed = reflection.mask(bytes)
        guard mask != nil else { return pieces.append(passed) }
        guard !TextCharset.isWide(passed) else { throw .wide }
        guard let masked = mask?.mask(passed) else { throw .noSearch }
        pieces.append(masked)
    }

    /// Takes out what is said of the coded body, and weakens what names it (RFC 9110 sections 7.7 and 8.8.1).
    static func forgetCoding(_ headers: inout HTTPHeaders) {
        for name in [
            "content-encoding", "content-md5", "digest", "content-digest", "repr-digest", "accept-ranges",
            "grpc-encoding",
        ] {
            headers.remove(name: name)
        }
        for (name, _) in headers where name.lowercasedASCII.begins(with: "x-amz-checksum-") {
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

/// Why a reply cannot be searched as the ruling demands.
enum SearchFault: Error {
    case undecodable(DecodingFault)
    /// It is of a type in which nothing can be masked.
    case opaque(String)
    case charset(String)
    /// It is of a charset in which a credential has other octets.
    case hiding(String)
    /// It has octets that no text in which something could be masked has.
    case wide
    case severalTypes
    /// It is a piece of something, and the rest of what is looked for may be in another.
    case ranged
    /// It was under way, coded or a range, when its host was sent a credential.
    case late
    /// Vectorscan does not run on this processor, or has no memory.
    case noSearch
}

extension SearchFault: CustomStringConvertible {
    var description: String {
        switch self {
        case .undecodable(let fault): "\(fault), so it cannot be searched"
        case .opaque(let name): "is \(name), which cannot be masked as the rule demands"
        case .charset(let name): "has the charset \(name), in which nothing can be masked as the rule demands"
        case .hiding(let name):
            "has the charset \(name), in which a credential that this host was sent would not be found"
        case .wide: "has octets of zero, as UTF-16 has, so it cannot be masked as the rule demands"
        case .ranged:
            "is a range of something, and what is looked for in it could be asked for piece by piece"
        case .late:
            "is coded or a range, and was under way when its host was sent a credential, so it cannot be searched for that"
        case .severalTypes: "has several Content-Type fields, so it cannot be masked as the rule demands"
        case .noSearch:
            "cannot be masked as the rule demands: the search does not run on this machine (SSE4.2)"
        }
    }

    static let withoutMask = "Ask whoever owns the profile for a rule without mask for this path."

    /// What to do; nil where it is the upstream's matter.
    var remedy: String? {
        switch self {
        case .undecodable, .severalTypes, .hiding: nil
        case .ranged: "Ask for all of it."
        case .late: "Try again."
        case .opaque, .charset, .wide:
            "Ask for text or JSON, or a" + Self.withoutMask.dropFirst()
        case .noSearch: "Ask the operator; a rule without mask is not searched."
        }
    }
}

extension Relaying {
    /// That the credential was found in the body: once.
    func takeNote() -> [EngineAction<HTTPMessage>] {
        search?.takeBodyNote() == true ? [.masked(id, .credential(.body))] : []
    }

    /// What of the body was masked: once, when no more of it is passed on.
    func takeCounts() -> [EngineAction<HTTPMessage>] {
        search?.takeCounts().map { [.masked(id, .kinds($0))] } ?? []
    }
}
