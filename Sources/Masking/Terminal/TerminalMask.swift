/// Masks what a terminal shows: secrets are looked for in what is read on the screen, whatever sequences stand between
/// their characters and however many writes they came in, and each of their octets becomes `*`.
///
/// What could be the beginning of one is kept back until it is known: mostly the line that is being written.
package struct TerminalMask: Sendable {
    /// Octets of a secret that is found wherever it stands: the longest private keys have as many.
    package static let longest = 8_192
    /// Octets that are kept back; then all but `longest` are handed over.
    package static let maximumHeld = 4 * longest
    /// Octets before those that are still looked at: the names that stand before a value.
    private static let context = 256

    /// What goes on behind what was handed over, of a secret that is longer than `longest`.
    private enum Tail: Sendable {
        /// Up to a blank.
        case word
        /// Up to the footer of a private key.
        case key
    }

    private var filter = TerminalFilter()
    /// What is kept and was not handed over.
    private var octets: [UInt8] = []
    /// What is seen, with what moves the cursor back, and where it stands in `octets`; `-1` for what was handed over.
    private var text: [UInt8] = []
    private var places: [Int] = []
    private var tail: Tail?
    /// All that was ever kept, handed over or not.
    package private(set) var kept: UInt64 = 0

    package init() {}

    /// Takes what a program wrote.
    package mutating func take(_ written: [UInt8]) {
        let before = octets.count
        for octet in written {
            switch filter.take(octet) {
            case .nothing: continue
            case .sequence(let sequence): octets += sequence
            case .text(let seen):
                for octet in seen {
                    text.append(octet)
                    places.append(octets.count)
                    octets.append(octet)
                }
            }
        }
        kept += UInt64(octets.count - before)
    }

    /// Hands over what is known to be decided, masked; all of it at the end.
    package mutating func decided(by mask: SecretMask, isEnd: Bool = false) -> [UInt8] {
        let first = places.firstIndex { $0 >= 0 } ?? places.count
        guard first < places.count || !octets.isEmpty else { return [] }
        var ranges = hidden(by: mask)
        if let tail { ranges.append(first..<end(of: tail, from: first)) }
        let cut = isEnd ? text.count : cut(ranges, first, mask)
        for range in ranges {
            for place in places[range.clamped(to: first..<max(first, cut))] where octets[place] >= 0x20 {
                octets[place] = UInt8(ascii: "*")
            }
        }
        keepTail(ranges, first, cut)
        return handOver(cut)
    }

    /// What is masked so far of a secret has lost its beginning.
    private mutating func keepTail(_ ranges: [Range<Int>], _ first: Int, _ cut: Int) {
        guard cut > first else { return }
        let crossing = ranges.first { $0.lowerBound < cut && $0.upperBound > cut }
        tail = crossing.map { range in
            let isKey = text[range].contains(0x0A) || (tail == .key && range.lowerBound == first)
            return isKey ? .key : .word
        }
    }

    private mutating func handOver(_ cut: Int) -> [UInt8] {
        let end = cut < places.count ? places[cut] : octets.count
        guard end > 0 else { return [] }
        let result = Array(octets[..<end])
        octets.removeFirst(end)
        let dropped = max(0, cut - Self.context)
        text.removeFirst(dropped)
        places.removeFirst(dropped)
        for index in places.indices { places[index] = index < cut - dropped ? -1 : places[index] - end }
        return result
    }

    /// Where the first of what is kept back stands in `text`.
    private func cut(_ ranges: [Range<Int>], _ first: Int, _ mask: SecretMask) -> Int {
        guard text.count - first <= Self.maximumHeld else { return forced(ranges, first) }
        // No shape but a private key's goes on behind a line.
        guard let newline = text.lastIndex(of: 0x0A) else { return first }
        var cut = max(first, newline + 1)
        let seen = text[..<cut].indices.filter { !Self.moves(text[$0]) }
        let open = mask.beginning(in: seen.map { text[$0] }[...])
        if open > 0 { cut = max(first, start(ofLineAt: seen[seen.count - open])) }
        // What reaches to the end of a line may go on.
        for range in ranges.reversed() where range.lowerBound < cut && range.upperBound >= cut {
            cut = max(first, start(ofLineAt: range.lowerBound))
        }
        return cut
    }

    /// A secret that begins before it has ended by then, or is longer than any.
    private func forced(_ ranges: [Range<Int>], _ first: Int) -> Int {
        let cut = text.count - Self.longest
        let crossing = ranges.first { $0.lowerBound < cut && $0.upperBound > cut }
        guard let crossing, crossing.lowerBound > first, crossing.count <= Self.longest else { return cut }
        return crossing.lowerBound
    }

    private func start(ofLineAt place: Int) -> Int {
        (text[..<max(0, min(place, text.count))].lastIndex(of: 0x0A) ?? -1) + 1
    }

    private func end(of tail: Tail, from first: Int) -> Int {
        switch tail {
        case .word: return text[first...].firstIndex { $0 <= 0x20 && !Self.moves($0) } ?? text.count
        case .key:
            let footer = Array("-----END ".utf8)
            var place = first
            while place + footer.count <= text.count {
                if text[place..<place + footer.count].elementsEqual(footer) { return place }
                place += 1
            }
            return text.count
        }
    }

    /// Back by one, or to the beginning of the line.
    private static func moves(_ octet: UInt8) -> Bool { octet == 0x08 || octet == 0x0D }

    /// Of what is seen, as it was written, and as it stands where backspaces have taken some of it back: a cursor that
    /// only moved has taken nothing.
    private func hidden(by mask: SecretMask) -> [Range<Int>] {
        let written = text.indices.filter { !Self.moves(text[$0]) }
        var ranges = Self.ranges(in: written, of: text, by: mask)
        let standing = standing
        if standing.count < written.count { ranges += Self.ranges(in: standing, of: text, by: mask) }
        return ranges.sorted { $0.lowerBound < $1.lowerBound }
    }

    private var standing: [Int] {
        var standing: [Int] = []
        for place in text.indices {
            switch text[place] {
            case 0x08: _ = standing.popLast()
            // At its margin a line editor writes a blank and goes back, to be on the next line.
            case 0x0D:
                let isEnd = place + 1 == text.count || text[place + 1] == 0x0A
                if !isEnd, let last = standing.last, text[last] == 0x20 { standing.removeLast() }
            default: standing.append(place)
            }
        }
        return standing
    }

    /// From the first to the last octet: what stands between them is hidden as well.
    private static func ranges(in places: [Int], of text: [UInt8], by mask: SecretMask) -> [Range<Int>] {
        mask.ranges(in: places.map { text[$0] }).compactMap { range in
            guard let last = range.last else { return nil }
            return places[range.lowerBound]..<places[last] + 1
        }
    }
}
