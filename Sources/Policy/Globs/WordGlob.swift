/// A name with `*` for any run of bytes, none included: `env.pass`, `children.profiles`.
package struct WordGlob: Sendable {
    package let text: String
    private let glob: GlobBytes
    private let whole: StarredText

    package init(_ text: String) {
        self.text = text
        let bytes = Array(text.utf8)
        whole = StarredText(bytes.indices, of: bytes)
        glob = GlobBytes(bytes, pieces: whole.searches(in: bytes) ? [whole.stars].compactMap(\.self) : [])
    }

    /// Whether it stands for more than one word.
    package var hasStar: Bool { whole.stars != nil }

    package func matches(_ word: some StringProtocol) -> Bool { matches(Array(word.utf8)) }

    /// Linear in the word.
    package func matches(_ word: [UInt8]) -> Bool {
        var steps = 0
        return whole.matches(word, word.indices, of: glob, &steps)
    }
}
