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
    package func admission(of name: String) -> Admission {
        if pass.holds(bytes: name) { return .passed }
        guard pass.contains(where: { WordGlob($0).matches(name) }) else { return .scrubbed }
        return Self.isSecretShaped(name) ? .secretShaped : .passed
    }

    /// Whether secrets commonly go by this name, or by one that this glob matches.
    package static func isSecretShaped(_ name: String) -> Bool {
        let upper = String(
            decoding: name.utf8.map { (0x61...0x7A).contains($0) ? $0 ^ 0x20 : $0 },
            as: UTF8.self
        )
        return secretWords.contains { upper.firstPlace(ofText: $0) != nil }
    }

    /// Parts of the names under which tools read secrets (the environment variables documented by git hosts, package
    /// registries, clouds and databases).
    private static let secretWords = [
        "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "API_KEY", "APIKEY", "ACCESS_KEY",
        "PRIVATE_KEY",
        "CREDENTIAL", "_AUTH", "SSH_AUTH_SOCK", "PGPASS", "DATABASE_URL", "CONNECTION_STRING",
    ]
}
