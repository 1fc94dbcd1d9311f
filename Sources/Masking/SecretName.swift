internal import Model

/// What a name (of a variable, a flag, a field, a query parameter) says about its value.
enum SecretName {
    case none
    /// The value is a secret when it looks random: `STRIPE_KEY`, `session`.
    case weak
    /// The value is a secret whatever it looks like: `password`, `GITHUB_TOKEN`.
    case strong

    init(_ name: some Collection<UInt8>) {
        let words = Self.words(name)
        guard let last = words.last, !Self.descriptions.contains(last) else {
            self = .none
            return
        }
        // The shell's working directory is no password.
        if words == ["pwd"] || words == ["oldpwd"] {
            self = .none
        } else if words.contains(where: Self.isStrong) || Self.namesKey(words, Self.secretKeys) {
            self = .strong
        } else if words.contains(where: Self.weakWords.contains) || last.ends(with: "key") {
            self = Self.namesKey(words, Self.plainKeys) || words == ["key"] ? .none : .weak
        } else {
            self = .none
        }
    }

    /// A name longer than this is not one; bounds the work.
    static let maximumLength = 128

    private static let strongWords: Set<String> = [
        "pwd", "pass", "pat", "secrets", "authorization", "bearer", "jwt", "creds", "cookie",
    ]
    private static let strongEndings = [
        "password", "passwd", "passphrase", "passcode", "secret", "token", "apikey",
    ]
    private static let weakWords: Set<String> = ["auth", "session", "sig", "signature", "credential"]
    private static let secretKeys: Set<String> = [
        "api", "access", "private", "secret", "signing", "encryption", "auth", "master", "account", "client",
        "storage", "shared",
    ]
    private static let plainKeys: Set<String> = [
        "public", "primary", "foreign", "sort", "partition", "host", "cache", "known", "object",
        // The nonce of a handshake (RFC 6455 section 4.1), in both spellings: `Sec-WebSocket-Key` is four words.
        "websocket", "socket",
    ]
    /// A name that ends so is about a secret, but its value is none.
    private static let descriptions: Set<String> = [
        "file", "path", "dir", "url", "uri", "name", "type", "ttl", "expiry", "expires", "length", "count",
        "endpoint", "helper", "policy", "limit", "timeout", "header", "field", "id", "env", "source",
        "format",
    ]

    private static func isStrong(_ word: String) -> Bool {
        strongWords.contains(word) || strongEndings.contains { word.ends(with: $0) }
    }

    /// The last two words are `QUALIFIER key`, or one word is `QUALIFIERkey`.
    private static func namesKey(_ words: [String], _ qualifiers: Set<String>) -> Bool {
        guard let last = words.last, last.ends(with: "key") else { return false }
        if last != "key" { return qualifiers.contains(String(last.dropLast(3))) }
        return words.count > 1 && qualifiers.contains(words[words.count - 2])
    }

    /// Lower-case words of `snake_case`, `kebab-case`, `dotted.case` and `camelCase`.
    private static func words(_ name: some Collection<UInt8>) -> [String] {
        var words: [String] = []
        var word = ""
        var wasLower = false
        for octet in name.prefix(maximumLength) {
            if !octet.isLetterOrDigit || (octet.isUpper && wasLower) {
                if !word.isEmpty { words.append(word) }
                word = ""
            }
            if octet.isLetterOrDigit { word.unicodeScalars.append(Unicode.Scalar(octet.lowered)) }
            wasLower = octet.isLower
        }
        return word.isEmpty ? words : words + [word]
    }
}
