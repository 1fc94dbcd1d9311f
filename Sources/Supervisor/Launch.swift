package import Client
internal import Glibc
internal import Identity
internal import Linux
internal import Model
internal import Profiles
internal import Sandbox

/// One `bailey run`: inside an agent it asks that agent's supervisor, anywhere else it is its own.
package enum Launch {
    /// Launches and waits; `warn` is given what the user should know of a launch that goes on.
    package static func run(_ words: LaunchWords, warn: (String) -> Void) -> FrontEnd.Outcome {
        LaunchClient.prepare()
        // A launch that a server declines is tried again alone, and says nothing twice.
        var said: Set<String> = []
        func once(_ line: String) { if said.insert(line).inserted { warn(line) } }
        do {
            return ControlSocket.isInsideAgent
                ? try LaunchClient.inside(words, choice(words)) : try root(words, once)
        } catch let refusal as LaunchRefusal {
            return refusal.outcome
        } catch {
            return FrontEnd.Outcome(code: FrontEnd.launchFailed, message: "\(error)")
        }
    }

    /// The profile, of a file its text.
    private static func choice(_ words: LaunchWords) throws(LaunchRefusal) -> ProfileChoice {
        if let name = words.profileName { return .name(name) }
        let path = WorkingDirectory.absolute(words.profile ?? "", from: try LaunchWords.place())
        let place = try place(path)
        do {
            return .text(try TextFile.read(path), path: place)
        } catch {
            throw LaunchRefusal(
                "cannot read profile \(path): \(error.message); name a text file of at most "
                    + "\(YAMLDocument.maximumSize / 1024) KiB with -p, or a profile without a slash"
            )
        }
    }

    /// Where a profile lies; of `/dev/stdin` and the like the file that they lead to, which they are in this process alone.
    ///
    /// - Throws: for a link to such a one: what it leads to has to be protected, and the link itself.
    private static func place(_ path: String) throws(LaunchRefusal) -> String {
        if ["/dev", "/proc"].contains(where: { path.isWithin($0) }) {
            return PathText.resolved(path) ?? path
        }
        var step = path
        for _ in 0..<links {
            guard let slash = step.lastPlace(of: "/"),
                let folder = PathText.resolved(slash == step.startIndex ? "/" : String(step[..<slash]))
            else { return path }
            let name = WorkingDirectory.absolute(String(step.rest(behind: slash)), from: folder)
            guard !name.isWithin("/proc") else {
                throw LaunchRefusal(
                    "profile \(path) is a link that leads to \(name), which is another file in each process: with -p name /dev/stdin "
                        + "itself, or the file that it is"
                )
            }
            guard let target = PathText.target(of: name) else { return path }
            step = WorkingDirectory.absolute(target, from: folder)
        }
        return path
    }

    /// Links on the way to a file: what the kernel follows (path_resolution(7)).
    private static let links = 40

    private static func root(
        _ words: LaunchWords,
        _ warn: (String) -> Void
    ) throws -> FrontEnd.Outcome {
        // Read once: a file may be another one by the time that a server has declined.
        var profile: ProfileChoice?
        if words.mayUseServer {
            let chosen = try choice(words)
            if let outcome = try served(words, chosen, warn) { return outcome }
            profile = chosen
        }
        try AddressSpaceLimit.check()
        try ProcessLimit.check()
        try DescriptorLimit.raise()
        // The spawner is forked first, while this process has one thread and holds no secret.
        let spawner = try Spawner.start()
        var words = words
        var configuration = try SupervisorConfiguration(SupervisorOptions(words))
        let recorded = try configuration.serveRecording(of: &words)
        let order = try words.order(profile ?? choice(words))
        var ends = try PacketSocket.pair()
        let inner = ends.first.take()
        let outer = ends.second.take()
        let memory = ProfileMemory()
        let thread = try SupervisorThread.start(
            configuration: configuration,
            spawner: spawner,
            frontEnd: inner,
            profileMemory: memory
        )
        // While the supervisor opens its store.
        let loader = configuration.loader(of: order, memory)
        foresee(order, loader)
        if let recorded, let line = recorded.change(by: loader) { warn(line) }
        // Offline none is needed.
        if words.replayed == nil { warnOfCredentials(order, configuration, warn) }
        var failure = ControlError("it took no order")
        do throws(ControlError) {
            if let outcome = try LaunchClient.frontEnd(on: outer).run(order, isOther: false) {
                return outcome
            }
        } catch {
            failure = error
        }
        return thread.join() ?? LaunchClient.gone(failure)
    }

    private static func warnOfCredentials(
        _ order: LaunchOrder,
        _ configuration: SupervisorConfiguration,
        _ warn: (String) -> Void
    ) {
        let sources = WarningSources(
            directories: configuration.directories,
            profiles: { configuration.profiles },
            knowsEnvironment: true
        )
        CredentialWarnings(order, sources)?.lines.forEach(warn)
    }

    /// Reads the profile that the supervisor is about to read, which finds it parsed; what is wrong with it the supervisor
    /// says.
    private static func foresee(_ order: LaunchOrder, _ loader: ProfileLoader) {
        switch order.profile {
        case .name(let name): _ = try? loader.loaded(name: name)
        case .text(let text, let path): _ = try? loader.loaded(text: text, named: path)
        }
    }

    /// Through the user's running supervisor; nil when there is none, or it is not the one for this launch.
    private static func served(
        _ words: LaunchWords,
        _ profile: ProfileChoice,
        _ warn: (String) -> Void
    ) throws -> FrontEnd.Outcome? {
        let home = HomeFolder.current
        let directories = StateDirectories(environment: ProcessEnvironment.dictionary, home: home)
        guard let socket = try RuntimeFolder.server(of: directories) else { return nil }
        let order = try words.order(profile, from: directories)
        let sources = WarningSources(
            directories: directories,
            profiles: {
                ProfileSearch(
                    explicit: nil,
                    configurationHome: ProcessEnvironment.dictionary["XDG_CONFIG_HOME"],
                    home: home
                )
            },
            knowsEnvironment: false
        )
        CredentialWarnings(order, sources)?.lines.forEach(warn)
        return LaunchClient.outcome(of: order, on: socket, declined: warn)
    }
}

extension SupervisorConfiguration {
    /// What reads the profile of a launch of the user's.
    fileprivate func loader(of order: LaunchOrder, _ memory: ProfileMemory) -> ProfileLoader {
        ProfileLoader(
            search: profiles,
            variables: ProfileVariables(workspace: order.workspace, home: home, temporary: "/tmp"),
            memory: memory,
            author: .user
        )
    }
}

extension SupervisorOptions {
    fileprivate init(_ words: LaunchWords) {
        self.init(version: words.version)
        profilesDirectory = words.profilesDirectory
        configurationFile = words.configurationFile
        degraded = words.degraded
    }
}
