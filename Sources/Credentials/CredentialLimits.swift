/// Every bound on credentials, with its reason.
package enum CredentialLimits {
    /// Credentials of one file: each is looked for in every request.
    package static let maximumCredentials = 128
    /// Octets of a secret; servers commonly take request fields of up to 8 KiB.
    package static let maximumSecret = 8 * 1024
    /// Octets of a secret with lines: a certificate, its chain and its key in PEM, four certificates and an RSA key of 4096
    /// bits, have 12 KiB.
    package static let maximumDocument = 64 * 1024
    /// Hosts that one credential is bound to.
    static let maximumHosts = 64
    /// Octets of a credential's or a variable's name.
    static let maximumName = 64
    /// Octets of a database's user: NAMEDATALEN of PostgreSQL, less its NUL.
    static let maximumUser = 63
    /// Roles that a role of a session is a member of.
    static let maximumGroups = 16
    /// The shortest `lifetime` of a role that is made, in milliseconds: it has to be logged in as.
    static let shortestRole: Int64 = 30_000
    /// Octets of a client's name or an audience, which are URLs at the longest.
    static let maximumWord = 2_048
    /// Arguments of a command, words of a scope.
    static let maximumArguments = 64
    /// Milliseconds that a command may take; an agent's request waits for it.
    static let commandTimeout: Int64 = 10_000
    /// Milliseconds that a secret is kept when no `lifetime` is given.
    static let defaultLifetime: Int64 = 60_000
    /// The longest `lifetime` of a token that Bailey mints, and what it is without one, in milliseconds: what was given to a
    /// service outlives its agent by no more.
    static let tokenLifetime: UInt64 = 300_000
    /// The same of a certificate, without one: its key does not leave the gateway.
    static let certificateLifetime: Int64 = 3_600_000
    /// The shortest of both, in milliseconds: clocks differ, and a request is on its way.
    static let shortestMinted: UInt64 = 30_000
    /// The longest `lifetime`, in milliseconds: a day.
    static let maximumLifetime: UInt64 = 86_400_000
    /// Milliseconds before the end that a source names, at which what it gave is used no more: a request is on its way.
    static let expiryMargin: Int64 = 30_000
    /// Milliseconds for which a source that failed is not asked again.
    static let failureLifetime: Int64 = 2_000
}
