internal import CSandbox
internal import Glibc
internal import Identity
internal import Linux
internal import Profiles
internal import Sandbox

/// One `bailey run`: inside an agent it asks that agent's supervisor, anywhere else it is its own.
package enum Launch {
    /// What the command line said.
    package struct Request: Sendable {
        /// A name, or a path when it holds a slash.
        package var profile: String?
        package var name: String?
        package var workspace: String?
        package var profilesDirectory: String?
        package var configurationFile: String?
        package var degraded: Set<String> = []
        package var argv: [String] = []

        package init() {}
    }

    /// Launches and waits.
    package static func run(_ request: Request) -> FrontEnd.Outcome {
        StandardStreams.occupy()
        SignalQueue.block()
        csb_names_built_in()
        do {
            return ControlSocket.isInsideAgent ? try nested(request) : try root(request)
        } catch let refusal as LaunchRefusal {
            return FrontEnd.Outcome(code: refusal.code, message: refusal.message)
        } catch {
            return FrontEnd.Outcome(code: FrontEnd.launchFailed, message: "\(error)")
        }
    }

    private static func nested(_ request: Request) throws -> FrontEnd.Outcome {
        for (value, option) in [
            (request.profilesDirectory, "--profiles"), (request.configurationFile, "--config"),
        ]
        where value != nil {
            throw LaunchRefusal(
                "\(option) is the operator's: inside an agent the supervisor decides where to look"
            )
        }
        let order = try order(request)
        let socket = try ControlSocket.connect()
        do throws(ControlError) {
            return try frontEnd(on: socket).run(order)
        } catch {
            return gone(error)
        }
    }

    private static func frontEnd(on socket: consuming OwnedDescriptor) throws(ControlError) -> FrontEnd {
        do throws(SystemCallError) {
            return try FrontEnd(
                control: ControlChannel(socket, acceptedDescriptors: ControlLimit.descriptors)
            )
        } catch {
            throw ControlError("\(error)")
        }
    }

    private static func gone(_ error: ControlError) -> FrontEnd.Outcome {
        FrontEnd.Outcome(code: FrontEnd.launchFailed, message: "the supervisor is gone (\(error))")
    }

    private static func root(_ request: Request) throws -> FrontEnd.Outcome {
        try checkDegraded(request.degraded)
        DescriptorLimit.raise()
        // The spawner is forked first, while this process has one thread and holds no secret.
        let spawner = try Spawner.start()
        let order = try order(request)
        let configuration = try configuration(request)
        var ends = try PacketSocket.pair()
        let inner = ends.first.take()
        let outer = ends.second.take()
        let thread = try SupervisorThread.start(
            configuration: configuration,
            spawner: spawner,
            frontEnd: inner
        )
        do throws(ControlError) {
            return try frontEnd(on: outer).run(order)
        } catch {
            return thread.join() ?? Self.gone(error)
        }
    }

    private static func checkDegraded(_ names: Set<String>) throws(LaunchRefusal) {
        let known = HeldLimits.degradable + [Machine.landlockName]
        for name in names.sorted() where !known.contains(name) {
            throw LaunchRefusal(
                "--allow-degraded \(name) names nothing that may be missing: \(known.joined(separator: ", "))"
            )
        }
    }

    private static func configuration(_ request: Request) throws -> SupervisorConfiguration {
        let user = AccountEntry.current()
        let environment = ProcessEnvironment.dictionary
        let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? user.home
        let directories = StateDirectories(environment: environment, home: home)
        return SupervisorConfiguration(
            principal: LocalUser.principal(),
            directories: directories,
            profiles: ProfileSearch(
                explicit: try request.profilesDirectory.map(profilesFolder),
                configurationHome: environment["XDG_CONFIG_HOME"],
                home: home
            ),
            machine: try OperatorConfiguration.load(
                file: request.configurationFile,
                directory: directories.configuration
            ),
            home: home,
            userName: user.name,
            degraded: request.degraded
        )
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

    private static func order(_ request: Request) throws(LaunchRefusal) -> LaunchOrder {
        guard let current = WorkingDirectory.current else {
            throw LaunchRefusal("the current directory cannot be read; change to one that exists")
        }
        return LaunchOrder(
            profile: try choice(request.profile ?? "base", from: current),
            name: request.name,
            workspace: try workspace(request.workspace, from: current),
            workingDirectory: current,
            argv: request.argv,
            environment: ProcessEnvironment.entries,
            terminal: TerminalMode.isInteractive ? TerminalMode.size(of: STDIN_FILENO) : nil
        )
    }

    /// What `-w` names, with its own links resolved once, here: whoever launches chose the path.
    private static func workspace(_ path: String?, from current: String) throws(LaunchRefusal) -> String {
        guard let path else { return current }
        let absolute = WorkingDirectory.absolute(path, from: current)
        guard let resolved = PathText.resolved(absolute) else {
            throw LaunchRefusal(
                LaunchFailure(
                    step: "realpath",
                    object: absolute,
                    errno: errno,
                    remedy: "Name a folder that exists and that you may enter with -w."
                )
            )
        }
        return resolved
    }

    private static func choice(_ profile: String, from current: String) throws(LaunchRefusal) -> ProfileChoice
    {
        guard profile.contains("/") else { return .name(profile) }
        let path = WorkingDirectory.absolute(profile, from: current)
        guard let bytes = ReadFile.bytes(at: path, limit: YAMLDocument.maximumSize) else {
            throw LaunchRefusal("cannot read profile \(path): not a readable file of at most 256 KiB")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw LaunchRefusal("profile \(path) is not UTF-8")
        }
        return .text(text, path: path)
    }
}
