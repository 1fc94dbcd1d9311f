internal import Wire

/// What a stretch of a document stands for: its octets with every escape undone, and where each came from.
struct LogicalText {
    /// An escape that has been undone.
    private struct Escape {
        /// The place of its first octet here, and how many it stands for.
        let place: Int
        let count: Int
        /// Where it stands in the document, and in how many octets.
        let start: Int
        let length: Int
    }

    private let syntax: EscapeSyntax
    private var beginnings: EscapeBeginnings
    private(set) var octets: [UInt8] = []
    private var escapes: [Escape] = []
    /// Octets of the document that were read: all but an escape that has begun at its end.
    private(set) var taken = 0

    init(_ syntax: EscapeSyntax) {
        self.syntax = syntax
        beginnings = EscapeBeginnings(syntax)
    }

    /// Reads a stretch; false when it has no escape and stands for itself, so that nothing was copied.
    mutating func read(_ document: RawSpan, isLast: Bool) -> Bool {
        octets.removeAll(keepingCapacity: true)
        escapes.removeAll(keepingCapacity: true)
        taken = document.byteCount
        beginnings.start()
        var index = 0
        var copied = 0
        while let start = beginnings.first(in: document, from: index) {
            switch escape(document, at: start) {
            case .none:
                index = start + 1
            case .partial where isLast:
                index = start + 1
            case .partial:
                taken = start
                guard copied > 0 || !escapes.isEmpty else { return false }
                copy(document, copied..<start)
                return true
            case .whole(let length, let value, let count):
                copy(document, copied..<start)
                escapes.append(Escape(place: octets.count, count: count, start: start, length: length))
                for number in 0..<count {
                    octets.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * number)))
                }
                index = start + length
                copied = index
            }
        }
        guard !escapes.isEmpty else { return false }
        copy(document, copied..<document.byteCount)
        return true
    }

    /// Where in the document the octet of this place begins.
    func start(of place: Int) -> Int {
        // The last escape that begins at or before it.
        var low = 0
        var high = escapes.count
        while low < high {
            let middle = (low + high) / 2
            if escapes[middle].place <= place { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return place }
        let escape = escapes[low - 1]
        // The octets behind its first have no place of their own.
        guard place >= escape.place + escape.count else { return escape.start }
        return escape.start + escape.length + place - escape.place - escape.count
    }

    private func escape(_ document: RawSpan, at start: Int) -> EscapedOctets {
        guard document.byteCount - start < EscapedOctets.maximumLength else {
            let word = unsafe document.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
            return syntax.read(
                EscapedOctets.Octets(word: word.littleEndian, count: EscapedOctets.maximumLength)
            )
        }
        var text = EscapedOctets.Octets()
        for index in start..<min(start + EscapedOctets.maximumLength, document.byteCount) {
            text.append(document.octet(index))
        }
        return syntax.read(text)
    }

    private mutating func copy(_ document: RawSpan, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        unsafe document.withUnsafeBytes { unsafe octets.append(contentsOf: $0[range]) }
    }
}
