package import Model

/// Which principals a rule applies to (`for:`), or may launch (`principals:`): those of whom every part says yes.
package struct PrincipalPattern: Sendable, Hashable {
    /// One part: of the texts that a principal has under it, one has to match one of these globs.
    package struct Part: Sendable, Hashable {
        /// What is looked at.
        package enum Key: Sendable, Hashable {
            case subjects
            case issuers
            case groups
            case claim(String)
        }

        package let key: Key
        /// Names, with `*` for any run of characters; at least one.
        package let globs: [String]

        package init(key: Key, globs: [String]) {
            (self.key, self.globs) = (key, globs)
        }
    }

    /// At least one.
    package let parts: [Part]
    /// `ci.yaml:14`.
    package let source: String

    package init(parts: [Part], source: String) {
        (self.parts, self.source) = (parts, source)
    }

    /// The words that it is written with, besides claims' names.
    package static let keys = ["subjects", "issuers", "groups", "claims"]

    package func matches(_ principal: Principal) -> Bool {
        parts.allSatisfy { part in
            let texts = part.texts(of: principal)
            return part.globs.contains { glob in
                let glob = WordGlob(glob)
                return texts.contains { glob.matches($0) }
            }
        }
    }

    /// As a profile has it: `groups [payments], claim ref [refs/heads/main]`.
    package var text: String { parts.map(\.text).joined(separator: ", ") }

    /// Two that are written alike are one, wherever they stand.
    package static func == (left: PrincipalPattern, right: PrincipalPattern) -> Bool {
        left.parts == right.parts
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(parts) }
}

extension PrincipalPattern.Part {
    fileprivate func texts(of principal: Principal) -> [String] {
        switch key {
        case .subjects: [principal.subject]
        case .issuers: [principal.issuer].compactMap(\.self)
        case .groups: principal.groups
        case .claim(let name): principal.claims.first { $0.key.isSame(as: name) }?.value ?? []
        }
    }

    package var text: String { "\(key.text) [\(globs.joined(separator: ", "))]" }
}

extension PrincipalPattern.Part.Key {
    package var text: String {
        switch self {
        case .subjects: "subjects"
        case .issuers: "issuers"
        case .groups: "groups"
        case .claim(let name): "claim \(name)"
        }
    }
}

/// What becomes of a run whose principal's token is over.
package enum OnExpiry: String, Sendable, Hashable, CaseIterable {
    /// A fresh token is got from where the first one came from, before its end; where there is none, the run ends.
    case renew
    case end
    /// It lives on; whatever it asks for is denied, and it launches nothing more.
    case deny
}

extension Profile {
    /// What of it holds for a principal: the rules that apply, without their condition; the others are withheld.
    ///
    /// The principal of a lineage never changes, so that this is decided once, when an agent is launched, and two profiles
    /// of one lineage are compared exactly.
    package func applied(to principal: Principal) -> Profile {
        guard egress.contains(where: { $0.principals != nil }) else { return self }
        var profile = self
        profile.withheld = egress.filter { $0.principals?.matches(principal) == false }
        profile.egress = egress.compactMap { rule in
            guard let principals = rule.principals else { return rule }
            guard principals.matches(principal) else { return nil }
            var rule = rule
            rule.principals = nil
            return rule
        }
        return profile
    }

    /// The demand that a principal does not meet; nil where it may launch.
    package func unmet(by principal: Principal) -> PrincipalPattern? {
        principals.first { !$0.matches(principal) }
    }
}

extension PrincipalPattern? {
    /// Whether whoever this is for, the other is for as well: for two rules whose principal nobody knows.
    ///
    /// Decided exactly for globs; parts apart: a claim that the other one asks for has to be asked for here.
    func isWithin(_ other: PrincipalPattern?, _ budget: inout ComparisonBudget) -> Bool {
        guard let other else { return true }
        guard let self else { return false }
        for part in other.parts {
            guard self.parts.contains(where: { $0.isWithin(part, &budget) }) else { return false }
        }
        return true
    }
}

extension PrincipalPattern.Part {
    fileprivate func isWithin(_ other: PrincipalPattern.Part, _ budget: inout ComparisonBudget) -> Bool {
        guard key == other.key else { return false }
        var known = GlobUnion()
        for glob in other.globs { guard known.add(word: glob, &budget) else { return false } }
        for glob in globs {
            var mine = GlobUnion()
            guard mine.add(word: glob, &budget), mine.isIncluded(in: known, &budget) == .included else {
                return false
            }
        }
        return true
    }
}
