internal import CPgQuery
internal import Model

/// Statements whose literals may be secrets.
enum SecretStatements {
    /// Whose options hold passwords or connection strings, wherever in them.
    static let names: Set<String> = [
        "CreateRoleStmt", "AlterRoleStmt", "AlterRoleSetStmt", "CreateUserMappingStmt",
        "AlterUserMappingStmt",
        "CreateForeignServerStmt", "AlterForeignServerStmt", "CreateFdwStmt", "AlterFdwStmt",
        "CreateForeignTableStmt", "ImportForeignSchemaStmt", "CreateSubscriptionStmt",
        "AlterSubscriptionStmt",
        "AlterSystemStmt",
    ]

    /// Functions that take a connection string (dblink), a password or a key (pgcrypto).
    static let functions = ["dblink", "crypt", "encrypt", "decrypt", "hmac", "pgp_"]
}

extension SQLDeed {
    /// It calls a function whose arguments may be secrets, as its name says.
    var takesSecrets: Bool {
        guard case .function(let name, _) = target else { return false }
        let word = name.name.text.lowercasedASCII
        return SecretStatements.functions.contains { word.begins(with: $0) }
    }
}

/// What stands for itself in a text: its literals and comments.
package enum StatementLiterals {
    package enum Sort: Sendable, Hashable {
        case string
        case number
        case comment
    }

    /// Where they stand, by PostgreSQL's own scanner; nil where it does not take the text, or takes it in two ways.
    package static func find(in text: [UInt8], session: SessionSyntax) -> [(range: Range<Int>, sort: Sort)]? {
        guard StatementReader.isReadAlike(text, session) else { return nil }
        guard text.contains(UInt8(ascii: "\\")) else { return scan(text, standard: true) }
        return session.hasStandardStrings.flatMap { scan(text, standard: $0) }
    }

    /// The text with `***` in their stead: all of them, or all but numbers; nil where they cannot be found.
    package static func hidden(
        in text: [UInt8],
        session: SessionSyntax,
        alsoNumbers: Bool
    ) -> [UInt8]? {
        guard let literals = find(in: text, session: session) else { return nil }
        var out: [UInt8] = []
        var place = 0
        for literal in literals where alsoNumbers || literal.sort != .number {
            guard literal.range.lowerBound >= place else { return nil }
            out += text[place..<literal.range.lowerBound]
            out += stand(for: literal.sort)
            place = literal.range.upperBound
        }
        return out + text[place...]
    }

    /// Whether a text speaks of a secret in so many words, in whatever part of it: a column, an option, a connection string.
    package static func namesSecret(_ text: [UInt8]) -> Bool {
        // One pass for the first letters, of which there are few.
        text.indices.contains { place in
            switch text[place] | 0x20 {
            case UInt8(ascii: "p"):
                stands("password", in: text, at: place) || stands("passwd", in: text, at: place)
            case UInt8(ascii: "s"): stands("secret", in: text, at: place)
            default: false
            }
        }
    }

    private static func stands(_ word: StaticString, in text: [UInt8], at place: Int) -> Bool {
        guard text.count - place >= word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { letters in
            letters.indices.allSatisfy { unsafe text[place + $0] | 0x20 == letters[$0] }
        }
    }

    private static func stand(for sort: Sort) -> [UInt8] {
        switch sort {
        case .string: Array("'***'".utf8)
        case .number: Array("***".utf8)
        case .comment: Array("/* *** */".utf8)
        }
    }

    private static func scan(_ text: [UInt8], standard: Bool) -> [(range: Range<Int>, sort: Sort)]? {
        var spans: UnsafeMutablePointer<cpq_span>?
        var count = 0
        let isRead = unsafe text.withUnsafeBytes { bytes in
            unsafe cpq_scan(bytes.baseAddress, bytes.count, standard, &spans, &count)
        }
        defer { unsafe cpq_free_spans(spans) }
        guard isRead else { return nil }
        return unsafe UnsafeBufferPointer(start: spans, count: count).map { span in
            let sort: Sort =
                switch span.token {
                case CPQ_STRING: .string
                case CPQ_NUMBER: .number
                default: .comment
                }
            return (Int(span.start)..<Int(span.end), sort)
        }
    }
}
