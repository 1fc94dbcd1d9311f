/// What is masked before anything is written: every secret shape, and a set of exact values.
package struct SecretMask: Sendable {
    private var knownSecrets: [String]

    package init(knownSecrets: [String] = []) {
        self.knownSecrets = knownSecrets
    }

    /// The same mask with more exact values.
    package func adding(_ secrets: [String]) -> SecretMask {
        SecretMask(knownSecrets: knownSecrets + secrets)
    }

    package func text(_ text: String) -> String { text }

    package func arguments(_ arguments: [String]) -> [String] { arguments }
}
