/// A part of a glob: bytes, with `*` for any run of them, none included.
///
/// What is between two stars is placed at its first place behind what stands before it: a later place cannot help what
/// follows. Each piece is searched for by Knuth, Morris and Pratt, so a match reads each byte of the text once.
struct StarredText: Sendable {
    static let star = UInt8(ascii: "*")

    /// Where it stands in the glob.
    let range: Range<Int>
    /// The first star and the last one; nil where it has none.
    let stars: ClosedRange<Int>?

    init(_ range: Range<Int>, of glob: [UInt8]) {
        self.range = range
        let bytes = glob[range]
        let first = bytes.firstIndex(of: Self.star)
        stars = first.map { $0...(bytes.lastIndex(of: Self.star) ?? $0) }
    }

    /// Whether bytes stand between two stars: only these are searched for.
    func searches(in glob: [UInt8]) -> Bool {
        stars.map { glob[$0].contains { $0 != Self.star } } ?? false
    }

    /// Bytes that a text has at least, if it matches.
    private var minimum: Int { stars.map { range.count - $0.count } ?? range.count }

    /// Whether it stands for that part of the text.
    func matches(_ text: [UInt8], _ part: Range<Int>, of glob: GlobBytes, _ steps: inout Int) -> Bool {
        guard let stars else {
            return part.count == range.count && glob.stands(range, in: text, at: part.lowerBound, &steps)
        }
        let (front, back) = (range.lowerBound..<stars.lowerBound, (stars.upperBound + 1)..<range.upperBound)
        guard part.count >= minimum, glob.stands(front, in: text, at: part.lowerBound, &steps),
            glob.stands(back, in: text, at: part.upperBound - back.count, &steps)
        else { return false }
        var open = part.dropFirst(front.count).dropLast(back.count)
        var next = stars.lowerBound + 1
        while next <= stars.upperBound {
            guard let piece = glob.piece(from: next, atMost: open.count, &steps) else { return false }
            guard let place = glob.place(of: piece, in: text, open, &steps) else { return false }
            open = open.dropFirst(place + piece.count - open.lowerBound)
            next = piece.upperBound + 1
        }
        return true
    }
}

/// The bytes of a glob, with what a search for its pieces needs.
struct GlobBytes: Sendable, Hashable {
    let bytes: [UInt8]
    /// For each byte of a piece between two stars, how many bytes that end with it begin the piece as well; empty where
    /// nothing is searched for.
    private let borders: [UInt16]

    init(_ bytes: [UInt8], pieces: [ClosedRange<Int>]) {
        self.bytes = bytes
        var borders = pieces.isEmpty ? [] : [UInt16](repeating: 0, count: bytes.count)
        for stars in pieces {
            var start = stars.lowerBound
            for index in stars {
                guard bytes[index] != StarredText.star else {
                    start = index + 1
                    continue
                }
                guard index > start else { continue }
                var length = Int(borders[index - 1])
                while length > 0, bytes[start + length] != bytes[index] {
                    length = Int(borders[start + length - 1])
                }
                borders[index] = UInt16(clamping: bytes[start + length] == bytes[index] ? length + 1 : 0)
            }
        }
        self.borders = borders
    }

    static func == (left: GlobBytes, right: GlobBytes) -> Bool { left.bytes == right.bytes }

    func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

    /// Whether these bytes of the glob stand at a place of the text, which has as many from there on.
    fileprivate func stands(_ range: Range<Int>, in text: [UInt8], at place: Int, _ steps: inout Int) -> Bool
    {
        for offset in 0..<range.count where bytes[range.lowerBound + offset] != text[place + offset] {
            steps += offset + 1
            return false
        }
        steps += range.count
        return true
    }

    /// The bytes up to the next star; nil when they are more than there is room for.
    fileprivate func piece(from start: Int, atMost room: Int, _ steps: inout Int) -> Range<Int>? {
        var end = start
        while end < bytes.count, bytes[end] != StarredText.star, end - start <= room { end += 1 }
        steps += end - start + 1
        return end - start <= room ? start..<end : nil
    }

    /// Where a piece first stands in a part of the text.
    fileprivate func place(
        of piece: Range<Int>,
        in text: [UInt8],
        _ part: Range<Int>,
        _ steps: inout Int
    ) -> Int? {
        guard !piece.isEmpty else { return part.lowerBound }
        var length = 0
        for index in part {
            let byte = text[index]
            while length > 0, bytes[piece.lowerBound + length] != byte {
                length = Int(borders[piece.lowerBound + length - 1])
            }
            if bytes[piece.lowerBound + length] == byte { length += 1 }
            if length == piece.count {
                steps += index + 1 - part.lowerBound
                return index + 1 - length
            }
        }
        steps += part.count
        return nil
    }
}
