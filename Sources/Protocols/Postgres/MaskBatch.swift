internal import Masking
internal import Model
internal import NIOCore

/// Texts of a result that are searched for the kinds of a rule in one pass: to begin a search for each costs more than it.
struct MaskBatch {
    private let kinds: MaskKinds
    private let counts: [MaskKind: Int]
    /// The texts, each with a line's end behind it.
    private let text: ByteBuffer
    /// The same, masked, octet for octet; nil where nothing was found.
    private let masked: ByteBuffer?

    /// Throws where the search cannot be made.
    init(_ text: ByteBuffer, _ kinds: MaskKinds) throws(PostgresFault) {
        self.kinds = kinds
        self.text = text
        guard !kinds.isEmpty, text.readableBytes > 0 else {
            masked = nil
            counts = [:]
            return
        }
        let found = try Self.mask(text, kinds)
        masked = found.counts.isEmpty ? nil : found.octets
        counts = found.counts
    }

    var isClean: Bool { masked == nil }

    /// How many of each kind there are.
    var found: [MaskKind: Int] { counts }

    /// What begins in one text and has no end there goes on over the others: then each is looked at by itself.
    var holdsKey: Bool { counts[.privateKey] != nil }

    /// All of it, masked.
    var octets: ByteBuffer { masked ?? text }

    /// The masked octets of one text; nil where nothing in it is.
    func masked(_ range: Range<Int>) throws(PostgresFault) -> ByteBuffer? {
        guard let masked, let plain = slice(text, range) else { return nil }
        if holdsKey {
            let alone = try Self.mask(plain, kinds)
            return alone.counts.isEmpty ? nil : alone.octets
        }
        guard let octets = slice(masked, range), octets != plain else { return nil }
        return octets
    }

    private func slice(_ bytes: ByteBuffer, _ range: Range<Int>) -> ByteBuffer? {
        bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count)
    }

    private static func mask(
        _ text: ByteBuffer,
        _ kinds: MaskKinds
    ) throws(PostgresFault) -> (octets: ByteBuffer, counts: [MaskKind: Int]) {
        var mask = TextMask(kinds, .backslash)
        guard var octets = mask.mask(text), let rest = mask.finish() else { throw failure }
        octets.writeImmutableBuffer(rest)
        guard octets.readableBytes == text.readableBytes else { throw failure }
        return (octets, mask.counts)
    }

    private static let failure = PostgresFault(
        .unsupported,
        "the search for what a result is masked of could not be made",
        code: "58000",
        remedy: "try again; if it stays so, report it"
    )
}
