/// Why a token is not taken: which check failed, in words that hold nothing of it.
package struct TokenFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// What a token is held to, in the order in which it is.
    package enum Check: String, Sendable, Hashable, CaseIterable {
        case size, form, header, algorithm, issuer, audience, expiry
        case notBefore = "not-before"
        case issuedAt = "issued-at"
        case key, signature, subject, groups, claims
    }

    package let check: Check
    /// A sentence's end: "it expired 3 s ago".
    package let reason: String
    /// What to do about it; nil where the reason says it.
    package let remedy: String?

    init(_ check: Check, _ reason: String, remedy: String? = nil) {
        (self.check, self.reason, self.remedy) = (check, reason, remedy)
    }

    package var description: String {
        "the token's \(check.rawValue) check failed: \(reason)" + (remedy.map { "; \($0)" } ?? "")
    }
}
