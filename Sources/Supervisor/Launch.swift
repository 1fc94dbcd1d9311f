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
        /// Be the agent's supervisor even where another would take the launch.
        package var standsAlone = false
        package var options: SupervisorOptions
        package var argv: [String] = []

        package init(version: String) {
            options = SupervisorOptions(version: version)
        }
    }

    /// Launches and waits; `warn` is given what the user should know of a launch that goes on.
    package static func run(_ request: Request, warn: (String) -> Void) -> FrontEnd.Outcome {
        StandardStreams.occupy()
        SignalQueue.block()
        csb_names_built_in()
        // A launch that a server declines is tried again alone, and says nothing twice.
        var said: Set<String> = []
        func once(_ line: String) { if said.insert(line).inserted { warn(line) } }
        do {
            return ControlSocket.isInsideAgent ? try nested(request) : try root(request, once)
        } catch let refusal as LaunchRefusal {
            return FrontEnd.Outcome(code: refusal.code, message: refusal.message)
        } catch {
            return FrontEnd.Outcome(code: FrontEnd.launchFailed, message: "\(error)")
        }
    }

    private static func nested(_ request: Request) throws -> FrontEnd.Outcome {
        for (value, option) in [
            (request.options.profilesDirectory, "--profiles"),
            (request.options.configurationFile, "--config"),
        ]
        where value != nil {
            throw LaunchRefusal(
                "\(option) is the operator's: inside an agent the supervisor decides where to look"
            )
        }
        let order = try order(request, longest: ControlLimit.agentMessage)
        let socket = try ControlSocket.connect()
        do throws(ControlError) {
            return try frontEnd(on: socket).run(order) ?? gone(ControlError("it took no order"))
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
        FrontEnd.Outcome(
            code: FrontEnd.launchFailed,
            message:
                "the supervisor ended before it said whether the command runs (\(error.message)); 'bailey tree' shows"
                + " whether it did"
        )
    }

    private static func root(_ request: Request, _ warn: (String) -> Void) throws -> FrontEnd.Outcome {
        if request.mayUseServer, let outcome = try served(request, warn) { return outcome }
        try AddressSpaceLimit.check()
        try DescriptorLimit.raise()
        // The spawner is forked first, while this process has one thread and holds no secret.
        let spawner = try Spawner.start()
        let order = try order(request)
        let configuration = try SupervisorConfiguration(request.options)
        var ends = try PacketSocket.pair()
        let inner = ends.first.take()
        let outer = ends.second.take()
        let thread = try SupervisorThread.start(
            configuration: configuration,
            spawner: spawner,
            frontEnd: inner
        )
        // While the supervisor opens its store.
        let sources = WarningSources(
            directories: configuration.directories,
            profiles: { configuration.profiles },
            knowsEnvironment: true
        )
        CredentialWarnings(order, sources)?.lines.forEach(warn)
        var failure = ControlError("it took no order")
        do throws(ControlError) {
            if let outcome = try frontEnd(on: outer).run(order) { return outcome }
        } catch {
            failure = error
        }
        return thread.join() ?? Self.gone(failure)
    }

    /// Through the user's running supervisor; nil when there is none, or it is not the one for this launch.
    private static func served(_ request: Request, _ warn: (String) -> Void) throws -> FrontEnd.Outcome? {
        let home = HomeFolder.current
        let directories = StateDirectories(environment: ProcessEnvironment.dictionary, home: home)
        guard let socket = RuntimeFolder.server(of: directories) else { return nil }
        var order = try order(request)
        order.origin = LaunchOrigin(
            version: request.options.version,
            state: directories.state,
            configuration: directories.configuration,
            home: home
        )
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
        do throws(ControlError) {
            return try frontEnd(on: socket).run(order)
        } catch {
            return gone(error)
        }
    }
}

extension Launch.Request {
    /// A running supervisor has options of its own, which these would have to be.
    fileprivate var mayUseServer: Bool {
        !standsAlone && options.profilesDirectory == nil && options.configurationFile == nil
            && options.degraded.isEmpty
    }
}
