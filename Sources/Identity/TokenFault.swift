/// Why a token or an assertion is not taken: which check failed, in words that hold nothing of it but what it calls its issuer,
/// its audiences and its key.
package struct TokenFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// What it is held to, in the order in which a token is.
    package enum Check: String, Sendable, Hashable, CaseIterable {
        case size, form, header, algorithm, issuer, audience, expiry
        case notBefore = "not-before"
        case issuedAt = "issued-at"
        case key, signature, subject, groups, claims
        /// Of assertions alone.
        case reference, transform, conditions, confirmation
    }

    package let check: Check
    /// A sentence's end: "it expired 3 s ago".
    package let reason: String
    /// What to do about it; nil where the reason says it.
    package let remedy: String?
    private let what: String

    init(_ check: Check, _ reason: String, remedy: String? = nil) {
        self.init(check, reason, remedy, "token")
    }

    private init(_ check: Check, _ reason: String, _ remedy: String?, _ what: String) {
        (self.check, self.reason, self.remedy, self.what) = (check, reason, remedy, what)
    }

    /// One of an assertion.
    static func assertion(_ check: Check, _ reason: String, remedy: String? = nil) -> TokenFault {
        TokenFault(check, reason, remedy, "assertion")
    }

    /// The same of an assertion.
    var ofAssertion: TokenFault { TokenFault(check, reason, remedy, "assertion") }

    package var description: String {
        "the \(what)'s \(check.rawValue) check failed: \(reason)" + (remedy.map { "; \($0)" } ?? "")
    }
}
