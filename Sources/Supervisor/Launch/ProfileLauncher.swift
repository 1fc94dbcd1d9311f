internal import Client
internal import Credentials
internal import Glibc
internal import Linux
internal import Model
internal import Policy
package import Profiles
internal import Sandbox

extension ProfileReview.Launcher {
    /// What a launch from here and now would refuse, as far as it can be told before one.
    package static var here: ProfileReview.Launcher {
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
        let operators = try? OperatorConfiguration.load(file: nil, directory: directories.configuration)
        return ProfileReview.Launcher(
            refusal: { path in machine.flatMap { refusal(of: path, by: $0, home: home, own) } },
            hasCredential: { credentials?.has($0) },
            neverPassed: OwnVariables.never,
            unreadable: unreadable,
            hosts: { credentials?.has($0) == true ? credentials?.hosts(of: $0) : nil },
            resolve: operators?.resolve ?? [:]
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
