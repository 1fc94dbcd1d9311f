internal import Model
internal import Wire

/// What a secret could come back as: itself, in UTF-16, in base64 at any alignment, in hexadecimal.
///
/// Escapes (`%41`, `\u0041`, `&#65;`) are undone by `ReflectionMask`, so that a text may be escaped in part, and
/// base64 as well. The search takes either case. Built once for a secret and shared; has no description.
package final class SecretSpellings: Sendable, CustomStringConvertible, CustomReflectable {
    let set: PatternSet
    let filter: PairFilter
    /// Length and filler of each pattern of the set.
    let lengths: [Int]
    let fillers: [UInt8]

    package var description: String { "SecretSpellings" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// Nil for a field value whose secret is shorter or longer than is looked for.
    package convenience init?(ofField value: String, shortest: Int = ReflectionLimits.shortest) {
        self.init(ofFields: [value], shortest: shortest)
    }

    /// Whether a field value's secret is neither shorter nor longer than what is looked for.
    package static func isSearchable(_ value: String, shortest: Int = ReflectionLimits.shortest) -> Bool {
        secrets(in: value).first.map { (shortest...ReflectionLimits.longest).contains($0.count) } ?? false
    }

    /// Those of several, looked for in one pass; nil where one is shorter or longer than is looked for, or all together are.
    init?(ofFields values: [String], shortest: Int = ReflectionLimits.shortest) {
        var patterns: [[UInt8]] = []
        var fillers: [UInt8] = []
        var secrets: [[UInt8]] = []
        for value in values {
            guard Self.isSearchable(value, shortest: shortest) else { return nil }
            secrets += Self.secrets(in: value).filter { !secrets.contains($0) }
        }
        for secret in secrets where secret.count >= shortest {
            let plain = [secret] + (secret.contains(0x20) ? [secret.map { $0 == 0x20 ? 0x2B : $0 }] : [])
            let texts = plain + plain.map(Self.wide)
            let base64 = Base64.tracesOf(secret)
            patterns += texts + base64 + [Array(secret.hex.utf8)]
            fillers += texts.map { _ in UInt8(ascii: "*") } + base64.map { _ in UInt8(ascii: "A") }
            fillers.append(UInt8(ascii: "0"))
        }
        guard let set = PatternSet(patterns, maximum: ReflectionLimits.spellings) else { return nil }
        self.set = set
        filter = PairFilter(patterns)
        self.fillers = fillers
        lengths = patterns.map(\.count)
    }

    /// What of a field value is secret, the whole of it first: what follows the scheme word, and of Basic what that
    /// encodes, and the password; the user where it stands alone, as tokens do.
    private static func secrets(in value: String) -> [[UInt8]] {
        guard let space = value.firstPlace(of: " ") else { return token(Array(value.utf8)) }
        let rest = value.rest(behind: space)
        let whole = Array(rest.utf8)
        guard value[..<space].lowercasedASCII == "basic", let pair = Base64.decoded(rest) else {
            return token(whole)
        }
        let user = Array(pair.prefix { $0 != UInt8(ascii: ":") })
        let password = Array(pair.dropFirst(user.count + 1))
        let alone = password.isEmpty || password.elementsEqual("x-oauth-basic".utf8)
        return [whole, pair, alone ? user : password]
    }

    /// A secret, and where it is a signed token (RFC 7515 section 7.1) its signature as well: whoever is shown the parts
    /// one by one has the token.
    private static func token(_ secret: [UInt8]) -> [[UInt8]] {
        let parts = secret.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = parts.last, signature.count >= shortestSignature,
            parts.allSatisfy({ $0.allSatisfy(Base64.isURLSafe) })
        else { return [secret] }
        return [secret, Array(signature)]
    }

    /// Digits of base64url: the shortest that a token has is of an HMAC with SHA-256 (RFC 7518 section 3.2).
    private static let shortestSignature = 43

    /// Of both byte orders: without the zero in front of it or behind.
    private static func wide(_ secret: [UInt8]) -> [UInt8] { Array(secret.flatMap { [$0, 0] }.dropLast()) }
}
