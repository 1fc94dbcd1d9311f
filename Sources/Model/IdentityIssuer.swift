/// Who mints what services know agents by.
///
/// Nothing minted is ever an agent's: the gateway puts it into requests that were allowed.
package protocol IdentityIssuer: Sendable {
    /// A token that says on whose behalf, through which agents, a request is made, for one service; with the certificate that
    /// it is bound to.
    ///
    /// Never waits for anything but a signature. Throws where the agent has no name that services have to take.
    func token(
        for lineage: Lineage,
        audience: String,
        lifetime: Int64
    ) throws(CredentialFailure) -> MintedToken

    /// A certificate for mutual TLS, with its key.
    func certificate(for lineage: Lineage, lifetime: Int64) throws(CredentialFailure) -> MintedCertificate

    /// The same where one is kept that is good for a while; nil otherwise.
    func keptToken(for lineage: Lineage, audience: String, lifetime: Int64) -> MintedToken?
    func keptCertificate(for lineage: Lineage, lifetime: Int64) -> MintedCertificate?

    /// A run's principal has been proven anew: its agents are spoken for until then.
    func extend(_ run: String, until end: Timestamp)

    /// Drops what was minted for an agent that has ended or is revoked; no more is minted for it.
    func forget(_ agent: AgentID)
}

/// A JSON Web Token (RFC 7519) in its compact form.
package struct MintedToken: Sendable, Hashable {
    package let text: String
    /// What its `cnf` names: the token counts on a connection that shows this alone (RFC 8705 section 3.1).
    package let certificate: MintedCertificate

    package init(text: String, certificate: MintedCertificate) {
        self.text = text
        self.certificate = certificate
    }
}

/// A certificate and its private key.
///
/// Has no description of its own: it holds a key.
package struct MintedCertificate: Sendable, Hashable {
    /// The certificate, then the key, both in PEM.
    package let pem: String

    package init(pem: String) {
        self.pem = pem
    }
}
