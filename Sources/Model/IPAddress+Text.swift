extension IPAddress {
    /// Reads dotted-quad IPv4 (four decimal parts, no leading zeros, nothing else) or IPv6 text (RFC 4291
    /// section 2.2, no zone).
    ///
    /// Nil for every other spelling: `2852039166`, `0xa9.0xfe.0xa9.0xfe`, `127.1`.
    package init?(_ text: some StringProtocol) {
        if text.holds(":") {
            guard let words = Self.words(String(text)) else { return nil }
            let high = words[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
            let low = words[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
            self.init(v6High: high, low: low)
        } else {
            guard let bits = Self.dottedQuad(String(text)) else { return nil }
            self.init(v4: bits)
        }
    }

    private static func dottedQuad(_ text: String) -> UInt32? {
        let parts = text.cut(at: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part == "0" || !part.begins(with: "0"), let value = UInt8(part)
            else { return nil }
            bits = bits << 8 | UInt32(value)
        }
        return bits
    }

    /// The eight 16-bit words of IPv6 text.
    private static func words(_ text: String) -> [UInt16]? {
        let halves = text.components(splitBy: "::")
        guard halves.count <= 2 else { return nil }
        guard let front = groups(halves[0], allowingQuad: halves.count == 1) else { return nil }
        guard halves.count == 2 else { return front.count == 8 ? front : nil }
        guard let back = groups(halves[1], allowingQuad: true), front.count + back.count <= 7 else {
            return nil
        }
        return front + [UInt16](repeating: 0, count: 8 - front.count - back.count) + back
    }

    private static func groups(_ text: String, allowingQuad: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.cut(at: ":", omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var words: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if allowingQuad, index == parts.count - 1, part.holds(".") {
                guard let quad = dottedQuad(String(part)) else { return nil }
                words += [UInt16(truncatingIfNeeded: quad >> 16), UInt16(truncatingIfNeeded: quad)]
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.first != UInt8(ascii: "+"),
                    let word = UInt16(part, radix: 16)
                else { return nil }
                words.append(word)
            }
        }
        return words
    }

    /// Dotted quad, or IPv6 text in the form of RFC 5952.
    package var description: String {
        switch family {
        case .v4: bytes.map { String($0) }.joined(separator: ".")
        case .v6: canonicalV6
        }
    }

    private var canonicalV6: String {
        let octets = bytes
        let words = (0..<8).map { UInt16(octets[2 * $0]) << 8 | UInt16(octets[2 * $0 + 1]) }
        func text(_ range: some Sequence<UInt16>) -> String {
            range.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let run = Self.longestZeroRun(words) else { return text(words) }
        return text(words[..<run.lowerBound]) + "::" + text(words[run.upperBound...])
    }

    /// The first longest run of two zero words or more (RFC 5952 section 4.2).
    private static func longestZeroRun(_ words: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < words.count {
            guard words[start] == 0 else {
                start += 1
                continue
            }
            var end = start
            while end < words.count, words[end] == 0 { end += 1 }
            if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
            start = end
        }
        return best
    }
}

extension String {
    /// Splits at every occurrence of a separator of more than one character.
    fileprivate func components(splitBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let hit = rest.firstPlace(ofText: separator) {
            parts.append(String(rest[..<hit.lowerBound]))
            rest = rest[hit.upperBound...]
        }
        return parts + [String(rest)]
    }
}
