import Model
import TestSupport

/// Whom a random rule is for, and who may come.
extension RandomProfile {
    /// Who heads a lineage.
    struct Person {
        var issuer: String?
        var groups: [String] = []
        var ref: String?

        /// As the product has it.
        var principal: Principal? {
            Principal(
                named: issuer.map { "oidc:\($0):alice" } ?? "user:alice",
                groups: groups,
                claims: ref.map { ["ref": [$0]] } ?? [:]
            )
        }

        static let all =
            [Person()]
            + ["github", "idp"].flatMap { issuer in
                [[], ["a"], ["ab", "b"]].flatMap { groups in
                    [nil, "main", "dev"].map { Person(issuer: issuer, groups: groups, ref: $0) }
                }
            }
    }

    /// `for:` of a rule; a part that is empty asks for nothing.
    struct Audience {
        var issuers: [String] = []
        var groups: [String] = []
        var refs: [String] = []

        var text: String {
            func list(_ name: String, _ globs: [String]) -> String? {
                globs.isEmpty ? nil : "\(name): [" + globs.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
            }
            let parts = [
                list("issuers", issuers), list("groups", groups), list("ref", refs).map { "claims: {\($0)}" },
            ]
            return "{" + parts.compactMap(\.self).joined(separator: ", ") + "}"
        }

        func contains(_ person: Person) -> Bool {
            Self.has(issuers, person.issuer.map { [$0] } ?? []) && Self.has(groups, person.groups)
                && Self.has(refs, person.ref.map { [$0] } ?? [])
        }

        private static func has(_ globs: [String], _ texts: [String]) -> Bool {
            globs.isEmpty || globs.contains { glob in texts.contains { Wildcard.matches(glob, $0) } }
        }

        static func random(_ random: inout SplitMix) -> Audience {
            var audience = Audience()
            switch Int.random(in: 0..<4, using: &random) {
            case 0: audience.issuers = [random.pick(["github", "*", "i*"])]
            case 1: audience.groups = [random.pick(["a", "a*", "*b"]), random.pick(["b", "*"])]
            case 2: audience.refs = [random.pick(["main", "m*", "*"])]
            default:
                audience.groups = [random.pick(["a*", "*"])]
                audience.refs = [random.pick(["main", "*"])]
            }
            return audience
        }

        /// One that is mostly for fewer.
        func narrowed(_ random: inout SplitMix) -> Audience {
            var narrower = self
            switch Int.random(in: 0..<6, using: &random) {
            case 0: narrower.refs = [random.pick(["main", "dev"])]
            case 1: narrower.groups = narrower.groups.prefix(1).map { $0 == "*" ? "ab" : $0 }
            case 2: narrower.issuers = narrower.issuers.map { $0 == "*" ? "idp" : $0 }
            // Another's.
            case 3 where random.next() % 2 == 0: narrower = .random(&random)
            default: break
            }
            return narrower
        }
    }

    /// Mostly with whom it is for, or with fewer.
    static func audience(below audience: Audience?, _ random: inout SplitMix) -> Audience? {
        guard let audience else { return random.next() % 6 == 0 ? .random(&random) : nil }
        return random.next() % 8 == 0 ? nil : audience.narrowed(&random)
    }

    /// What of it is there for somebody.
    func seen(by person: Person) -> RandomProfile {
        var seen = self
        seen.rules = rules.filter { $0.audience?.contains(person) ?? true }
        return seen
    }
}
