internal import CSandbox
internal import Glibc
package import Linux
internal import Model

/// The launch of somebody who has a supervisor already.
package enum LaunchClient {
    /// The whole of a launch for which no profile has to be read and nobody be warned: in an agent, or through the
    /// user's running supervisor.
    ///
    /// - Parameter words: what the command line said.
    /// - Returns: how it ended; nil when it is not such a launch.
    package static func run(_ words: LaunchWords) -> FrontEnd.Outcome? {
        guard let name = words.profileName else { return nil }
        // Before the socket is opened, which would get a number that the caller left closed.
        StandardStreams.occupy()
        NameService.keepBuiltIn()
        do throws(LaunchRefusal) {
            if ControlSocket.isInsideAgent { return try inside(words, .name(name)) }
            guard words.mayUseServer else { return nil }
            return try through(words, .name(name))
        } catch {
            return error.outcome
        }
    }

    /// A child of the agent that this process is in.
    package static func inside(
        _ words: LaunchWords,
        _ profile: ProfileChoice
    ) throws(LaunchRefusal) -> FrontEnd.Outcome {
        for (value, option) in [
            (words.profilesDirectory, "--profiles"), (words.configurationFile, "--config"),
        ]
        where value != nil {
            throw LaunchRefusal(
                "\(option) is the operator's: inside an agent the supervisor decides where to look"
            )
        }
        guard words.proofs == 0 else {
            throw LaunchRefusal(IdentityOffer.insideAgent)
        }
        prepare()
        let order = try words.order(profile, longest: ControlLimit.agentMessage)
        do throws(SystemCallError) {
            let ended = outcome(of: order, on: try ControlSocket.connect())
            return ended ?? gone(ControlError("it took no order"))
        } catch {
            throw LaunchRefusal("\(error)")
        }
    }

    /// Through the user's running supervisor; nil when there is none, it is not the one for this launch, or there may be
    /// something to warn of.
    private static func through(
        _ words: LaunchWords,
        _ profile: ProfileChoice
    ) throws(LaunchRefusal) -> FrontEnd.Outcome? {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        guard unsafe access(directories.credentials, F_OK) != 0,
            let socket = try RuntimeFolder.server(of: directories)
        else { return nil }
        prepare()
        return outcome(of: try words.order(profile, from: directories), on: socket)
    }

    /// Hands an order over and waits for the end; nil when it was declined, of which `declined` hears what the user should know.
    package static func outcome(
        of order: LaunchOrder,
        on socket: consuming OwnedDescriptor,
        declined: (String) -> Void = { _ in }
    ) -> FrontEnd.Outcome? {
        do throws(ControlError) {
            return try frontEnd(on: socket).run(order, isOther: true, declined: declined)
        } catch {
            return gone(error)
        }
    }

    /// Readies the process: before anything else is opened, and before any thread is there.
    package static func prepare() {
        StandardStreams.occupy()
        SignalQueue.block()
    }

    package static func frontEnd(on socket: consuming OwnedDescriptor) throws(ControlError) -> FrontEnd {
        do throws(SystemCallError) {
            return try FrontEnd(
                control: ControlChannel(socket, acceptedDescriptors: ControlLimit.descriptors)
            )
        } catch {
            throw ControlError("\(error)")
        }
    }

    package static func gone(_ error: ControlError) -> FrontEnd.Outcome {
        FrontEnd.Outcome(
            code: FrontEnd.launchFailed,
            message:
                "the supervisor ended before it said whether the command runs (\(error.message)); 'bailey tree' shows"
                + " whether it did"
        )
    }
}

extension LaunchWords {
    /// An order that says which supervisor may take it.
    package func order(
        _ profile: ProfileChoice,
        from directories: StateDirectories
    ) throws(LaunchRefusal) -> LaunchOrder {
        var order = try order(profile)
        order.origin = LaunchOrigin(
            version: version,
            state: directories.state,
            configuration: directories.configuration,
            home: HomeFolder.current
        )
        return order
    }
}
