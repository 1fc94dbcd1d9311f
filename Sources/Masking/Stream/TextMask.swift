internal import Literals
package import Model
package import NIOCore

/// Masks the kinds that a rule names in one document that comes in pieces, whatever the borders between them.
///
/// A document keeps its length and its form. What the end of a piece leaves in doubt is kept back, and nothing else: a
/// word, at most one address of mail long, or a token's first parts.
package struct TextMask {
    private let kinds: MaskKinds
    private let syntax: EscapeSyntax
    private let isStrict: Bool
    private let spared: [[UInt8]]
    private var logical: LogicalText
    /// Not passed on yet.
    package private(set) var held: [UInt8] = []
    /// What is not passed on has what one of the kinds begins with, and hangs on what follows.
    package private(set) var isInDoubt = false
    /// What was held and the piece behind it; its memory is used again once what was passed on of it is gone.
    private var joint = ByteBuffer()
    /// The last two octets, as they were, in front of it.
    private var edges: (last: UInt8, secondLast: UInt8) = (0x20, 0x20)
    /// Something that has begun in what was passed on, and how it is masked.
    private var open: (run: MaskedRun, kind: MaskKind)?
    private var hits: [LiteralSet.Hit] = []
    /// What has been masked so far.
    package private(set) var counts: [MaskKind: Int] = [:]

    /// `strictly` takes for a token only what surely is one, and no JSON Web Token, which servers hand out; `sparing` names what has
    /// the shape of a token and is none.
    package init(
        _ kinds: MaskKinds,
        _ syntax: EscapeSyntax,
        strictly isStrict: Bool = false,
        sparing spared: [String] = []
    ) {
        self.isStrict = isStrict
        self.spared = spared.map { Array($0.utf8) }
        self.kinds = kinds
        self.syntax = syntax
        logical = LogicalText(syntax)
    }

    /// Reads on; what can be passed on now, masked; nil where the search cannot be made.
    package mutating func mask(_ piece: ByteBuffer) -> ByteBuffer? {
        guard !held.isEmpty else { return mask(piece, isLast: false)?.passed }
        // Taken out, so that there is one reference to it.
        var document = joint
        joint = ByteBuffer()
        document.clear(minimumCapacity: held.count + piece.readableBytes)
        document.writeBytes(held)
        document.writeImmutableBuffer(piece)
        guard let masked = mask(document, isLast: false) else { return nil }
        joint = masked.document
        return masked.passed
    }

    /// The document is over: what was kept back.
    package mutating func finish() -> ByteBuffer? {
        joint = ByteBuffer()
        return mask(ByteBuffer(bytes: held), isLast: true)?.passed
    }

    /// What is passed on of a document, and the document; what is not is held.
    private mutating func mask(
        _ document: consuming ByteBuffer,
        isLast: Bool
    ) -> (passed: ByteBuffer, document: ByteBuffer)? {
        held.removeAll(keepingCapacity: true)
        isInDoubt = false
        guard document.readableBytes > 0 else { return (document, document) }
        let isRead = logical.read(document.readableBytesSpan, isLast: isLast)
        let octets = logical.octets
        let taken = logical.taken
        let found =
            unsafe isRead
            ? search(octets.span.bytes, isLast)
            : search(document.readableBytesSpan.extracting(first: taken), isLast)
        guard let outcome = found else { return nil }
        for find in outcome.finds {
            let range =
                isRead
                ? logical.start(of: find.range.lowerBound)..<logical.start(of: find.range.upperBound)
                : find.range
            unsafe document.withUnsafeMutableReadableBytes {
                unsafe MaskFilling.fill($0, range, find.kind, syntax)
            }
        }
        let end = isRead ? logical.start(of: outcome.end) : outcome.end
        let passed = document.readSlice(length: end) ?? ByteBuffer()
        held += document.readableBytesView
        return (passed, document)
    }

    private mutating func search(_ text: RawSpan, _ isLast: Bool) -> (finds: [Sweep.Find], end: Int)? {
        var sweep = Sweep(kinds, edges: edges, isLast: isLast, isStrict: isStrict, sparing: spared)
        var start = 0
        var finds: [Sweep.Find] = []
        if let (begun, kind) = open {
            var run = begun
            start = run.length(text, from: 0)
            finds.append(Sweep.Find(range: 0..<start, kind: kind, start: 0, rest: nil))
            open = start == text.byteCount ? (run, kind) : nil
        }
        guard sweep.run(text, from: start, &hits) else { return nil }
        isInDoubt = sweep.doubt < text.byteCount
        let end = open == nil ? max(start, sweep.settle(text)) : text.byteCount
        for find in sweep.finds { counts[find.kind, default: 0] += 1 }
        if let last = sweep.finds.last, let rest = last.rest { open = (rest, last.kind) }
        if end > 0 { edges = (text.octet(end - 1), end > 1 ? text.octet(end - 2) : edges.last) }
        return (finds + sweep.finds, end)
    }
}
