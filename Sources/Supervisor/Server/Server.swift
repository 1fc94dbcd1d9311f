package import Client
internal import Gateway
internal import Glibc
internal import Linux
internal import Sandbox

/// `bailey serve`: one supervisor for many launches of its user's.
package enum Server {
    /// What the command line said.
    package struct Request: Sendable {
        package var options: SupervisorOptions
        /// Milliseconds that running agents have when it is told to end.
        package var drainTime: UInt64

        package init(options: SupervisorOptions, drainTime: UInt64) {
            self.options = options
            self.drainTime = drainTime
        }
    }

    /// Serves until a signal ends it; the exit code and what there is to say.
    ///
    /// - Parameters:
    ///   - request: what to serve, and how long to drain.
    ///   - ready: called with the socket's path when launches are taken.
    /// - Returns: how it ended.
    package static func run(_ request: Request, ready: (String) -> Void) -> FrontEnd.Outcome {
        StandardStreams.occupy()
        SignalQueue.block()
        do {
            try serve(request, ready)
            return FrontEnd.Outcome(code: 0, message: nil)
        } catch let error as SystemCallError where error.stage == "lock" && error.errno == EBUSY {
            return FrontEnd.Outcome(
                code: FrontEnd.launchFailed,
                message: "a supervisor serves at \(error.object) already; end it first, or use it"
            )
        } catch let refusal as LaunchRefusal {
            return FrontEnd.Outcome(code: refusal.code, message: refusal.message)
        } catch {
            return FrontEnd.Outcome(code: FrontEnd.launchFailed, message: "cannot serve: \(error)")
        }
    }

    private static func serve(_ request: Request, _ ready: (String) -> Void) throws {
        guard !ControlSocket.isInsideAgent else {
            throw LaunchRefusal("inside an agent there is a supervisor already: `bailey run` asks it")
        }
        try AddressSpaceLimit.check()
        try ProcessLimit.check()
        try DescriptorLimit.raise()
        let spawner = try Spawner.start()
        var options = request.options
        options.servesMany = true
        let configuration = try SupervisorConfiguration(options)
        // A launch needs none of these names: those stand alone meanwhile.
        if let failure = configuration.machine.approvals.failure {
            throw LaunchRefusal(
                "who answers would not be known: of bailey.yaml \(failure); see that this can be read, and start it again"
            )
        }
        let folder = RuntimeFolder(path: configuration.directories.runtime)
        let server = try ServerSocket.open(RuntimeFolder.serverName, in: folder)
        let path = server.path
        let approvers = try approverSocket(configuration)
        let supervisor = try Supervisor(configuration: configuration, spawner: spawner)
        let publication = try MintKeeping.publication(configuration)
        defer { publication?.end() }
        let pruning = LogPruning(
            configuration.machine,
            directory: configuration.directories.state,
            audit: supervisor.audit
        )
        defer { pruning?.end() }
        supervisor.answers = try supervisor.channels.serve()
        // Nobody waits for them, so that nothing else would be said until the end.
        if let warning = LogKeeping.warning(of: configuration.machine) { Complaint.print(warning) }
        try supervisor.serve(
            on: server,
            approvers: approvers,
            signals: try SignalQueue.opened(),
            drainTime: request.drainTime,
            ending: { pruning?.stop() },
            ready: {
                ServiceManager.notify("READY=1")
                ready(path)
            }
        )
        ServiceManager.notify("STOPPING=1")
    }

    private static func approverSocket(
        _ configuration: SupervisorConfiguration
    ) throws(SystemCallError) -> ApproverSocket? {
        guard let socket = configuration.machine.approvals.socket else { return nil }
        return try ApproverSocket.open(socket)
    }
}
