internal import Client
internal import Glibc
internal import Identity
internal import Linux
internal import Model
internal import Profiles
internal import Sandbox

/// What the command line says about a supervisor, whether it serves one launch or many.
package struct SupervisorOptions: Sendable {
    /// Of the program.
    package var version: String
    package var profilesDirectory: String?
    package var configurationFile: String?
    package var degraded: Set<String> = []
    /// Sandboxes that wait for an order; the one of a single launch is made while the supervisor starts.
    package var sandboxesAhead = 1
    /// For many launches, and not for the one that asks.
    var servesMany = false

    package init(version: String) {
        self.version = version
    }
}

extension SupervisorConfiguration {
    /// From the command line, the environment and the operator's files.
    init(_ options: SupervisorOptions) throws {
        try Self.check(options.degraded)
        let environment = ProcessEnvironment.dictionary
        let home = HomeFolder.current
        try StateDirectories.checkHome(home, environment: environment, uid: getuid())
        let directories = StateDirectories(environment: environment, home: home)
        let path = OperatorConfiguration.path(options.configurationFile, directory: directories.configuration)
        let filesRead = [path, directories.credentials].map { (path: $0, mark: FileMark($0)) }
        self.init(
            version: options.version,
            principal: try Self.launcher(),
            directories: directories,
            profiles: ProfileSearch(
                explicit: try options.profilesDirectory.map(Self.profilesFolder),
                configurationHome: environment["XDG_CONFIG_HOME"],
                home: home
            ),
            machine: try OperatorConfiguration.load(
                file: options.configurationFile,
                directory: directories.configuration
            ),
            home: home,
            userName: AccountEntry.current().name,
            configurationFile: options.configurationFile.map { WorkingDirectory.absolute($0) },
            sandboxesAhead: options.sandboxesAhead,
            servesMany: options.servesMany,
            degraded: options.degraded
        )
        self.filesRead = filesRead
    }

    /// Who launches.
    private static func launcher() throws(LaunchRefusal) -> Principal {
        do throws(LookupFailure) { return try LocalUser.principal() } catch {
            throw LaunchRefusal(
                "who launches is not known: \(error); by the number alone they would be another principal, of whom neither rules nor revocations say anything"
            )
        }
    }

    private static func check(_ names: Set<String>) throws(LaunchRefusal) {
        let known = HeldLimits.degradable + [Machine.landlockName]
        for name in names.sorted() where !known.contains(name) {
            throw LaunchRefusal(
                "--allow-degraded \(name) names nothing that may be missing: \(known.joined(separator: ", "))"
            )
        }
    }

    /// What `--profiles` names: a folder that is not there would be passed over, and another profile taken.
    private static func profilesFolder(_ path: String) throws(LaunchRefusal) -> String {
        let absolute = WorkingDirectory.absolute(path)
        var status = stat()
        let error = unsafe stat(absolute, &status) == 0 ? ENOTDIR : errno
        guard error == ENOTDIR, status.st_mode & S_IFMT == S_IFDIR else {
            throw LaunchRefusal(
                LaunchFailure(
                    step: "find the profiles",
                    object: absolute,
                    errno: error,
                    remedy: "Name a folder that exists with --profiles, or leave it out."
                )
            )
        }
        return absolute
    }
}
