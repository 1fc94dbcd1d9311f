internal import Audit
internal import Client
internal import Foundation
internal import Gateway
package import Identity
internal import Model

/// The keys that vouch for agents: where they are kept, and what services are told of them.
package enum MintKeeping {
    private static let tokenName = "agent-token.key"
    private static let authorityName = "agent-authority.key"
    private static let certificateName = "agent-authority.crt"

    /// What services verify agents by, as this user's configuration and state have it.
    ///
    /// - Parameters:
    ///   - file: the operator's configuration; nil for `bailey.yaml` at its place.
    ///   - state: the state directory; nil for this user's.
    /// - Returns: the public keys.
    /// - Throws: when the keys cannot be read or kept.
    package static func bundle(configuration file: String?, state: String?) throws -> TrustBundle {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        let machine = try OperatorConfiguration.load(file: file, directory: directories.configuration)
        return try bundle(in: state ?? directories.state, domain: machine.trustDomain)
    }

    private static func bundle(in state: String, domain: TrustDomain) throws -> TrustBundle {
        TrustBundle(keys: try keys(in: state, domain: domain), domain: domain)
    }

    /// Mints for the agents of a supervisor.
    static func mint(_ configuration: SupervisorConfiguration) throws -> AgentMint {
        let machine = configuration.machine
        return AgentMint(
            keys: try keys(in: configuration.directories.state, domain: machine.trustDomain),
            domain: machine.trustDomain,
            issuer: machine.tokenIssuer
        )
    }

    /// Publishes what services verify agents by, where the operator says so.
    static func publication(_ configuration: SupervisorConfiguration) throws -> Publication? {
        guard let place = configuration.machine.publication else { return nil }
        let bundle = try bundle(
            in: configuration.directories.state,
            domain: configuration.machine.trustDomain
        )
        var documents: [String: Publication.Document] = [:]
        for form in TrustBundle.Form.allCases {
            documents["/" + form.fileName] = Publication.Document(
                mediaType: form.mediaType,
                text: try bundle.text(form)
            )
        }
        // Where verifiers of tokens look first.
        documents["/.well-known/jwks.json"] = documents["/" + TrustBundle.Form.jwks.fileName]
        return try Publication(documents, at: place.address, port: place.port)
    }

    /// Those of a state directory; made at first use.
    private static func keys(in state: String, domain: TrustDomain) throws -> MintKeys {
        let token = try KeptKeys.octets(
            named: tokenName,
            in: state,
            atMost: MintKeys.keyLength,
            orMade: MintKeys.makeKey
        )
        let authority = try KeptKeys.octets(
            named: authorityName,
            in: state,
            atMost: MintKeys.keyLength,
            orMade: MintKeys.makeKey
        )
        do {
            let certificate = try KeptKeys.octets(
                named: certificateName,
                in: state,
                atMost: MintKeys.maximumCertificate
            ) {
                try MintKeys.makeCertificate(authority: authority, domain: domain.name)
            }
            return try MintKeys(
                token: token,
                authority: authority,
                certificate: certificate,
                domain: domain.name
            )
        } catch let other as OtherTrustDomain {
            throw refusal(other, in: state, domain)
        } catch {
            throw LaunchRefusal(
                "the keys that vouch for agents, agent-* in \(state)/keys, are of no use: \(error); put the right ones "
                    + "back, or set them aside: new ones are made then, which services have to be told of"
            )
        }
    }

    private static func refusal(
        _ other: OtherTrustDomain,
        in state: String,
        _ domain: TrustDomain
    ) -> Client.LaunchRefusal {
        let certificate = TerminalText.quoted("\(state)/keys/\(certificateName)")
        let certified = other.certified.map { TerminalText.escaped($0) } ?? "none"
        return Client.LaunchRefusal(
            "the trust domain is \(domain.name), and \(certificate), by which services know agents, is of another trust "
                + "domain: \(certified). Either say `trust-domain: \(certified)` in bailey.yaml again; or set it aside "
                + "(mv \(certificate){,.old}): a new one is made at the next launch, and services have to be given it "
                + "(bailey identity bundle)"
        )
    }

    /// What a launch that mints would be refused for: keys that do not read, or are of another trust domain.
    ///
    /// Makes none.
    ///
    /// - Parameters:
    ///   - file: the operator's configuration; nil for `bailey.yaml` at its place.
    ///   - directories: of the user.
    /// - Returns: the refusal; nil where there are no keys yet, or they are of use.
    static func trouble(configuration file: String?, _ directories: StateDirectories) -> String? {
        let kept = [tokenName, authorityName, certificateName]
        let isKept = kept.allSatisfy {
            FileManager.default.fileExists(atPath: "\(directories.state)/keys/\($0)")
        }
        guard isKept else { return nil }
        do {
            let machine = try OperatorConfiguration.load(file: file, directory: directories.configuration)
            _ = try keys(in: directories.state, domain: machine.trustDomain)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
