// Paths, names and headers are bytes to the kernel, to a peer and to whatever reads them next. Swift compares text
// by characters instead: `"/\u{301}"` holds no `/`, and two spellings of `é` are equal. Everything that a decision
// hangs on is therefore compared and cut here; `tools/lint` refuses the methods of `Character` in their stead.

extension StringProtocol {
    /// Whether the bytes are the same.
    @inlinable package func isSame(as other: some StringProtocol) -> Bool {
        utf8.elementsEqual(other.utf8)
    }

    /// Whether the first bytes are those of `prefix`.
    @inlinable package func begins(with prefix: some StringProtocol) -> Bool {
        utf8.starts(with: prefix.utf8)
    }

    /// Whether the last bytes are those of `suffix`.
    @inlinable package func ends(with suffix: some StringProtocol) -> Bool {
        utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// Whether an ASCII character is somewhere in it, whatever combines with it.
    @inlinable package func holds(_ character: Unicode.Scalar) -> Bool {
        firstPlace(of: character) != nil
    }

    /// Where an ASCII character first stands.
    @inlinable package func firstPlace(of character: Unicode.Scalar) -> Index? {
        unicodeScalars.firstIndex(of: character)
    }

    /// Where an ASCII character last stands.
    @inlinable package func lastPlace(of character: Unicode.Scalar) -> Index? {
        unicodeScalars.lastIndex(of: character)
    }

    /// What is behind the place of an ASCII character.
    @inlinable package func rest(behind place: Index) -> SubSequence {
        self[unicodeScalars.index(after: place)...]
    }

    /// The first place where the bytes of `text` stand.
    @inlinable package func firstPlace(ofText text: some StringProtocol) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            let tail = self[start...]
            if tail.begins(with: text) { return start..<utf8.index(start, offsetBy: text.utf8.count) }
            start = unicodeScalars.index(after: start)
        }
        return nil
    }

    /// Without its first bytes, which are whole scalars.
    @inlinable package func dropFirst(bytes count: Int) -> SubSequence {
        self[(utf8.index(startIndex, offsetBy: count, limitedBy: endIndex) ?? endIndex)...]
    }

    /// Without its last bytes, which are whole scalars.
    @inlinable package func dropLast(bytes count: Int) -> SubSequence {
        self[..<(utf8.index(endIndex, offsetBy: -count, limitedBy: startIndex) ?? startIndex)]
    }

    /// The pieces between the places of a character; one of ASCII is looked for among octets.
    @inlinable package func cut(
        at separator: Unicode.Scalar,
        maxSplits: Int = .max,
        omittingEmptySubsequences: Bool = true
    ) -> [SubSequence] {
        guard separator.isASCII else {
            return unicodeScalars.split(
                maxSplits: maxSplits,
                omittingEmptySubsequences: omittingEmptySubsequences,
                whereSeparator: { $0 == separator }
            ).map { self[$0.startIndex..<$0.endIndex] }
        }
        return utf8.split(
            maxSplits: maxSplits,
            omittingEmptySubsequences: omittingEmptySubsequences,
            whereSeparator: { Unicode.Scalar($0) == separator }
        ).map { self[$0.startIndex..<$0.endIndex] }
    }

    /// Whether this path is the folder, or beneath it.
    @inlinable package func isWithin(_ folder: some StringProtocol) -> Bool {
        guard begins(with: folder) else { return false }
        let rest = utf8.dropFirst(folder.utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "/") || folder.isSame(as: "/")
    }

    /// With ASCII's capital letters as small ones, and nothing else changed.
    @inlinable package var lowercasedASCII: String {
        String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: Unicode.UTF8.self)
    }

    /// Whether the bytes come first, as numbers.
    @inlinable package func precedes(_ other: some StringProtocol) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }
}

extension Sequence where Element: StringProtocol {
    /// Whether one of them has these bytes.
    @inlinable package func holds(bytes text: some StringProtocol) -> Bool {
        contains { $0.isSame(as: text) }
    }
}

/// Text as a key: the same only when its bytes are.
package struct ByteText: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// Of a text as it is: the initializer of any text asks at run time which it is.
    @inlinable package init(_ text: String) {
        self.text = text
    }

    @inlinable package init(_ text: some StringProtocol) {
        self.text = String(text)
    }

    @inlinable package var description: String { text }

    /// All octets at once: a text that is looked up is nearly always the one that is found.
    @inlinable package static func == (left: ByteText, right: ByteText) -> Bool {
        let (left, right) = (left.text.utf8.span, right.text.utf8.span)
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= unsafe left[unchecked: index] ^ right[unchecked: index] }
        return difference == 0
    }

    @inlinable package func hash(into hasher: inout Hasher) {
        // Equal bytes have equal hashes as text, too.
        hasher.combine(text)
    }
}
