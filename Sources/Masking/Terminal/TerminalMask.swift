/// Masks what a terminal shows: secrets are looked for in what is read on the screen, whatever sequences stand between
/// their characters and however many writes they came in, and each of their octets becomes `*`.
///
/// What could be the beginning of one is kept back until it is known: mostly the line that is being written.
package struct TerminalMask: Sendable {
    /// Octets of a secret that is found wherever it stands: a private key of 8,192 bits has some 6,400.
    package static let longest = 8_192
    /// Octets of what is seen that are kept back; then all but `longest` are handed over.
    package static let maximumHeld = 4 * longest
    /// Octets that are kept back with the sequences among them; then the same, and sequences are kept no longer: colours of
    /// 24 bits for each character (ISO 8613-6) have 40 octets, with a place on the screen 60.
    package static let maximumOctets = 64 * longest
    /// Octets of a private key that are masked where its footer does not come: one of 16,384 bits, the longest that OpenSSL
    /// works with, has some 12,900.
    package static let longestKey = 2 * longest
    /// Octets of a word that are masked where its end does not come; the longest argument of a command has as many
    /// (MAX_ARG_STRLEN, execve(2)).
    package static let longestWord = 16 * longest
    /// Octets before those that are still looked at: the names that stand before a value.
    private static let context = 256

    /// What goes on behind what was handed over, of a secret that is longer than `longest`.
    private struct Tail: Sendable {
        /// Up to the footer of a private key; up to a blank otherwise.
        let isKey: Bool
        /// Octets of it that are masked at most.
        let left: Int
    }

    private var filter = TerminalFilter()
    private var output = KeptOutput()
    private var tail: Tail?

    package init() {}

    /// All that was ever kept, handed over or not.
    package var kept: UInt64 { UInt64(output.kept) }

    /// Takes what a program wrote.
    package mutating func take(_ written: [UInt8]) { filter.take(written, into: &output) }

    /// Hands over what is known to be decided, masked; all of it at the end.
    package mutating func decided(by mask: SecretMask, isEnd: Bool = false) -> [UInt8] {
        if isEnd { filter.end(&output) }
        guard !output.octets.isEmpty else { return [] }
        let (text, first) = (output.text, output.first)
        let seen = SeenText(text)
        var ranges = seen.hidden(by: mask)
        if let tail { ranges.append(first..<Self.end(of: tail, in: text, from: first)) }
        let cut = isEnd ? text.count : cut(ranges, seen, mask)
        for range in ranges { output.hide(range.clamped(to: first..<max(first, cut))) }
        keepTail(ranges, text, first, cut)
        return output.take(before: cut, context: Self.context)
    }

    /// What is masked so far of a secret has lost its beginning.
    private mutating func keepTail(_ ranges: [Range<Int>], _ text: [UInt8], _ first: Int, _ cut: Int) {
        guard cut > first else { return }
        let (before, crossing) = (tail, ranges.first { $0.lowerBound < cut && $0.upperBound > cut })
        tail = crossing.flatMap { range in
            if let before, range.lowerBound == first {
                let left = before.left - (cut - first)
                return left > 0 ? Tail(isKey: before.isKey, left: left) : nil
            }
            let isKey = SeenText.isOfWords(text[range])
            let left = SeenText.bound(isKey) - (cut - range.lowerBound)
            return left > 0 ? Tail(isKey: isKey, left: left) : nil
        }
    }

    /// Where the first of what is kept back stands.
    private func cut(_ ranges: [Range<Int>], _ seen: SeenText, _ mask: SecretMask) -> Int {
        let (text, first) = (output.text, output.first)
        guard text.count - first <= Self.maximumHeld, output.octets.count < Self.maximumOctets else {
            return forced(ranges)
        }
        // No shape but a private key's goes on behind a line.
        guard let newline = text.lastIndex(of: 0x0A) else { return first }
        var cut = max(first, newline + 1)
        let open = mask.beginning(in: seen.octets[..<seen.count(before: cut)])
        if open > 0 {
            cut = max(first, start(ofLineAt: seen.places[seen.count(before: cut) - open]))
        }
        // What reaches to the end of a line may go on.
        for range in ranges.reversed() where range.lowerBound < cut && range.upperBound >= cut {
            cut = max(first, start(ofLineAt: range.lowerBound))
        }
        return cut
    }

    /// A secret that begins before it has ended by then, or is longer than any.
    private func forced(_ ranges: [Range<Int>]) -> Int {
        let first = output.first
        let cut = max(first, output.text.count - Self.longest)
        let crossing = ranges.first { $0.lowerBound < cut && $0.upperBound > cut }
        guard let crossing, crossing.lowerBound > first, crossing.count <= Self.longest else { return cut }
        return crossing.lowerBound
    }

    private func start(ofLineAt place: Int) -> Int {
        let text = output.text
        return (text[..<max(0, min(place, text.count))].lastIndex(of: 0x0A) ?? -1) + 1
    }

    private static let footer = Array("-----END ".utf8)

    private static func end(of tail: Tail, in text: [UInt8], from first: Int) -> Int {
        let limit = first + min(tail.left, text.count - first)
        guard tail.isKey else {
            return text[first..<limit].firstIndex { $0 <= 0x20 && !SeenText.moves($0) } ?? limit
        }
        var place = first
        while place < limit, place + footer.count <= text.count {
            if text[place] == footer[0], text[place..<place + footer.count].elementsEqual(footer) {
                return place
            }
            place += 1
        }
        return limit
    }
}

/// What is read on a screen, and where secrets stand in it.
struct SeenText {
    private let text: [UInt8]
    /// Without what moves the cursor.
    let octets: [UInt8]
    /// Where those stand.
    let places: [Int]

    init(_ text: [UInt8]) {
        self.text = text
        var (octets, places) = ([UInt8](), [Int]())
        octets.reserveCapacity(text.count)
        places.reserveCapacity(text.count)
        for (place, octet) in text.enumerated() where !Self.moves(octet) {
            octets.append(octet)
            places.append(place)
        }
        (self.octets, self.places) = (octets, places)
    }

    /// Back by one, or to the beginning of the line.
    static func moves(_ octet: UInt8) -> Bool { octet == 0x08 || octet == 0x0D }

    /// There are blanks or lines in it: a private key, or what is shown behind the header of one.
    static func isOfWords(_ text: ArraySlice<UInt8>) -> Bool {
        text.contains { $0 <= 0x20 && !moves($0) }
    }

    /// Octets that are masked of what does not end.
    static func bound(_ isOfWords: Bool) -> Int {
        isOfWords ? TerminalMask.longestKey : TerminalMask.longestWord
    }

    /// How many of `octets` stand before a place; mostly nearly all.
    func count(before place: Int) -> Int {
        var count = places.count
        while count > 0, places[count - 1] >= place { count -= 1 }
        return count
    }

    /// Of what is seen, as it was written, and as it stands where backspaces have taken some of it back: a cursor that
    /// only moved has taken nothing.
    func hidden(by mask: SecretMask) -> [Range<Int>] {
        var ranges = ranges(in: places, octets, by: mask)
        if let standing, standing.count < places.count {
            ranges += self.ranges(in: standing, standing.map { text[$0] }, by: mask)
        }
        return ranges.map(bounded).sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Nil where nothing was taken back.
    private var standing: [Int]? {
        let isPlain = text.indices.allSatisfy { text[$0] != 0x08 && !isMargin($0) }
        if isPlain { return nil }
        var standing: [Int] = []
        for place in text.indices {
            if text[place] == 0x08 {
                _ = standing.popLast()
            } else if text[place] != 0x0D {
                standing.append(place)
            } else if isMargin(place), let last = standing.last, text[last] == 0x20 {
                standing.removeLast()
            }
        }
        return standing
    }

    /// At its margin a line editor writes a blank and goes back, to be on the next line.
    private func isMargin(_ place: Int) -> Bool {
        text[place] == 0x0D && place + 1 < text.count && text[place + 1] != 0x0A
    }

    /// From the first to the last octet: what stands between them is hidden as well.
    private func ranges(in places: [Int], _ octets: [UInt8], by mask: SecretMask) -> [Range<Int>] {
        mask.ranges(in: octets).compactMap { range in
            guard let last = range.last else { return nil }
            return places[range.lowerBound]..<places[last] + 1
        }
    }

    /// What has no end ends at its bound: one header hides no more than a key.
    private func bounded(_ range: Range<Int>) -> Range<Int> {
        guard text[range.upperBound...].allSatisfy(Self.moves) else { return range }
        let most = Self.bound(Self.isOfWords(text[range]))
        return range.count <= most ? range : range.lowerBound..<range.lowerBound + most
    }
}
