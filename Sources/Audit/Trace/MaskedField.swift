internal import Model

/// A kind, a credential of Bailey's, or a column as a profile names it: `email`, `credential`, `column ssn`, `column users.ssn`,
/// `column public.users.ssn`.
package struct MaskedField: Sendable, Hashable {
    private static let column = "column "
    /// As streams have it; of one that came back in a reply its record has the name (`RequestRecord.credential`).
    package static let credential = "credential"
    /// What begins as one does, in a stream.
    private static let beginning = "credential-beginning"
    private let text: String

    /// Nil for what is neither.
    package init?(_ text: String) {
        let name =
            text.begins(with: Self.column) ? String(text.dropFirst(bytes: Self.column.utf8.count)) : nil
        if let name {
            let parts = name.cut(at: ".", omittingEmptySubsequences: false)
            // A schema, a table, a column.
            guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        } else {
            guard text.isSame(as: Self.credential) || MaskKind(rawValue: text) != nil else { return nil }
        }
        self.text = text
    }

    var isCredential: Bool { text.isSame(as: Self.credential) }

    /// Whether what is on record is that, or may be: of a column either need not name schema and table.
    ///
    /// Where the server did not say whose a column is, the rule's name for it is on record, as `column ssn`.
    func matches(_ recorded: String) -> Bool {
        if recorded.isSame(as: text) || isCredential && recorded.isSame(as: Self.beginning) { return true }
        guard text.begins(with: Self.column), recorded.begins(with: Self.column) else { return false }
        return Self.ends(recorded, with: text) || Self.ends(text, with: recorded)
    }

    private static func ends(_ whole: String, with part: String) -> Bool {
        let name = "." + part.dropFirst(bytes: column.utf8.count)
        return whole.utf8.count > name.utf8.count
            && whole.utf8.suffix(name.utf8.count).elementsEqual(name.utf8)
    }
}
