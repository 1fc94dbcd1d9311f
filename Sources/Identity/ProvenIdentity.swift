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

    package init(
        _ proof: Principal.Proof = .token,
        issuer: String,
        subject: String,
        groups: [String] = [],
        claims: [String: [String]] = [:],
        expiry: Timestamp
    ) {
        self.proof = proof
        self.issuer = issuer
        self.subject = subject
        self.groups = groups
        self.claims = claims
        self.expiry = expiry
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
