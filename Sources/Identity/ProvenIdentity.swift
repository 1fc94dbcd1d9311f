package import Model

/// Who a verified token or assertion says somebody is.
package struct ProvenIdentity: Sendable, Hashable {
    package let proof: Principal.Proof
    /// The issuer's name in the configuration.
    package let issuer: String
    package let subject: String
    package let groups: [String]
    /// Those that the configuration keeps.
    package let claims: [String: [String]]
    package let expiry: Timestamp
    /// Which key of the issuer signed: a token's id of it, or `sha256:` and the digest of a certificate; nil where a token names
    /// none.
    package let key: String?

    package init(
        _ proof: Principal.Proof = .token,
        issuer: String,
        subject: String,
        groups: [String] = [],
        claims: [String: [String]] = [:],
        expiry: Timestamp,
        key: String? = nil
    ) {
        self.proof = proof
        self.issuer = issuer
        self.subject = subject
        self.groups = groups
        self.claims = claims
        self.expiry = expiry
        self.key = key
    }

    /// The principal, who launches as this local user.
    package func principal(uid: UInt32) -> Principal {
        Principal(
            proof,
            issuer: issuer,
            subject: subject,
            uid: uid,
            groups: groups,
            claims: claims,
            expiry: expiry
        )
    }
}
