internal import Model
internal import Yams

/// Turns the library's nodes into ours, refusing what the format does not use.
struct YAMLConversion {
    let file: String
    private var count = 0

    init(file: String) {
        self.file = file
    }

    mutating func convert(_ node: Node, depth: Int) throws(ProfileError) -> YAMLNode {
        let position = position(of: node)
        count += 1
        guard count <= YAMLDocument.maximumNodes else {
            throw refusal("more than \(YAMLDocument.maximumNodes) values", at: position)
        }
        guard depth <= YAMLDocument.maximumDepth else {
            throw refusal("nested deeper than \(YAMLDocument.maximumDepth) levels", at: position)
        }
        guard node.anchor == nil else { throw refusal("anchors (&name) are not allowed", at: position) }
        switch node {
        case .scalar(let scalar):
            return YAMLNode(try content(of: scalar, at: position), at: position)
        case .sequence(let sequence):
            try checkTag(sequence.tag.rawValue, at: position)
            var items: [YAMLNode] = []
            for item in sequence { items.append(try convert(item, depth: depth + 1)) }
            return YAMLNode(.list(items), at: position)
        case .mapping(let mapping):
            try checkTag(mapping.tag.rawValue, at: position)
            return YAMLNode(.mapping(try entries(of: mapping, depth: depth)), at: position)
        case .alias:
            throw refusal("aliases (*name) are not allowed", at: position)
        }
    }

    private mutating func entries(of mapping: Node.Mapping, depth: Int) throws(ProfileError) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        // By what a reader sees: keys that differ only in how an accent is encoded are refused as well.
        var seen: [String: TextPosition] = [:]
        for (key, value) in mapping {
            guard case .scalar = key else {
                throw refusal("a key must be plain text", at: position(of: key))
            }
            let name = try convert(key, depth: depth + 1)
            guard case .scalar(let text, let quoted) = name.content, quoted || text != "<<" else {
                throw refusal("a key must be plain text, not \(name.kind)", at: name.position)
            }
            if let first = seen.updateValue(name.position, forKey: text) {
                throw refusal(
                    "duplicate key \"\(text)\"; it is first at line \(first.line)",
                    at: name.position
                )
            }
            let value = try convert(value, depth: depth + 1)
            entries.append(YAMLEntry(key: text, keyPosition: name.position, value: value))
        }
        return entries
    }

    private func content(
        of scalar: Node.Scalar,
        at position: TextPosition
    ) throws(ProfileError) -> YAMLNode.Content {
        let quoted = scalar.style != .plain
        // The library marks quoted text, and keys that it compared, with the string tag by itself.
        if scalar.tag.rawValue != Tag.Name.str.rawValue { try checkTag(scalar.tag.rawValue, at: position) }
        guard !quoted else { return .scalar(scalar.string, quoted: true) }
        // YAML 1.2 core schema, section 10.3.2; the tilde is left to mean the home directory.
        return ["", "null", "Null", "NULL"].contains(scalar.string)
            ? .null : .scalar(scalar.string, quoted: false)
    }

    private func position(of node: Node) -> TextPosition {
        node.mark.map { TextPosition(line: $0.line, column: $0.column) } ?? .start
    }

    private func checkTag(_ tag: String, at position: TextPosition) throws(ProfileError) {
        guard tag.isEmpty else { throw refusal("tags (\(tag)) are not allowed", at: position) }
    }

    private func refusal(_ message: String, at position: TextPosition) -> ProfileError {
        ProfileError(diagnostics: [Diagnostic(file: file, position: position, message: message)])
    }
}

extension YamlError {
    /// What the library found, at the place where the author should look.
    func diagnostic(file: String, text: String) -> Diagnostic {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            YAMLAdvice.diagnostic(
                problem,
                at: TextPosition(line: mark.line, column: mark.column),
                file: file,
                text: text
            )
        case .duplicatedKeysInMapping(let keys, let context):
            duplicate(keys.first ?? "", first: context.mark, file: file, text: text)
        case .reader(let problem, _, _, _), .writer(let problem), .emitter(let problem),
            .representer(let problem):
            Diagnostic(file: file, position: .start, message: problem)
        case .no, .memory, .dataCouldNotBeDecoded:
            Diagnostic(file: file, position: .start, message: "not readable as YAML")
        }
    }

    /// The library names the key's first place.
    ///
    /// In a block mapping the second one begins in the same column.
    private func duplicate(_ key: String, first: Mark, file: String, text: String) -> Diagnostic {
        let lines = text.cut(at: "\n", omittingEmptySubsequences: false)
        let indent = String(repeating: " ", count: first.column - 1)
        let spellings = ["\(key):", "\"\(key)\":", "'\(key)':"].map { indent + $0 }
        let second = lines.indices.dropFirst(first.line).first { index in
            spellings.contains { lines[index].begins(with: $0) }
        }
        return Diagnostic(
            file: file,
            position: TextPosition(line: second.map { $0 + 1 } ?? first.line, column: first.column),
            message: "duplicate key \"\(key)\"" + (second == nil ? "" : "; it is first at line \(first.line)")
        )
    }
}
