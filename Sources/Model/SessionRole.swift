/// How a role is made at a database for each session, and dropped behind it.
package struct SessionRole: Sendable, Hashable {
    /// The name of the credential with which it is made.
    package let maker: String
    /// Where that one may be sent.
    package let hosts: [HostPattern]
    /// How that one logs in: a password, or a certificate.
    package let login: Login
    /// Roles that it is a member of; the first is given what the session leaves behind.
    package let groups: [String]
    /// Milliseconds from when it is made, after which nobody can log in as it.
    package let lifetime: Int64

    /// As whom, and with what.
    package enum Login: Sendable, Hashable {
        case password(user: String)
        case certificate(user: String)
    }

    package init(maker: String, hosts: [HostPattern], login: Login, groups: [String], lifetime: Int64) {
        self.maker = maker
        self.hosts = hosts
        self.login = login
        self.groups = groups
        self.lifetime = lifetime
    }
}
