internal import Model

/// A word of the replication protocol's commands, as the server's scanner has it (repl_scanner.l).
enum ReplicationToken: Hashable {
    /// A keyword or a name, in small letters.
    case word(String)
    /// A name in quotes, as it stands there.
    case quoted(String)
    case string(String)
    case number
    /// A place in the log: `16/B374D848`.
    case position
    case leftParenthesis
    case rightParenthesis
    case comma
    case semicolon

    /// Nil where something else stands among them: there are no comments, no signs and no letters but ASCII's.
    static func tokens(of text: [UInt8]) -> [ReplicationToken]? {
        var (tokens, rest) = ([ReplicationToken](), text[...])
        while true {
            rest = rest.drop(while: isBlank)
            guard let first = rest.first else { return tokens }
            guard let token = next(first, &rest) else { return nil }
            tokens.append(token)
        }
    }

    private static func next(_ first: UInt8, _ rest: inout ArraySlice<UInt8>) -> ReplicationToken? {
        switch first {
        case UInt8(ascii: "'"): return quotation(&rest).map { .string($0) }
        case UInt8(ascii: "\""):
            return quotation(&rest).flatMap { $0.isEmpty ? nil : .quoted($0) }
        case UInt8(ascii: "("): return symbol(.leftParenthesis, &rest)
        case UInt8(ascii: ")"): return symbol(.rightParenthesis, &rest)
        case UInt8(ascii: ","): return symbol(.comma, &rest)
        case UInt8(ascii: ";"): return symbol(.semicolon, &rest)
        default: return word(&rest)
        }
    }

    private static func symbol(
        _ token: ReplicationToken,
        _ rest: inout ArraySlice<UInt8>
    ) -> ReplicationToken {
        rest.removeFirst()
        return token
    }

    /// Up to the quote that ends it; two stand for one.
    private static func quotation(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard let quote = rest.popFirst() else { return nil }
        var octets: [UInt8] = []
        while let octet = rest.popFirst() {
            if octet == quote {
                guard rest.first == quote else { return String(decoding: octets, as: Unicode.UTF8.self) }
                rest.removeFirst()
            }
            guard octet > 0, octet < 0x80 else { return nil }
            octets.append(octet)
        }
        return nil
    }

    private static func word(_ rest: inout ArraySlice<UInt8>) -> ReplicationToken? {
        let word = rest.prefix(while: isOfWord)
        rest = rest.dropFirst(word.count)
        guard let first = word.first else { return nil }
        if rest.first == UInt8(ascii: "/") {
            let behind = rest.dropFirst().prefix(while: isOfWord)
            rest = rest.dropFirst(1 + behind.count)
            return word.allSatisfy(isHex) && !behind.isEmpty && behind.allSatisfy(isHex) ? .position : nil
        }
        if word.allSatisfy(isDigit) { return .number }
        guard !isDigit(first), first != UInt8(ascii: "$") else { return nil }
        return .word(String(decoding: word, as: Unicode.UTF8.self).lowercasedASCII)
    }

    static func isBlank(_ octet: UInt8) -> Bool {
        [0x20, 0x09, 0x0A, 0x0C, 0x0D].contains(octet)
    }

    private static func isDigit(_ octet: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
    }

    private static func isHex(_ octet: UInt8) -> Bool {
        isDigit(octet) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(octet | 0x20)
    }

    static func isOfWord(_ octet: UInt8) -> Bool {
        isDigit(octet) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet | 0x20)
            || octet == UInt8(ascii: "_") || octet == UInt8(ascii: "$")
    }
}
