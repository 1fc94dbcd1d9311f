internal import Model

extension EnvironmentRules {
    /// What becomes of one variable of the launching environment.
    package enum Admission: Sendable, Hashable {
        /// `env.pass` has its name, or a glob that matches it and its name is not secret-shaped.
        case passed
        /// No entry of `env.pass` matches.
        case scrubbed
        /// Only a glob matches, and the name is one that secrets go by: it must be named to pass.
        case secretShaped
    }

    /// Whether the variable of this name reaches the agent.
    ///
    /// Looks at the name alone; a token-shaped value behind an innocent name is for the caller to find.
    package func admission(of name: String) -> Admission { EnvironmentGate(self).admission(of: name) }

    /// Whether secrets commonly go by this name, or by one that this glob matches.
    package static func isSecretShaped(_ name: String) -> Bool {
        let upper = name.utf8.map { (0x61...0x7A).contains($0) ? $0 ^ 0x20 : $0 }
        return upper.indices.contains { start in
            secretInitials.contains(upper[start])
                && secretWords.contains { upper[start...].starts(with: $0.utf8) }
        }
    }

    private static let secretInitials = Set(secretWords.compactMap(\.utf8.first))

    /// Parts of the names under which tools read secrets (the environment variables documented by git hosts, package
    /// registries, clouds and databases).
    private static let secretWords = [
        "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "API_KEY", "APIKEY", "ACCESS_KEY",
        "PRIVATE_KEY",
        "CREDENTIAL", "_AUTH", "SSH_AUTH_SOCK", "PGPASS", "DATABASE_URL", "CONNECTION_STRING",
    ]
}

/// What `env.pass` says, ready to be asked about each variable of an environment.
package struct EnvironmentGate: Sendable {
    private let names: Set<ByteText>
    private let globs: [WordGlob]

    package init(_ rules: EnvironmentRules) {
        let all = rules.pass.map { WordGlob($0) }
        names = Set(all.map { ByteText($0.text) })
        globs = all.filter(\.hasStar)
    }

    /// Whether `env.pass` has this very name.
    package func names(_ name: String) -> Bool { names.contains(ByteText(name)) }

    package func admission(of name: String) -> EnvironmentRules.Admission {
        if names(name) { return .passed }
        let bytes = Array(name.utf8)
        guard globs.contains(where: { $0.matches(bytes) }) else { return .scrubbed }
        return EnvironmentRules.isSecretShaped(name) ? .secretShaped : .passed
    }
}
