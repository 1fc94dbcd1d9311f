internal import Glibc
internal import Model
internal import Wire

/// What a credential comes to for one request.
enum CredentialMaterial: Sendable {
    /// Put into the request.
    case injection(Injection)
    /// Shown on the connection that the request goes over.
    case identity(ClientIdentity)
    /// Put into the request, and good on a connection that shows this alone (RFC 8705 section 3).
    case bound(Injection, to: ClientIdentity)
    /// Logged in with at a database.
    case account(DatabaseAccount)
    /// Logged in with at a database to make a role for the session.
    case roles(SessionRole, maker: DatabaseAccount)
    /// Not looked up: what stands in its place is taken out.
    case withheld(CredentialPlace)

    init(
        _ binding: CredentialBinding,
        value secret: CredentialValue,
        _ identities: ClientIdentities
    ) throws(CredentialFailure) {
        let value = secret.text
        self =
            switch binding.place {
            case .clientCertificate: .identity(try identities.identity(pem: value))
            case .awsSignature:
                .injection(
                    Injection(
                        binding.place,
                        value: value,
                        signing: Injection.Signing(scope: binding.scope, seconds: Int64(time(nil)))
                    )
                )
            case .field, .query, .cookie:
                if let certificate = secret.certificate {
                    .bound(
                        Injection(binding.place, value: value),
                        to: try identities.identity(pem: certificate.pem)
                    )
                } else {
                    .injection(Injection(binding.place, value: value))
                }
            case .password(let user): .account(DatabaseAccount(user: user, password: value))
            case .loginCertificate(let user): .account(try DatabaseAccount(user: user, certificate: value))
            case .sessionRole(let role): .roles(role, maker: try DatabaseAccount(role.login, value: value))
            }
    }

    var injection: Injection? {
        switch self {
        case .injection(let injection), .bound(let injection, _): injection
        case .withheld(let place): Injection(withheldAt: place)
        case .identity, .account, .roles: nil
        }
    }

    var identity: ClientIdentity? {
        switch self {
        case .identity(let identity), .bound(_, let identity): identity
        case .injection, .account, .roles, .withheld: nil
        }
    }

    var isWithheld: Bool { if case .withheld = self { true } else { false } }
}

extension CredentialPlace {
    /// Whether its value is a certificate and a key, which take work to read.
    var isCertificate: Bool {
        switch self {
        case .clientCertificate, .loginCertificate: true
        case .sessionRole(let role): if case .certificate = role.login { true } else { false }
        case .field, .query, .cookie, .awsSignature, .password: false
        }
    }
}
