internal import Client
internal import Credentials
internal import Glibc
internal import Identity
internal import Linux
internal import Model
internal import Policy
package import Profiles
internal import Sandbox

extension ProfileReview.Launcher {
    /// What a launch from here and now would refuse, as far as it can be told before one.
    ///
    /// - Parameter file: the operator's configuration; nil for `bailey.yaml` at its place.
    /// - Returns: its answers.
    package static func here(configuration file: String?) -> ProfileReview.Launcher {
        let environment = ProcessEnvironment.dictionary
        let home = HomeFolder.current
        let directories = StateDirectories(environment: environment, home: home)
        let machine = try? Machine()
        let own = OwnFiles(hidden: directories.all, trusted: [], secrets: [])
        var (store, unreadable) = (CredentialStore?.none, String?.none)
        do {
            store = try CredentialStore.load(file: directories.credentials, environment: environment)
        } catch {
            unreadable = "\(error)"
        }
        let credentials = store
        var (operators, unconfigured) = (OperatorConfiguration?.none, String?.none)
        do throws(ProfileError) {
            operators = try OperatorConfiguration.load(file: file, directory: directories.configuration)
        } catch {
            unconfigured = "\(error)"
        }
        let mints = operators != nil && credentials?.mints == true
        return ProfileReview.Launcher(
            refusal: { path in machine.flatMap { refusal(of: path, by: $0, home: home, own) } },
            hasCredential: { credentials?.has($0) },
            neverPassed: OwnVariables.never,
            unreadable: unreadable,
            hosts: { credentials?.has($0) == true ? credentials?.hosts(of: $0) : nil },
            resolve: operators?.resolve ?? [:],
            unconfigured: unconfigured,
            unminted: mints ? MintKeeping.trouble(configuration: file, directories) : nil,
            issuers: operators?.issuers.map(IssuerFacts.init),
            approvers: operators.flatMap(ApproverFacts.init)
        )
    }

    private static func refusal(
        of path: String,
        by machine: Machine,
        home: String,
        _ own: OwnFiles
    ) -> String? {
        do throws(LaunchFailure) {
            _ = try machine.checked(FileRules(read: [path]), home: home, own: own, isNested: false)
        } catch {
            return error.remedy
        }
        guard unsafe access(path, F_OK) != 0 else { return nil }
        switch errno {
        case ENOENT, ENOTDIR: return "it is not there"
        default: return "you may not read it yourself"
        }
    }
}

extension IssuerFacts {
    fileprivate init(_ issuer: Issuer) {
        self.init(
            name: issuer.name,
            proof: issuer.proof,
            hasGroups: issuer.groups != nil,
            claims: issuer.claims
        )
    }
}

extension ApproverFacts {
    /// Nil where other machines answer as well: whom issuers vouch for there, and who is in which group, is not known here.
    fileprivate init?(_ configuration: OperatorConfiguration) {
        let plan = configuration.approvals
        guard plan.fleet.isEmpty else { return nil }
        let given = plan.tokens.map(\.principal) + plan.webhooks.compactMap(\.principal)
        let subjects = Set(given.map { ByteText($0.subject) })
        let names = plan.people.reduce(into: Set<ByteText>()) { $0.formUnion($1.names) }
        let strangers = names.subtracting(subjects).filter { name in
            guard let principal = Principal(named: name.text), let proof = principal.proof else {
                return false
            }
            return !configuration.issuers.contains {
                $0.proof == proof && principal.issuer?.isSame(as: $0.name) == true
            }
        }
        self.init(
            issuers: plan.issuers.map(IssuerFacts.init),
            subjects: subjects.union(names.subtracting(strangers)),
            strangers: strangers.map(\.text).sorted { $0.precedes($1) }
        )
    }
}
