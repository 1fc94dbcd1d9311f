internal import Model

/// As whom, and with what, the gateway logs in to a database.
///
/// Has no description: it holds a secret.
struct DatabaseAccount: Sendable, CustomStringConvertible, CustomReflectable {
    let user: String
    /// Nil where the certificate says who it is.
    let password: String?
    /// Shown in the TLS handshake.
    let identity: ClientIdentity?

    init(user: String, password: String) {
        self.user = user
        self.password = password
        identity = nil
    }

    init(user: String, certificate: String) throws(CredentialFailure) {
        self.user = user
        password = nil
        identity = try ClientIdentity(pem: certificate)
    }

    /// What makes a role.
    init(_ login: SessionRole.Login, value: String) throws(CredentialFailure) {
        switch login {
        case .password(let user): self.init(user: user, password: value)
        case .certificate(let user): try self.init(user: user, certificate: value)
        }
    }

    var description: String { "DatabaseAccount(\(user))" }
    var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}
