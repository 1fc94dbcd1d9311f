internal import Client
internal import Credentials
internal import Gateway
internal import Model
internal import Policy
internal import Profiles

/// What a user hears of a profile's credentials at launch, which an agent would only learn at its first request.
///
/// The launch goes on: a source may be there by then. What does not read is the supervisor's to refuse.
struct CredentialWarnings {
    let profile: Profile
    let store: CredentialStore
    /// Whether the supervisor has the environment of this process.
    let knowsEnvironment: Bool

    /// Nil where there is nothing to warn of: no credentials, or a launch that will be refused.
    init?(_ order: LaunchOrder, _ configuration: WarningSources) {
        let home = HomeFolder.current
        let file = configuration.directories.configuration + "/credentials.yaml"
        guard TextFile.exists(file),
            let store = try? CredentialStore.load(file: file, environment: ProcessEnvironment.dictionary),
            !store.names.isEmpty
        else { return nil }
        let loader = ProfileLoader(
            search: configuration.profiles(),
            variables: ProfileVariables(workspace: order.workspace, home: home, temporary: "/tmp")
        )
        let loaded: Profile? =
            switch order.profile {
            case .name(let name): try? loader.load(name: name)
            case .text(let text, let path): try? loader.load(text: text, named: path)
            }
        guard let loaded else { return nil }
        self.init(profile: loaded, store: store, knowsEnvironment: configuration.knowsEnvironment)
    }

    init(profile: Profile, store: CredentialStore, knowsEnvironment: Bool) {
        self.profile = profile
        self.store = store
        self.knowsEnvironment = knowsEnvironment
    }

    /// One sentence each.
    var lines: [String] {
        let names = Set(profile.egress.compactMap(\.credential)).filter { store.has($0) }.sorted()
        return names.compactMap { name in
            shortcoming(of: name).map { "\($0); requests that need it will be refused" }
        } + profile.egress.compactMap(unbound)
    }

    /// Why a secret is not there, or of no use.
    private func shortcoming(of name: String) -> String? {
        if let missing = store.shortcoming(of: name, knowsEnvironment: knowsEnvironment) { return missing }
        guard store.isAtHand(name, knowsEnvironment: knowsEnvironment), let binding = store.binding(of: name)
        else { return nil }
        do throws(CredentialFailure) {
            return try binding.shortcoming(of: store.value(of: name)).map { "credential \(name): \($0)" }
        } catch {
            return error.message
        }
    }

    /// A rule for hosts to which its credential is not sent.
    private func unbound(_ rule: EgressRule) -> String? {
        guard let name = rule.credential, store.has(name) else { return nil }
        return UnboundCredential.message(rule, sentTo: store.hosts(of: name)).map { "\(rule.source): \($0)" }
    }
}

/// Where a front-end looks for what it warns of: where its supervisor does.
struct WarningSources {
    let directories: StateDirectories
    /// Asked for only where there are credentials: it is looked for on the disk.
    let profiles: () -> ProfileSearch
    let knowsEnvironment: Bool
}
