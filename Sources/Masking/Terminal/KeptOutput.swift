/// What is kept of a terminal's output, what of it is seen, and where that stands.
struct KeptOutput: Sendable {
    /// What was not taken away.
    private(set) var octets: [UInt8] = []
    /// What is seen, with what moves the cursor back: first what was taken away and is looked at still.
    private(set) var text: [UInt8] = []
    /// Octets of `text` that were taken away.
    private(set) var first = 0
    /// Where `text` stands, of all that was ever kept.
    private var places: [Int] = []
    /// Octets that were taken away.
    private var taken = 0

    /// All that was ever kept.
    var kept: Int { taken + octets.count }

    mutating func see(_ seen: ArraySlice<UInt8>) {
        text += seen
        places += kept..<kept + seen.count
        octets += seen
    }

    mutating func see(_ octet: UInt8) {
        text.append(octet)
        places.append(kept)
        octets.append(octet)
    }

    /// What is not seen; beyond a bound it is not kept: a line may wait for its end behind any number of sequences.
    mutating func keep(_ sequence: [UInt8]) {
        guard octets.count < TerminalMask.maximumOctets else { return }
        octets += sequence
    }

    /// Puts `*` in the place of what is seen there.
    mutating func hide(_ range: Range<Int>) {
        for place in places[range.clamped(to: first..<max(first, text.count))] {
            let index = place - taken
            if octets[index] >= 0x20 { octets[index] = UInt8(ascii: "*") }
        }
    }

    /// Takes away all that stands before a place of `text`, of which so much is looked at still.
    mutating func take(before cut: Int, context: Int) -> [UInt8] {
        let end = cut < places.count ? places[cut] - taken : octets.count
        guard end > 0 else { return [] }
        let result = Array(octets[..<end])
        octets.removeFirst(end)
        taken += end
        let dropped = max(0, cut - context)
        text.removeFirst(dropped)
        places.removeFirst(dropped)
        first = cut - dropped
        return result
    }
}
