/// One value of a YAML document, with where it begins.
package struct YAMLNode: Sendable, Hashable {
    /// What kind of value.
    package indirect enum Content: Sendable, Hashable {
        /// The text, and whether it was written in quotes.
        case scalar(String, quoted: Bool)
        case list([YAMLNode])
        case mapping([YAMLEntry])
        /// Nothing was written, `~` or `null`.
        case null
    }

    package let content: Content
    package let position: TextPosition

    package init(_ content: Content, at position: TextPosition) {
        self.content = content
        self.position = position
    }

    /// Where a scalar's text goes on after `offset` Unicode scalars; exact for text on one line without escapes.
    package func position(offset: Int) -> TextPosition {
        guard case .scalar(_, let quoted) = content else { return position }
        return TextPosition(line: position.line, column: position.column + offset + (quoted ? 1 : 0))
    }

    /// `a list`, for messages.
    package var kind: String {
        switch content {
        case .scalar(let text, _): "\"\(text)\""
        case .list: "a list"
        case .mapping: "a mapping"
        case .null: "nothing"
        }
    }
}

/// One `key: value` of a mapping.
package struct YAMLEntry: Sendable, Hashable {
    package let key: String
    package let keyPosition: TextPosition
    package let value: YAMLNode

    package init(key: String, keyPosition: TextPosition, value: YAMLNode) {
        self.key = key
        self.keyPosition = keyPosition
        self.value = value
    }
}
