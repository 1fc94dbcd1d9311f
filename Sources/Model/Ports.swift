/// Where records go.
///
/// Nothing that leaves the machine is allowed before its record is durable.
package protocol AuditSink: Sendable {
    /// Queues an entry and calls back exactly once, on a thread of the sink's choosing, when the entry is as safe as
    /// asked for or cannot be made so. Never blocks for longer than it takes to queue. A queue over its bound
    /// calls back at once with a failure.
    func append(
        _ entry: AuditEntry,
        until safety: RecordSafety,
        then: @escaping @Sendable (Result<Void, AuditFailure>) -> Void
    )
}

/// What a record outlives before its effect may happen.
package enum RecordSafety: Sendable, Hashable {
    /// The end of every process: the kernel has it. It goes to the disk at once, and before whatever is appended later
    /// is durable: for what happens on this machine alone, which ends with it.
    case written
    /// The end of the machine: the disk has it.
    case durable
    /// Nothing, for a moment: it is written with what comes next, before the end of its agent is.
    case soon
}

/// Where recorded bodies go.
package protocol BodySink: Sendable {
    /// Why nothing more can be kept of a run; nil while it can.
    func refusal(of run: String) -> AuditFailure?

    /// Keeps some of a body, behind what there is of it: when this returns the kernel has it. May wait for the disk.
    ///
    /// Returns between which octets of the run's recordings it lies. On failure nothing of it is kept.
    func append(_ octets: [UInt8], to body: BodyPlace) throws(AuditFailure) -> Range<UInt64>
}

/// The record could not be made durable: the effect must not happen.
package struct AuditFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}

/// Where the gateway's secrets come from.
///
/// The secret itself crosses this port only inside `use`.
package protocol CredentialSource: Sendable {
    /// The look-alike values that agents hold, each with the credential it stands for. At most
    /// `maximumPlaceholders`; fixed for the life of the supervisor.
    var placeholders: [Placeholder] { get }

    /// Where and how a credential may be put in; nil when there is none of that name.
    func binding(of credential: String) -> CredentialBinding?

    /// What to put in for an agent, fetched now and never kept by the caller beyond the request it is for.
    ///
    /// Throws when the source cannot give it.
    func value(of credential: String, for lineage: Lineage) throws(CredentialFailure) -> CredentialValue

    /// The same where it is known and need not be fetched again; never waits.
    func keptValue(of credential: String, for lineage: Lineage) -> CredentialValue?
}

/// A secret, ready to be put in.
///
/// Has no description of its own.
package struct CredentialValue: Sendable, Hashable {
    /// `Bearer …`, `Basic …`, the bare value; of a client certificate its chain and key in PEM; of AWS `ID:SECRET`, with
    /// `:TOKEN` for temporary keys.
    package let text: String
    /// Shown on the connection that it goes over, which it is bound to; nil where it is bound to none.
    package let certificate: MintedCertificate?

    package init(_ text: String, boundTo certificate: MintedCertificate? = nil) {
        self.text = text
        self.certificate = certificate
    }
}

/// A look-alike in an agent's environment.
package struct Placeholder: Sendable, Hashable {
    package let credential: String
    /// Name of the environment variable that holds it.
    package let variable: String
    package let value: String

    package init(credential: String, variable: String, value: String) {
        self.credential = credential
        self.variable = variable
        self.value = value
    }
}

/// Where a credential goes in a request.
package enum CredentialPlace: Sendable, Hashable, CustomStringConvertible {
    /// A header field, its name in lower case; `authorization` for bearer and basic.
    case field(String)
    /// A parameter of the query.
    case query(String)
    case cookie(String)
    /// A signature of AWS, made anew with the real key in place of the client's own.
    case awsSignature
    /// No part of a message: what the gateway shows the server in the TLS handshake.
    case clientCertificate
    /// What the gateway logs in with at a database, as this user.
    case password(user: String)
    /// What the gateway shows a database in the TLS handshake, to log in as this user.
    case loginCertificate(user: String)
    /// What the gateway makes a role with at a database, for each session.
    case sessionRole(SessionRole)

    package var description: String {
        switch self {
        case .field(let name): "header field \(name)"
        case .query(let name): "query parameter \(name)"
        case .cookie(let name): "cookie \(name)"
        case .awsSignature: "AWS signature"
        case .clientCertificate: "client certificate"
        case .password(let user): "password of \(user)"
        case .loginCertificate(let user): "client certificate of \(user)"
        case .sessionRole(let role): "role made by \(role.maker)"
        }
    }
}

extension CredentialPlace {
    /// What is spoken where it goes.
    package var scheme: Scheme {
        switch self {
        case .field, .query, .cookie, .awsSignature, .clientCertificate: .https
        case .password, .loginCertificate, .sessionRole: .postgres
        }
    }
}

/// The hosts a credential is bound to and where in a request it goes.
package struct CredentialBinding: Sendable, Hashable {
    /// The endpoints it is bound to.
    package let hosts: [HostPattern]
    package let place: CredentialPlace
    /// What signatures are for; nil where the host and the client's own signature say it.
    package let scope: AWSScope?

    package init(hosts: [HostPattern], place: CredentialPlace, scope: AWSScope? = nil) {
        self.hosts = hosts
        self.place = place
        self.scope = scope
    }

    /// Whether the endpoint is one the credential may be sent to.
    ///
    /// Only `https` endpoints ever are, and databases for what logs in to one.
    package func covers(_ endpoint: Endpoint) -> Bool {
        guard endpoint.scheme == place.scheme, hosts.contains(where: { $0.matches(endpoint) }) else {
            return false
        }
        guard case .sessionRole(let role) = place else { return true }
        return role.hosts.contains { $0.matches(endpoint) }
    }
}

/// A credential could not be had.
package struct CredentialFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}
