internal import Model

/// What the claims of a verified token mean by the issuer's configuration.
struct TokenClaims {
    private let payload: JSONValue
    private let issuer: Issuer

    init(_ payload: JSONValue, of issuer: Issuer) {
        (self.payload, self.issuer) = (payload, issuer)
    }

    /// What it has of them.
    private var word: String { issuer.proof == .assertion ? "attribute" : "claim" }

    func identity(expiry: Timestamp, key: String?) throws(TokenFault) -> ProvenIdentity {
        let subject = try subject()
        let groups = try groups()
        let claims = try kept()
        let size =
            groups.reduce(0) { $0 + $1.utf8.count }
            + claims.reduce(0) { $0 + $1.key.utf8.count + $1.value.reduce(0) { $0 + $1.utf8.count } }
        guard size <= TokenLimits.kept else {
            throw TokenFault(
                .claims,
                "what is kept of it has more than \(TokenLimits.kept >> 10) KiB",
                remedy: "name fewer claims in issuers.\(issuer.name).claims"
            )
        }
        return ProvenIdentity(
            issuer.proof,
            issuer: issuer.name,
            subject: subject,
            groups: groups,
            claims: claims,
            expiry: expiry,
            key: key.flatMap { Principal.isPlain($0) ? $0 : nil }
        )
    }

    private func subject() throws(TokenFault) -> String {
        let subject = try issuer.subject.subject { name throws(TokenFault) in
            guard let text = payload.claim(name)?.text, !text.isEmpty else {
                throw TokenFault(
                    .subject,
                    "the \(word) \"\(name)\", which its subject is made of, is not there as a text"
                )
            }
            return text
        }
        guard subject.utf8.count <= Principal.maximumSubject else {
            throw TokenFault(.subject, "it is longer than \(Principal.maximumSubject) octets")
        }
        guard Principal.isPlain(subject) else {
            throw TokenFault(.subject, "it has a control character in it")
        }
        return subject
    }

    /// A claim that is not there means no group; one that is no list of names is refused.
    private func groups() throws(TokenFault) -> [String] {
        guard let name = issuer.groups, let value = payload.claim(name) else { return [] }
        let items: [JSONValue] = value.items ?? [value]
        guard items.count <= TokenLimits.groups else {
            throw TokenFault(.groups, "it has more than \(TokenLimits.groups) groups")
        }
        let groups = try items.map { item throws(TokenFault) in
            guard let text = item.text, !text.isEmpty else {
                throw TokenFault(.groups, "the \(word) \"\(name)\" is not a list of names")
            }
            try check(text, .groups, name)
            return text
        }
        return Set(groups.map(ByteText.init)).map(\.text).sorted { $0.precedes($1) }
    }

    private func kept() throws(TokenFault) -> [String: [String]] {
        var kept: [String: [String]] = [:]
        for name in issuer.claims {
            guard let value = payload.claim(name), value != .null else { continue }
            let items: [JSONValue] = value.items ?? [value]
            guard items.count <= TokenLimits.texts else {
                throw TokenFault(.claims, "the \(word) \"\(name)\" has more than \(TokenLimits.texts) texts")
            }
            kept[name] = try items.map { item throws(TokenFault) in
                guard let text = Self.scalar(item) else {
                    throw TokenFault(
                        .claims,
                        "the \(word) \"\(name)\" is neither a text, a number, true, false nor a list of those"
                    )
                }
                try check(text, .claims, name)
                return text
            }
        }
        return kept
    }

    private static func scalar(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text), .number(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    private func check(_ text: String, _ check: TokenFault.Check, _ name: String) throws(TokenFault) {
        guard text.utf8.count <= TokenLimits.text else {
            throw TokenFault(
                check,
                "the \(word) \"\(name)\" has a text of more than \(TokenLimits.text) octets"
            )
        }
        guard Principal.isPlain(text) else {
            throw TokenFault(check, "the \(word) \"\(name)\" has a control character in it")
        }
    }
}
