/// A name with `*` for any run of bytes, none included: `env.pass`, `children.profiles`.
package struct WordGlob: Sendable, Hashable {
    package let text: String
    private let pattern: [UInt8]

    package init(_ text: String) {
        self.text = text
        pattern = Array(text.utf8)
    }

    /// Whether it stands for more than one word.
    package var hasStar: Bool { pattern.contains(Wildcard.star) }

    package func matches(_ word: some StringProtocol) -> Bool {
        Wildcard.matches(pattern[...], Array(word.utf8)[...])
    }
}

/// Matching of `*` against any run of bytes.
enum Wildcard {
    static let star = UInt8(ascii: "*")

    /// Greedy with one point to return to: at most `pattern.count * text.count` steps, never exponential, since
    /// giving an earlier star more bytes cannot help once a later one has been reached.
    static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        var next = pattern.startIndex
        var position = text.startIndex
        var retry: (pattern: Int, text: Int)?
        while position < text.endIndex {
            if next < pattern.endIndex, pattern[next] == star {
                retry = (next + 1, position)
                next += 1
            } else if next < pattern.endIndex, pattern[next] == text[position] {
                next += 1
                position += 1
            } else if let last = retry {
                retry = (last.pattern, last.text + 1)
                next = last.pattern
                position = last.text + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == star }
    }
}
