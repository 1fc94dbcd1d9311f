internal import Model

/// What a look-alike looks like, so that programs that check a token's shape before they send it accept it.
struct PlaceholderShape: Sendable {
    private enum Alphabet: String {
        case alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        case base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        case digitsAndLower = "abcdefghijklmnopqrstuvwxyz0123456789"
    }

    private let prefix: String
    private let length: Int
    private let alphabet: Alphabet
    /// Words of variable names that speak for this shape when the secret is not at hand.
    private let variableWords: [String]

    private init(_ prefix: String, _ length: Int, _ alphabet: Alphabet = .alphanumeric, _ words: String...) {
        self.prefix = prefix
        self.length = length
        self.alphabet = alphabet
        variableWords = words
    }

    /// Prefix and body length of each provider's tokens; the more specific prefix first.
    ///
    /// Every body has 80 bits of randomness or more.
    private static let all: [PlaceholderShape] = [
        PlaceholderShape("github_pat_", 82), PlaceholderShape("gho_", 36), PlaceholderShape("ghu_", 36),
        PlaceholderShape("ghs_", 36), PlaceholderShape("ghr_", 36),
        PlaceholderShape("ghp_", 36, .alphanumeric, "GITHUB", "GH"),
        PlaceholderShape("glpat-", 20, .alphanumeric, "GITLAB"),
        PlaceholderShape("sk-ant-api03-", 95, .alphanumeric, "ANTHROPIC", "CLAUDE"),
        PlaceholderShape("sk-ant-", 80), PlaceholderShape("sk-proj-", 48),
        PlaceholderShape("sk-", 48, .alphanumeric, "OPENAI"),
        PlaceholderShape("AKIA", 16, .base32, "AWS_ACCESS_KEY_ID"), PlaceholderShape("ASIA", 16, .base32),
        PlaceholderShape("xoxb-", 48, .alphanumeric, "SLACK"), PlaceholderShape("xoxp-", 48),
        PlaceholderShape("AIza", 35, .alphanumeric, "GOOGLE", "GEMINI"),
        PlaceholderShape("npm_", 36, .alphanumeric, "NPM"),
        PlaceholderShape("pypi-AgEIcHlwaS5vcmc", 120, .alphanumeric, "PYPI", "TWINE"),
        PlaceholderShape("hf_", 34, .alphanumeric, "HF", "HUGGING"),
        PlaceholderShape("dop_v1_", 64, .digitsAndLower, "DIGITALOCEAN"),
    ]

    /// Of an access key's id and its secret.
    static let awsKey = PlaceholderShape("AKIA", 16, .base32)
    static let awsSecret = PlaceholderShape("", 40)

    /// When nothing is known of the shape.
    private static let generic = PlaceholderShape("", 40)

    /// The shape of this secret, or else the one that the variable's name speaks for.
    static func matching(secret: String?, variable: String) -> PlaceholderShape {
        if let shape = secret.flatMap({ secret in all.first { secret.begins(with: $0.prefix) } }) {
            return shape
        }
        return all.first { shape in
            shape.variableWords.contains { variable == $0 || variable.begins(with: $0 + "_") }
        } ?? generic
    }

    /// A fresh look-alike from the kernel's random numbers.
    func make() -> String {
        let characters = Array(alphabet.rawValue)
        var generator = SystemRandomNumberGenerator()
        return (0..<length).reduce(into: prefix) { text, _ in
            if let character = characters.randomElement(using: &generator) { text.append(character) }
        }
    }
}
