internal import Model

/// A text value with where it stands.
package struct YAMLText: Sendable, Hashable {
    package let text: String
    package let node: YAMLNode

    package var position: TextPosition { node.position }
}

/// A mapping whose keys have been checked.
package struct YAMLMapping: Sendable {
    package let entries: [YAMLEntry]
    package let position: TextPosition

    package subscript(key: String) -> YAMLNode? {
        entries.first { $0.key.isSame(as: key) }?.value
    }
}

extension YAMLNode {
    /// The mapping, with an error for each key that is not in `keys`.
    ///
    /// A key in `unbuilt` belongs to the format and is refused by name. Nil, with an error, for another type.
    package func mapping(
        _ what: String,
        keys: [String],
        unbuilt: Set<String> = [],
        _ errors: inout Diagnostics
    ) -> YAMLMapping? {
        guard let entries = entries(what, &errors) else { return nil }
        for entry in entries where !keys.holds(bytes: entry.key) {
            if unbuilt.contains(entry.key) {
                errors.report(
                    "\"\(entry.key)\" of \(what) is not built yet: remove it",
                    at: entry.keyPosition
                )
            } else {
                errors.report(
                    "unknown key \"\(entry.key)\" in \(what)",
                    at: entry.keyPosition,
                    suggestion: NearestWord.nearest(to: entry.key, in: keys)
                )
            }
        }
        return YAMLMapping(entries: entries.filter { keys.holds(bytes: $0.key) }, position: position)
    }

    /// The entries of a mapping whose keys are the author's own.
    package func entries(_ what: String, _ errors: inout Diagnostics) -> [YAMLEntry]? {
        guard case .mapping(let entries) = content else {
            return mismatch(what, "a mapping of keys to values", &errors)
        }
        return entries
    }

    /// The items of a list.
    package func list(_ what: String, _ errors: inout Diagnostics) -> [YAMLNode]? {
        guard case .list(let items) = content else { return mismatch(what, "a list, as in [a, b]", &errors) }
        return items
    }

    /// A text.
    package func text(_ what: String, _ errors: inout Diagnostics) -> String? {
        guard case .scalar(let text, _) = content else { return mismatch(what, "a text", &errors) }
        return text
    }

    /// A list of texts; an item of another type is an error and left out.
    package func texts(_ what: String, _ errors: inout Diagnostics) -> [YAMLText]? {
        list(what, &errors)?.compactMap { item in
            item.text("an item of \(what)", &errors).map { YAMLText(text: $0, node: item) }
        }
    }

    /// A whole number, unquoted, in decimal, within `range`.
    package func integer(_ what: String, _ range: ClosedRange<Int>, _ errors: inout Diagnostics) -> Int? {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard case .scalar(let text, quoted: false) = content, !text.isEmpty,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text), range.contains(value)
        else { return mismatch(what, expected, &errors) }
        return value
    }

    /// `true` or `false`, unquoted; YAML 1.1's other words for them are refused.
    package func boolean(_ what: String, _ errors: inout Diagnostics) -> Bool? {
        switch content {
        case .scalar("true", quoted: false): return true
        case .scalar("false", quoted: false): return false
        case .scalar, .list, .mapping, .null: return mismatch(what, "true or false", &errors)
        }
    }

    /// One of `words`.
    package func word(
        _ what: String,
        of words: [String],
        _ errors: inout Diagnostics
    ) -> String? {
        guard let text = text(what, &errors) else { return nil }
        if words.holds(bytes: text) { return text }
        errors.report(
            "\(what): unknown word \"\(text)\"; it may be \(words.joined(separator: ", "))",
            at: position,
            suggestion: NearestWord.nearest(to: text, in: words)
        )
        return nil
    }

    private func mismatch<Value>(_ what: String, _ expected: String, _ errors: inout Diagnostics) -> Value? {
        errors.report("\(what) must be \(expected), not \(kind)", at: position)
        return nil
    }
}
