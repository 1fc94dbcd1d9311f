internal import Literals
internal import Model

/// One pass over a stretch of text: what in it is to be masked, and from where on it is still in doubt.
///
/// Literals and a look at eight octets at a time say where something could be; only there a kind's own rules are asked.
struct Sweep {
    /// Something that is masked, by places in the text.
    struct Find {
        let range: Range<Int>
        let kind: MaskKind
        /// Where what it is told by begins: a token's prefix is not masked.
        let start: Int
        /// What goes on behind the stretch, if it does.
        var rest: MaskedRun?
    }

    /// What a kind's rules say of a place.
    enum Sighting {
        case nothing
        case found(Range<Int>, MaskKind, from: Int)
        /// It reaches the end of the stretch, and what follows belongs to it as long as it looks so.
        case open(Range<Int>, MaskKind, MaskedRun, from: Int)
        /// It depends on what follows the stretch.
        case undecided(from: Int)
    }

    let kinds: MaskKinds
    /// The two octets in front of the stretch; spaces at the beginning.
    let edges: (last: UInt8, secondLast: UInt8)
    let isLast: Bool
    /// What is found is refused and not masked: no token may be found by chance.
    let isStrict: Bool
    /// What has the shape of a token and is none.
    let spared: [[UInt8]]
    private(set) var finds: [Find] = []
    /// The first place that is in doubt.
    private(set) var doubt = Int.max

    init(
        _ kinds: MaskKinds,
        edges: (last: UInt8, secondLast: UInt8),
        isLast: Bool,
        isStrict: Bool,
        sparing spared: [[UInt8]]
    ) {
        self.isStrict = isStrict
        self.spared = spared
        self.kinds = kinds
        self.edges = edges
        self.isLast = isLast
    }

    /// False when the literals could not be looked for.
    mutating func run(_ text: RawSpan, from start: Int, _ hits: inout [LiteralSet.Hit]) -> Bool {
        if MaskLiterals.concern(kinds) {
            guard MaskLiterals.find(in: text, &hits) else { return false }
            var covered = start
            for hit in hits {
                note(MaskLiterals.sighting(hit, text, self, from: covered))
                if let last = finds.last { covered = max(covered, last.range.upperBound) }
            }
        }
        if NumberTrigger.concern(kinds) { NumberTrigger.run(text, from: start, &self) }
        return true
    }

    mutating func note(_ sighting: Sighting) {
        switch sighting {
        case .nothing: break
        case .found(let range, let kind, let start):
            finds.append(Find(range: range, kind: kind, start: start, rest: nil))
        case .open(let range, let kind, let run, let start):
            finds.append(Find(range: range, kind: kind, start: start, rest: run))
        case .undecided(let place): doubt = min(doubt, place)
        }
    }

    /// Sorts what was found, without what lies in something else, and without what is in doubt; then `end` is the first
    /// place that has to be kept back.
    mutating func settle(_ text: RawSpan) -> Int {
        finds.sort { ($0.range.lowerBound, $1.range.upperBound) < ($1.range.lowerBound, $0.range.upperBound) }
        var covered = Int.min
        finds.removeAll { find in
            guard find.range.lowerBound >= covered else { return true }
            covered = find.range.upperBound
            return false
        }
        var end = isLast ? text.byteCount : min(doubt, text.byteCount)
        if let last = finds.last, last.rest != nil, last.start < end { return text.byteCount }
        if !isLast { end = min(end, Doubt.start(text)) }
        // What is kept is looked at once more, and found then.
        while let last = finds.last, last.range.upperBound > end {
            end = min(end, last.start)
            finds.removeLast()
        }
        return end
    }

    /// What a place is where one of those that are spared stands there, or may, or has begun at the end; nil elsewhere.
    func sparing(_ text: RawSpan, at start: Int) -> Sighting? {
        for value in spared {
            let count = min(value.count, text.byteCount - start)
            guard (0..<count).allSatisfy({ text.octet(start + $0) == value[$0] }) else { continue }
            if goesOn(text, start + value.count) { return .undecided(from: start) }
            if count < value.count || !octet(text, start + count).isTokenOctet { return .nothing }
        }
        return nil
    }

    /// An octet of the text or in front of it; zero behind it.
    @inline(__always)
    func octet(_ text: RawSpan, _ index: Int) -> UInt8 {
        switch index {
        case 0..<text.byteCount: text.octet(index)
        case -1: edges.last
        case -2: edges.secondLast
        default: 0
        }
    }

    /// Whether the text may go on at a place.
    func goesOn(_ text: RawSpan, _ index: Int) -> Bool { index >= text.byteCount && !isLast }

    /// How many octets from a place on are such.
    func run(_ text: RawSpan, _ start: Int, upTo limit: Int = .max, _ holds: (UInt8) -> Bool) -> Int {
        var index = start
        let end = limit < text.byteCount - start ? start + limit : text.byteCount
        while index < end, holds(text.octet(index)) { index += 1 }
        return index - start
    }
}

/// Which octets at the end of a stretch could be the beginning of something.
enum Doubt {
    /// Where the last word begins; groups of digits and capitals with a space between them are one.
    static func start(_ text: RawSpan) -> Int {
        let count = text.byteCount
        var index = count
        while index > 0, count - index < MaskLimits.word {
            let octet = text.octet(index - 1)
            guard isOfWord(octet) || (octet == 0x20 && isBetweenGroups(text, index - 1)) else { break }
            index -= 1
        }
        return index
    }

    private static func isOfWord(_ octet: UInt8) -> Bool {
        octet.isLetterOrDigit || octet >= 0x80 || Self.isMark(octet)
    }

    private static func isMark(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "."), UInt8(ascii: "@"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"),
            UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    private static func isBetweenGroups(_ text: RawSpan, _ index: Int) -> Bool {
        guard index > 0, isOfGroup(text.octet(index - 1)) else { return false }
        return index + 1 == text.byteCount || isOfGroup(text.octet(index + 1))
    }

    private static func isOfGroup(_ octet: UInt8) -> Bool {
        octet.isUpperOrDigit || octet == UInt8(ascii: "(") || octet == UInt8(ascii: ")")
    }
}
