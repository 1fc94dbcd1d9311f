package import Model

/// Whose tokens or assertions are taken, and what they mean: an entry of `issuers` in `bailey.yaml`.
package struct Issuer: Sendable, Hashable {
    /// Where its public keys are found.
    package enum Keys: Sendable, Hashable {
        /// As its configuration document says (OpenID Connect Discovery 1.0 section 4).
        case discovered
        case url(WebAddress)
        /// Absolute path.
        case file(String)
        /// Absolute paths of certificates in PEM: an identity provider of SAML, which no token is from.
        case certificates([String])
    }

    /// What a token may be got from.
    package enum Source: String, Sendable, Hashable, CaseIterable {
        /// `--oidc-token-file` and `--oidc-token-env`.
        case file
        case gitHubActions = "github-actions"
        case gitLab = "gitlab"
        case buildkite
    }

    /// Its name in subjects: lower-case letters, digits, `.`, `_`, `-`.
    package var name: String
    /// The token's `iss`, or the assertion's Issuer, octet for octet.
    package var url: String
    /// Where discovery begins: the same URL, parsed.
    package var address: WebAddress?
    /// What a token may be for; every audience of a token has to be one of these.
    package var audiences: [String]
    /// Which key of bailey.yaml says them, where it is not `issuers.NAME`.
    package var audienceKey: String?
    package var keys: Keys
    package var algorithms: [SignatureAlgorithm]
    package var subject: SubjectTemplate
    /// The claim that holds the groups; nil where none does.
    package var groups: String?
    /// Claims that are kept.
    package var claims: [String]
    /// Milliseconds by which its clock and this machine's may differ.
    package var leeway: Int64
    package var sources: Set<Source>
    /// Where an assertion has to have been sent; nil for anywhere.
    package var recipient: String?

    package init(
        name: String,
        url: String,
        address: WebAddress? = nil,
        audiences: [String],
        keys: Keys = .discovered,
        algorithms: [SignatureAlgorithm] = SignatureAlgorithm.standard,
        subject: SubjectTemplate = .standard,
        groups: String? = nil,
        claims: [String] = [],
        leeway: Int64 = Issuer.standardLeeway,
        sources: Set<Source> = [.file]
    ) {
        self.name = name
        self.url = url
        self.address = address
        self.audiences = audiences
        self.keys = keys
        self.algorithms = algorithms
        self.subject = subject
        self.groups = groups
        self.claims = claims
        self.leeway = leeway
        self.sources = sources
    }

    /// What it proves with.
    package var proof: Principal.Proof { if case .certificates = keys { .assertion } else { .token } }

    /// Milliseconds; machines that synchronise their clocks differ by far less.
    package static let standardLeeway: Int64 = 30_000
    /// What RFC 7519 section 4.1.4 calls "no more than a few minutes".
    package static let maximumLeeway: Int64 = 300_000
}

/// Bounds on what a token may say.
package enum TokenLimits {
    /// Octets of the header: an algorithm, a key's name, a chain of certificates that nobody reads.
    static let header = 8 << 10
    /// Audiences of one token.
    static let audiences = 16
    /// Groups of one token; who has more is told so, since a rule could be about one that was left out.
    package static let groups = 256
    /// Octets of a group's name or of one text of a claim.
    package static let text = 1_024
    /// Texts of one claim.
    static let texts = 64
    /// Octets of all that is kept of a token, which stands in the record of each launch.
    static let kept = 8 << 10
    /// Keys of one issuer; those in use have fewer than ten.
    static let keys = 100
    /// Octets of a key set or of an issuer's configuration.
    package static let document = 64 << 10
    /// Certificates of one identity provider: the one in use, and those before and behind it.
    static let certificates = 4
    /// Octets of one, in DER; Sources/SAML/saml.h has the same.
    static let certificate = 16 << 10
    /// Bits of an RSA key; more take long to verify with.
    static let rsaBits = 8_192
}
