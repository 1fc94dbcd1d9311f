import Masking
import Model
import NIOCore
import NIOHTTP1
import Reflection

/// The search of one text, or of one body that comes in pieces: its codings undone, what is found remembered.
struct LeakScan {
    /// What was found.
    enum Leak: Hashable {
        case credential
        case kind(MaskKind)
    }

    /// Kinds that are looked for together.
    private struct Shapes {
        let kinds: MaskKinds
        private var mask: TextMask

        init(_ kinds: MaskKinds) {
            self.kinds = kinds
            mask = TextMask(kinds, LeakScan.syntax, strictly: true)
        }

        var found: MaskKind? { mask.counts.keys.first }

        mutating func read(_ bytes: ByteBuffer) throws(DecodingFault) {
            guard found == nil else { return }
            guard mask.mask(bytes) != nil else { throw .noMemory }
        }

        mutating func finish() throws(DecodingFault) {
            guard found == nil else { return }
            guard mask.finish() != nil else { throw .noMemory }
        }
    }

    private static let syntax: EscapeSyntax = [.backslash, .reference, .percent]

    private var secrets: [SecretSpellings]
    private var known: [ReflectionMask]
    private var shapes: [Shapes] = []
    private var coding = BodyDecoding()

    /// Looks for secrets and for kinds, these together.
    init(_ secrets: [SecretSpellings], _ kinds: MaskKinds = []) {
        self.secrets = secrets
        known = secrets.map { ReflectionMask($0) }
        beginShapes(kinds)
    }

    /// Looks for these kinds from here on: what came before is another text.
    mutating func beginShapes(_ kinds: MaskKinds) {
        shapes = kinds.isEmpty ? [] : [Shapes(kinds)]
    }

    /// Reads how a body is coded.
    mutating func begin(_ fields: HTTPHeaders) throws(DecodingFault) {
        let codings = fields["content-encoding"].filter { $0.lowercasedASCII != "aws-chunked" }
        coding = try BodyDecoding(ContentCoding.applied(codings), CallMessages(fields))
    }

    /// The first that was found of what is looked for.
    var leak: Leak? {
        if known.contains(where: \.hasFound) { return .credential }
        return shapes.lazy.compactMap(\.found).first.map { .kind($0) }
    }

    /// Gives it more of the body; what came before is looked through.
    mutating func give(_ bytes: ByteBuffer) { coding.give(bytes) }

    /// Looks on through what it was given.
    ///
    /// - Parameter room: octets that may still be decoded in this turn.
    /// - Returns: whether it is through.
    /// - Throws: `DecodingFault` where it cannot be read.
    mutating func searchOn(within room: inout Int) throws(DecodingFault) -> Bool {
        while let piece = try coding.next(within: &room) { try search(piece) }
        return coding.isThrough
    }

    /// Looks through all of this at once.
    mutating func read(_ bytes: ByteBuffer) throws(DecodingFault) {
        give(bytes)
        var room = Int.max
        _ = try searchOn(within: &room)
    }

    /// Nothing follows.
    mutating func finish() throws(DecodingFault) {
        try coding.finish()
        for index in shapes.indices { try shapes[index].finish() }
    }

    /// A credential that was found ends it; of shapes each is looked for, whatever was found of the others.
    private mutating func search(_ bytes: ByteBuffer) throws(DecodingFault) {
        guard bytes.readableBytes > 0, !known.contains(where: \.hasFound) else { return }
        for index in known.indices { _ = known[index].mask(bytes) }
        for index in shapes.indices { try shapes[index].read(bytes) }
    }
}

// Before the ruling.
extension LeakScan {
    /// What any ruling may ask for: each kind by itself, since what one covers may hold another.
    static func ofAll(_ secrets: [SecretSpellings]) -> LeakScan {
        var scan = LeakScan(secrets)
        scan.shapes = Sending.words.map { Shapes(MaskKinds([$0])) }
        return scan
    }

    /// Leaves what the ruling asks for.
    mutating func narrow(to kinds: MaskKinds) {
        shapes.removeAll { !$0.kinds.holdsAny(kinds) }
    }

    /// Those that it does not look for.
    func missing(of others: [SecretSpellings]) -> [SecretSpellings] {
        others.filter { other in !secrets.contains { $0 === other } }
    }

    /// Looks for the secrets of another search of the same text as well, which has come as far.
    mutating func add(_ other: LeakScan) {
        secrets += other.secrets
        known += other.known
    }
}
