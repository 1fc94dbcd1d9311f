internal import Masking
internal import Model
internal import NIOCore

/// Masks secrets in one direction of a stream that is read as it comes, across any borders, and keeps its length: known ones in
/// every spelling, and what has the shape of a provider's token or of a private key.
///
/// Who reads may wait for what is written, and what could be a secret's beginning is mostly none: it is handed on after a while
/// (`handOn`) and read on with all the same, so that what follows it is masked.
package struct StreamMask {
    /// What that which is kept back may be.
    package enum Suspense: Sendable {
        /// Nothing: the rest of a word.
        case none
        /// The beginning of a token or of an escape, or a few octets of a known secret.
        case doubt
        /// A known secret, as far as it has come: this is never handed on.
        case beginning
    }

    /// Octets of a known secret's spelling that do not stand somewhere by chance: eight hexadecimal digits do once in 2^32.
    package static let telling = 8

    private static let syntax: EscapeSyntax = [.backslash, .reference, .percent]

    private var known = ReflectionChain([])
    /// What is looked for with the next octets.
    private var next: [SecretSpellings]?
    private var shapes: TextMask
    /// Of what is kept back, octets that were handed on.
    private var ahead = 0
    /// Of secrets that were looked for before.
    private var found = 0
    /// How often what surely begins as a known secret does was masked and handed on.
    private var beginnings = 0

    /// - Parameters:
    ///   - isStrict: whether only what surely is a token is masked, and no JSON Web Token.
    ///   - spared: what has the shape of a token and is none.
    package init(strictly isStrict: Bool, sparing spared: [String] = []) {
        let kinds = MaskKind.Group.secrets.kinds
        shapes = TextMask(kinds, Self.syntax, strictly: isStrict, sparing: spared)
    }

    /// Looks for these, and no others, from here on.
    package mutating func look(for secrets: [SecretSpellings]) { next = secrets }

    /// Reads on; what can be passed on now, masked, with all that is kept back where that can be no beginning; nil where the
    /// search cannot be made.
    package mutating func take(_ octets: [UInt8]) -> [UInt8]? {
        var piece = ByteBuffer(bytes: octets)
        if let next {
            self.next = nil
            found += known.count
            var rest = known.finish()
            known = ReflectionChain(next)
            rest.writeBuffer(&piece)
            piece = rest
        }
        guard let masked = shapes.mask(known.mask(piece)) else { return nil }
        let shown = passed(masked)
        guard suspense == .none else { return shown }
        return handOn().map { shown + $0 }
    }

    /// The stream is over: what was kept back; a known secret that has begun is masked as far as it came.
    package mutating func finish() -> [UInt8]? {
        if suspense == .beginning, isHolding { beginnings += 1 }
        let rest = known.finish(hidingFrom: Self.telling)
        guard let before = shapes.mask(rest), let last = shapes.finish() else { return nil }
        return passed(before) + passed(last)
    }

    /// What the octets that are kept back may be.
    package var suspense: Suspense {
        let depth = known.depth
        if depth >= Self.telling { return .beginning }
        return depth > 0 || known.isEscaping || shapes.isInDoubt ? .doubt : .none
    }

    /// Whether something is kept back that was not handed on.
    package var isHolding: Bool { shapes.held.count + known.keptCount > ahead }

    /// Hands on what is kept back, as it would come if the stream ended here: a token that could go on is masked in it, and so
    /// is what surely begins as a known secret does; nil where the search cannot be made.
    package mutating func handOn() -> [UInt8]? {
        guard isHolding else { return [] }
        var ended = self
        guard let shown = ended.finish() else { return nil }
        ahead = shapes.held.count + known.keptCount
        beginnings = ended.beginnings
        return shown
    }

    /// How often what was masked: `credential`, `credential-beginning`, `token`, `private-key`.
    package var counts: [String: UInt64] {
        var counts = Dictionary(
            uniqueKeysWithValues: shapes.counts.map { ($0.key.rawValue, UInt64(clamping: $0.value)) }
        )
        let credentials = found + known.count
        if credentials > 0 { counts["credential"] = UInt64(clamping: credentials) }
        if beginnings > 0 { counts["credential-beginning"] = UInt64(clamping: beginnings) }
        return counts
    }

    /// Without what was handed on.
    private mutating func passed(_ octets: ByteBuffer) -> [UInt8] {
        let known = min(ahead, octets.readableBytes)
        ahead -= known
        return Array(octets.readableBytesView.dropFirst(known))
    }
}
