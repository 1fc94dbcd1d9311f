internal import Model

/// What a principal is called: one claim, or text with claims in braces, `{repository}@{ref}`.
///
/// No two tokens with other claims have one subject: where there are several claims, what of their values could be taken for
/// the text between them is written as `%` and two hexadecimal digits; that text has no `%` then.
package struct SubjectTemplate: Sendable, Hashable {
    /// A piece of it.
    enum Part: Sendable, Hashable {
        case text(String)
        case claim(String)
    }

    /// The token's `sub` (RFC 7519 section 4.1.2).
    package static let standard = SubjectTemplate([.claim("sub")])

    /// The name of an assertion's subject (SAML core section 2.4.1), as a claim of that name.
    static let nameID = "NameID"
    package static let assertion = SubjectTemplate([.claim(nameID)])

    /// Octets of one; a claim's name has rarely more than 30.
    package static let maximumLength = 512

    let parts: [Part]

    private init(_ parts: [Part]) { self.parts = parts }

    /// Nil for what is none: a brace without its other, no claim, two claims with nothing in between, or with `%`, which stands
    /// for an escape in what they are.
    package init?(_ text: String) {
        // ASCII, since single octets of values are escaped.
        guard (1...Self.maximumLength).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { return nil }
        guard text.holds("{") || text.holds("}") else {
            self.init([.claim(text)])
            return
        }
        var (parts, rest) = ([Part](), text[...])
        while !rest.isEmpty {
            let open = rest.firstPlace(of: "{") ?? rest.endIndex
            let literal = rest[..<open]
            guard !literal.holds("}") else { return nil }
            if !literal.isEmpty { parts.append(.text(String(literal))) }
            guard open < rest.endIndex else { break }
            rest = rest.rest(behind: open)
            guard let close = rest.firstPlace(of: "}"), close > rest.startIndex,
                !rest[..<close].holds("{")
            else { return nil }
            if case .claim? = parts.last { return nil }
            parts.append(.claim(String(rest[..<close])))
            rest = rest.rest(behind: close)
        }
        guard parts.contains(where: { if case .claim = $0 { true } else { false } }) else { return nil }
        self.init(parts)
        guard claims.count == 1 || !isLiteral(Self.escape) else { return nil }
    }

    private static let escape = UInt8(ascii: "%")

    /// The claims that it names.
    package var claims: [String] { parts.compactMap { if case .claim(let name) = $0 { name } else { nil } } }

    /// The subject of a token; `value` gives the text of a claim.
    func subject<Failure: Error>(_ value: (String) throws(Failure) -> String) throws(Failure) -> String {
        var text = ""
        let isSingle = claims.count == 1
        for part in parts {
            switch part {
            case .text(let literal): text += literal
            case .claim(let name): text += isSingle ? try value(name) : escaped(try value(name))
            }
        }
        return text
    }

    private func escaped(_ value: String) -> String {
        var octets: [UInt8] = []
        for octet in value.utf8 {
            guard octet == Self.escape || isLiteral(octet) else {
                octets.append(octet)
                continue
            }
            octets += "%\(CollectionOfOne(octet).hex)".utf8
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private func isLiteral(_ octet: UInt8) -> Bool {
        parts.contains { if case .text(let literal) = $0 { literal.utf8.contains(octet) } else { false } }
    }
}
