internal import Literals

/// Whether a text could hold anything that is hidden: what cannot is not read octet for octet, as nearly every head.
enum Suspicion {
    /// A text without any of these, in either case, has no token's shape, no private key, no user in a URL and no name of a
    /// secret: one of them is part of each (`TokenShape`, `SecretName`).
    static let literals: [[UInt8]] =
        TokenShape.all.map(\.prefix)
        + [
            "-----begin ", "@", "pwd", "pass", "pat", "secret", "auth", "bearer", "jwt", "cred", "cookie",
            "token",
            "key", "session", "sig",
        ].map { Array($0.utf8) }

    /// Nil where Vectorscan does not run: then every text is read.
    private static let set = LiteralSet(literals, inAnyCase: true)

    static func isAroused(by text: String) -> Bool {
        set.map { $0.mayOccur(in: text) } ?? true
    }

    static func isAroused(by octets: [UInt8]) -> Bool {
        set.map { $0.mayOccur(in: octets) } ?? true
    }
}

extension LiteralSet {
    /// Whether one of them stands in a text; true where it cannot be searched.
    func mayOccur(in text: String) -> Bool { unsafe mayOccur(in: text.utf8.span.bytes) }

    /// The same of octets.
    func mayOccur(in octets: [UInt8]) -> Bool { unsafe mayOccur(in: octets.span.bytes) }

    private func mayOccur(in bytes: RawSpan) -> Bool {
        switch first(in: bytes) {
        case .nowhere: false
        case .end, .failed: true
        }
    }
}
