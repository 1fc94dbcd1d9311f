package import Model
internal import Policy

/// What an issuer of `bailey.yaml` can prove of a principal, as far as profiles ask for it.
package struct IssuerFacts: Sendable, Hashable {
    package let name: String
    package let proof: Principal.Proof
    package let hasGroups: Bool
    package let claims: [String]

    package init(name: String, proof: Principal.Proof, hasGroups: Bool, claims: [String]) {
        (self.name, self.proof, self.hasGroups, self.claims) = (name, proof, hasGroups, claims)
    }
}

/// Principals that a profile speaks of and that nobody can be, with the issuers that are configured.
extension ProfileReview {
    func strangers(in fragment: ProfileFragment) -> [Lint] {
        fragment.principals.flatMap { strangers(of: $0, "principals") }
            + fragment.egress.flatMap { rule in
                rule.principals.map { strangers(of: $0, "\(rule.place): for") } ?? []
            }
    }

    /// Those of one profile's `principals` and `for`, as sentences.
    func strangers(in profile: Profile) -> [String] {
        let demands = profile.principals.flatMap { strangers(of: $0, "principals") }
        let rules = profile.egress.flatMap { rule in
            rule.principals.map { strangers(of: $0, "\(rule.place): for") } ?? []
        }
        return (demands + rules).map { "\($0.source): \($0.message)" }
    }

    /// Why a subject cannot be; nil where it can, or nobody knows.
    func stranger(_ subject: String) -> String? {
        guard let issuers = launcher.issuers, !known(subject, issuers) else { return nil }
        return "\(subject): \(Self.absence(issuers))"
    }

    private func strangers(of pattern: PrincipalPattern, _ what: String) -> [Lint] {
        guard let issuers = launcher.issuers else { return [] }
        var (lints, possible) = ([Lint](), issuers)
        func warn(_ part: PrincipalPattern.Part, _ why: String) {
            lints.append(Lint(source: pattern.source, message: "\(what): \(part.text): \(why)"))
        }
        for part in pattern.parts {
            switch part.key {
            case .issuers:
                possible = possible.filter { Self.matches(part, $0) }
                if possible.isEmpty { warn(part, Self.absence(issuers) + Self.meant(part.globs, issuers)) }
            case .subjects where !part.globs.contains { known($0, issuers) }:
                possible = []
                warn(part, Self.absence(issuers))
            case .subjects, .groups, .claim: continue
            }
        }
        return lints.isEmpty ? unproven(pattern, what, by: possible) : lints
    }

    /// Groups and claims that none of these issuers says.
    private func unproven(_ pattern: PrincipalPattern, _ what: String, by issuers: [IssuerFacts]) -> [Lint] {
        let names = issuers.map(\.name).joined(separator: ", ")
        return pattern.parts.compactMap { part in
            let why: String
            switch part.key {
            case .groups where !issuers.contains(where: \.hasGroups):
                why = "has `groups` in bailey.yaml, so that nobody is in one"
            case .claim(let name) where !issuers.contains(where: { $0.claims.holds(bytes: name) }):
                why = "keeps that claim (`claims` in bailey.yaml), so that nobody has it"
            case .groups, .claim, .issuers, .subjects: return nil
            }
            let message = issuers.isEmpty ? Self.absence([]) : "none of the issuers \(names) \(why)"
            return Lint(source: pattern.source, message: "\(what): \(part.text): \(message)")
        }
    }

    private static func matches(_ part: PrincipalPattern.Part, _ issuer: IssuerFacts) -> Bool {
        PrincipalPattern(parts: [part], source: "").matches(
            Principal(issuer.proof, issuer: issuer.name, subject: "-", uid: 0)
        )
    }

    /// Whether some principal may be meant: a local user, or a subject of an issuer that is there.
    private func known(_ subject: String, _ issuers: [IssuerFacts]) -> Bool {
        let parts = subject.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let proof = Principal.Proof(rawValue: String(parts[0])), !parts[1].holds("*")
        else { return true }
        return issuers.contains { $0.proof == proof && $0.name.isSame(as: parts[1]) }
    }

    private static func absence(_ issuers: [IssuerFacts]) -> String {
        let there =
            issuers.isEmpty
            ? "has no issuers" : "has no such issuer, but " + issuers.map(\.name).joined(separator: ", ")
        return "bailey.yaml \(there): nobody can be meant"
    }

    private static func meant(_ globs: [String], _ issuers: [IssuerFacts]) -> String {
        let near = globs.compactMap { NearestWord.nearest(to: $0, in: issuers.map(\.name)) }.first
        return near.map { "; did you mean \"\($0)\"?" } ?? ""
    }
}
