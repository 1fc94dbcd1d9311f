package import Model

/// One credential as `credentials.yaml` defines it: where the secret is, where it goes, and nothing of it.
package struct CredentialDefinition: Sendable, Hashable {
    /// Where the secret comes from.
    package enum Source: Sendable, Hashable {
        /// A variable of the supervisor's environment at its start.
        case environment(String)
        /// An absolute path.
        case file(String)
        /// A program by its absolute path, and its arguments; no shell.
        case command([String])
        /// An authorisation server.
        indirect case token(TokenRequest)
        /// Another credential, with which a database's role is made for each session.
        case role(maker: String)
        /// Bailey itself: a token that says who asks, for this audience.
        case agentToken(audience: String)
        /// Bailey itself: a certificate that says who asks.
        case agentCertificate
    }

    /// How the secret is put into a request.
    package enum Position: Sendable, Hashable {
        /// `Authorization: Bearer SECRET` (RFC 6750 section 2.1).
        case bearer
        /// `Authorization: Basic …` of a secret `USER:PASSWORD` (RFC 7617 section 2).
        case basic
        /// The secret is the whole value of this field; the name is in lower case.
        case header(String)
        /// The secret is the value of this parameter of the query.
        case query(String)
        /// The secret is the value of this cookie (RFC 6265 section 4.2).
        case cookie(String)
        /// The secret is a certificate with its chain and its key, in PEM: shown in the TLS handshake.
        case clientCertificate
        /// The secret is the password of this user of a database.
        case password(String)
        /// The same as `clientCertificate`, shown to a database as this user of it.
        case loginCertificate(String)
        /// No secret is put in: a role is made.
        case sessionRole(SessionRole)
        /// The secret is an access key, which signs requests anew; nil where each says region and service itself.
        case awsSignature(AWSScope?)

        var place: CredentialPlace {
            switch self {
            case .bearer, .basic: .field("authorization")
            case .header(let name): .field(name)
            case .query(let name): .query(name)
            case .cookie(let name): .cookie(name)
            case .clientCertificate: .clientCertificate
            case .password(let user): .password(user: user)
            case .loginCertificate(let user): .loginCertificate(user: user)
            case .sessionRole(let role): .sessionRole(role)
            case .awsSignature: .awsSignature
            }
        }

        var isCertificate: Bool {
            switch self {
            case .clientCertificate, .loginCertificate: true
            case .bearer, .basic, .header, .query, .cookie, .password, .sessionRole, .awsSignature: false
            }
        }

        var scope: AWSScope? { if case .awsSignature(let scope) = self { scope } else { nil } }

        /// Whether the secret may have lines.
        var isDocument: Bool {
            switch self {
            case .bearer, .basic, .header, .query, .cookie, .password, .sessionRole: false
            case .clientCertificate, .loginCertificate, .awsSignature: true
            }
        }
    }

    package let name: String
    package var source: Source
    package var position: Position
    package let hosts: [HostPattern]
    /// The agent's variable that holds the look-alike; nil for none.
    package let variable: String?
    /// Milliseconds that the secret is kept at most.
    package let lifetime: Int64

    /// What the variable of an access key's id ends with.
    static let keyVariable = "ACCESS_KEY_ID"

    /// The agent's variable that holds the look-alike of an access key's secret, beside that of its id.
    var secretVariable: String? {
        position.place == .awsSignature ? variable.flatMap(Self.secretVariable) : nil
    }

    /// Nil beside a variable of another name.
    static func secretVariable(beside variable: String) -> String? {
        guard variable.ends(with: keyVariable) else { return nil }
        return "\(variable.dropLast(bytes: keyVariable.utf8.count))SECRET_ACCESS_KEY"
    }

    /// Octets that the secret may have.
    var maximumSecret: Int {
        position.isDocument ? CredentialLimits.maximumDocument : CredentialLimits.maximumSecret
    }

    var binding: CredentialBinding {
        CredentialBinding(hosts: hosts, place: position.place, scope: position.scope)
    }
}
