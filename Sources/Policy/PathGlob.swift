/// A glob over a normalised absolute URL path: `*` within a segment, `**` as a whole segment for any number of
/// segments (none included).
package struct PathGlob: Sendable, Hashable {
    package let text: String

    /// Nil unless the text begins with `/`.
    package init?(_ text: String) {
        guard text.hasPrefix("/") else { return nil }
        self.text = text
    }
}
