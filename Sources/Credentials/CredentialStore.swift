internal import Foundation
internal import Glibc
package import Model
package import Profiles

/// The operator's credentials.
///
/// Secrets are fetched when they are used, kept for their lifetime at most, and leave only as the value of
/// one request field.
package final class CredentialStore: CredentialSource {
    package let placeholders: [Placeholder]
    /// Variables of the supervisor's environment that hold secrets: no agent may inherit them.
    package let withheldVariables: Set<String>
    private let credentials: [String: Credential]
    /// Those on this machine.
    private let sources: [CredentialDefinition.Source]
    private let sender = TokenSender()
    private let mint = Mint()
    private let onFetch: @Sendable (String) -> Void
    private let environment: [String: String]

    /// Makes a store of parsed definitions.
    ///
    /// - Parameters:
    ///   - definitions: what `credentials.yaml` says.
    ///   - environment: the supervisor's, at its start; only the variables that are named are kept.
    ///   - onFetch: is given each secret when it is fetched, so that it can be masked wherever it turns up.
    package init(
        _ definitions: [CredentialDefinition],
        environment: [String: String],
        onFetch: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.onFetch = onFetch
        sources = definitions.flatMap(\.source.onMachine)
        withheldVariables = Set(
            sources.compactMap { if case .environment(let name) = $0 { name } else { nil } }
        )
        let withheld = withheldVariables
        self.environment = environment.filter { withheld.contains($0.key) }
        let fetch = SecretFetch(
            environment: self.environment,
            home: environment["HOME"],
            sender: sender,
            onFetch: onFetch
        )
        let made = definitions.map { Credential($0, fetch, onFetch) }
        placeholders = made.flatMap(\.placeholders)
        credentials = Dictionary(made.map { ($0.definition.name, $0) }) { first, _ in first }
    }

    /// Reads `credentials.yaml`; a missing file is a valid one without credentials.
    ///
    /// It holds no secrets, so who else may read it does not matter; who else may write it does.
    package static func load(
        file path: String,
        environment: [String: String],
        onFetch: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ProfileError) -> CredentialStore {
        guard let text = try CredentialFileText.read(path) else {
            return CredentialStore([], environment: environment)
        }
        let definitions = try CredentialFile.parse(text, file: path, home: environment["HOME"])
        return CredentialStore(definitions, environment: environment, onFetch: onFetch)
    }

    /// Who sends requests for tokens from now on; credentials that need one cannot be had before.
    package func send(by transport: any TokenTransport) { sender.attach(transport) }

    /// Whether there is a credential of that name: a profile that names another must not be launched.
    package func has(_ credential: String) -> Bool { credentials[credential] != nil }

    /// The names there are, sorted.
    package var names: [String] { credentials.keys.sorted() }

    func definition(of credential: String) -> CredentialDefinition? { credentials[credential]?.definition }

    /// The files that hold secrets.
    package var files: [String] {
        sources.compactMap { if case .file(let path) = $0 { path } else { nil } }
    }

    /// The programs that fetch secrets.
    package var programs: [String] {
        sources.compactMap { if case .command(let words) = $0 { words.first } else { nil } }
    }

    /// Whether a variable holds something is all that is asked of it.
    func isSet(_ variable: String) -> Bool { environment[variable]?.isEmpty == false }

    package func binding(of credential: String) -> CredentialBinding? {
        credentials[credential]?.definition.binding
    }

    package func value(
        of credential: String,
        for lineage: Lineage
    ) throws(CredentialFailure) -> CredentialValue {
        guard let minting = minting(of: credential) else { return CredentialValue(try value(of: credential)) }
        return try minting.value(for: lineage)
    }

    package func keptValue(of credential: String, for lineage: Lineage) -> CredentialValue? {
        guard let minting = minting(of: credential) else {
            return keptValue(of: credential).map { CredentialValue($0) }
        }
        return minting.keptValue(for: lineage)
    }

    /// One that is the same whoever asks.
    package func value(of credential: String) throws(CredentialFailure) -> String {
        let name = holder(of: credential)
        guard let found = credentials[name] else {
            throw CredentialFailure("there is no credential \(name); define it in credentials.yaml")
        }
        return try found.value()
    }

    /// Drops what is kept of credentials, tokens among it, but for what is kept of others as well, and all that was minted for
    /// who is cut off.
    ///
    /// - Parameters:
    ///   - names: of those whose users are cut off.
    ///   - others: those that somebody else may use.
    ///   - agents: who is cut off.
    package func forget(_ names: Set<String>, unlessOf others: Set<String>, mintedFor agents: [AgentID]) {
        if let issuer = mint.attached { for agent in agents { issuer.forget(agent) } }
        for holder in Set(names.map(holder)).subtracting(others.map(holder)) {
            credentials[holder]?.forget()
        }
    }

    /// The same where it is known and need not be fetched again.
    package func keptValue(of credential: String) -> String? {
        credentials[holder(of: credential)]?.keptValue()
    }

    /// What must not be shown of credentials, as fields carry it: what was fetched last, also where its time is over, what is at
    /// hand, and what was minted for these agents.
    ///
    /// Runs no command and sends nothing.
    package func secrets(of names: [String], for lineages: [Lineage]) -> [String] {
        Set(names.map(holder)).flatMap { name -> [String] in
            guard let credential = credentials[name] else { return [] }
            if case .agentToken = credential.definition.source {
                let minting = minting(of: name)
                return lineages.compactMap { minting?.keptValue(for: $0)?.text }
            }
            // What cannot be had is a secret of nobody's.
            if isAtHand(name, knowsEnvironment: true) { _ = try? credential.value() }
            return credential.lastSecrets()
        }
    }

    /// Whether any credential is minted.
    package var mints: Bool { credentials.values.contains { $0.definition.source.isMinted } }

    /// Who mints from now on; credentials that are minted cannot be had before.
    package func mint(by issuer: any IdentityIssuer) { mint.attach(issuer) }

    /// A run's principal has been proven anew.
    package func extend(_ run: String, until end: Timestamp) { mint.attached?.extend(run, until: end) }

    /// Drops what was minted for an agent that has ended.
    package func forget(_ agent: AgentID) { mint.attached?.forget(agent) }

    private func minting(of credential: String) -> Minting? {
        guard let definition = definition(of: credential), definition.source.isMinted else { return nil }
        return Minting(definition: definition, issuer: mint.attached, onFetch: onFetch)
    }

    /// Whose secret it is: the maker's where roles are made, its own otherwise.
    func holder(of credential: String) -> String {
        guard case .role(let maker)? = definition(of: credential)?.source else { return credential }
        return maker
    }
}
