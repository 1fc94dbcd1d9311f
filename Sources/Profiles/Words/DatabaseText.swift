internal import Model
internal import Policy

/// Reads what a rule for a database says beside its actions.
enum DatabaseText {
    /// Keys of such a rule alone.
    static let keys = ["role", "search_path", "statement_timeout", "read_only", "sslmode"]

    /// What stands before `column` in a rule's mask.
    static let column = "column "

    /// Cuts `postgres://HOSTS[:PORT]/DATABASE` in front of the last slash.
    static func cut(_ text: String) throws(TextProblem) -> (to: String, database: WordGlob) {
        let example = "postgres://db.example.com/app"
        guard let slash = text.lastPlace(of: "/"), !text[..<slash].ends(with: "/") else {
            throw TextProblem(
                "the database is missing; it is written as in \(example)",
                suggestion: "\(text)/*"
            )
        }
        let (to, name) = (String(text[..<slash]), text.rest(behind: slash))
        return (to, try self.name(name, offset: to.unicodeScalars.count + 1))
    }

    private static func name(_ text: Substring, offset: Int) throws(TextProblem) -> WordGlob {
        guard !text.isEmpty, text.utf8.count <= NamePattern.maximumName else {
            throw TextProblem(
                "a database's name has 1 to \(NamePattern.maximumName) octets; * stands for every database",
                suggestion: text.isEmpty ? "*" : nil,
                offset: offset
            )
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !"?#@%".utf8.contains($0) }) else {
            throw TextProblem("\"\(text)\" is not a database's name or a glob over one", offset: offset)
        }
        return WordGlob(String(text))
    }

    /// `column users.ssn`.
    static func column(_ text: String) throws(TextProblem) -> ColumnPattern {
        let parts = text.dropFirst(bytes: column.utf8.count).cut(at: ".", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count), parts.allSatisfy(isName), let name = parts.last else {
            throw TextProblem(
                "\"\(text)\" is not a column; it is written column NAME, column TABLE.NAME or column SCHEMA.TABLE.NAME",
                suggestion: "column users.ssn"
            )
        }
        return ColumnPattern(
            schema: parts.count == 3 ? ByteText(parts[0]) : nil,
            table: parts.count >= 2 ? ByteText(parts[parts.count - 2]) : nil,
            column: ByteText(name)
        )
    }

    /// Whether it can be the name of something in a database, as the server spells it.
    ///
    /// In a search_path `$user` would be the name of whoever logs in.
    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= NamePattern.maximumName
            && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !"\"'\\,$.*".utf8.contains($0) }
    }
}

extension DatabaseRule {
    /// What it says of sessions, in the format's own spelling.
    var words: [(key: String, value: String)] {
        var words: [(key: String, value: String)] = []
        if let role { words.append(("role", role.text)) }
        if let searchPath {
            words.append(("search_path", "[\(searchPath.map(\.text).joined(separator: ", "))]"))
        }
        if let statementTimeout { words.append(("statement_timeout", "\(statementTimeout)ms")) }
        if isReadOnly { words.append(("read_only", "true")) }
        if let sslMode { words.append(("sslmode", sslMode.rawValue)) }
        return words
    }

    /// The columns that it masks.
    var maskWords: [String] { columns.map(\.description).sorted { $0.precedes($1) } }
}
