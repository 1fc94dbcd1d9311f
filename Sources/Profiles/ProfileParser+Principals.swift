internal import Model
internal import Policy

/// `principals` of a profile, and `for` of a rule.
extension ProfileParser {
    /// Octets of a pattern or of a claim's name.
    private static let maximumPattern = 512
    private static let onExpiry = "on-expiry"

    mutating func read(principals node: YAMLNode, into fragment: inout ProfileFragment) {
        let keys = PrincipalPattern.keys + [Self.onExpiry]
        guard let fields = node.mapping("principals", keys: keys, &errors) else { return }
        if let word = fields[Self.onExpiry] {
            let words = OnExpiry.allCases.map(\.rawValue)
            fragment.onExpiry = word.word("principals.on-expiry", of: words, &errors)
                .flatMap(OnExpiry.init(rawValue:)).map { Sourced(value: $0, source: source(word.position)) }
        }
        let parts = parts(of: fields, "principals")
        if parts.isEmpty {
            guard fields.entries.isEmpty else { return }
            errors.report(
                "principals says nothing: it names subjects, issuers, groups or claims",
                at: node.position
            )
        } else {
            fragment.principals.append(PrincipalPattern(parts: parts, source: source(node.position)))
        }
    }

    /// What `for` says; nil, with an error, where it is nothing.
    mutating func principals(of node: YAMLNode, _ what: String) -> PrincipalPattern? {
        guard let fields = node.mapping(what, keys: PrincipalPattern.keys, &errors) else { return nil }
        if fields.entries.isEmpty {
            errors.report(
                "\(what) says nothing: it names subjects, issuers, groups or claims",
                at: node.position
            )
        }
        let parts = parts(of: fields, what)
        return parts.isEmpty ? nil : PrincipalPattern(parts: parts, source: source(node.position))
    }

    private mutating func parts(of fields: YAMLMapping, _ what: String) -> [PrincipalPattern.Part] {
        var parts: [PrincipalPattern.Part] = []
        let lists: [(String, PrincipalPattern.Part.Key)] = [
            ("subjects", .subjects), ("issuers", .issuers), ("groups", .groups),
        ]
        for (name, key) in lists {
            guard let node = fields[name] else { continue }
            if let part = part(key, node, "\(what).\(name)") { parts.append(part) }
        }
        for entry in fields["claims"]?.entries("\(what).claims", &errors) ?? []
        where isPattern(entry.key, "\(what).claims", entry.keyPosition) {
            if let part = part(.claim(entry.key), entry.value, "\(what).claims.\(entry.key)") {
                parts.append(part)
            }
        }
        return parts
    }

    private mutating func part(
        _ key: PrincipalPattern.Part.Key,
        _ node: YAMLNode,
        _ what: String
    ) -> PrincipalPattern.Part? {
        guard let items = node.texts(what, &errors) else { return nil }
        // Whoever writes it may have meant everybody.
        if items.isEmpty { errors.report("\(what) is empty, which nobody matches", at: node.position) }
        var globs: [String] = []
        for item in items {
            guard has(roomFor: 1, of: .principals, at: item.position) else { break }
            guard isPattern(item.text, what, item.position) else { continue }
            if key == .subjects { checkSubject(item, what) }
            globs.append(item.text)
        }
        return globs.isEmpty ? nil : PrincipalPattern.Part(key: key, globs: globs)
    }

    private mutating func isPattern(_ text: String, _ what: String, _ position: TextPosition) -> Bool {
        guard (1...Self.maximumPattern).contains(text.utf8.count), Principal.isPlain(text) else {
            errors.report(
                "\(what): a pattern is 1 to \(Self.maximumPattern) octets without control characters",
                at: position
            )
            return false
        }
        return true
    }

    /// A subject without its kind would match nobody, and say so to nobody.
    private mutating func checkSubject(_ item: YAMLText, _ what: String) {
        guard !["user:", "oidc:", "saml:", "*"].contains(where: { item.text.begins(with: $0) }) else {
            return
        }
        errors.report(
            "\(what): \"\(item.text)\" is no subject: it begins with user:, oidc: or saml:, or with a star, as in "
                + "\"oidc:github:repo:acme/*\"",
            at: item.position,
            suggestion: item.text.holds(":") ? nil : "user:\(item.text)"
        )
    }
}
