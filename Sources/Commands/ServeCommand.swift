internal import ArgumentParser
internal import Client
internal import Glibc
internal import Model
internal import Supervisor

/// `bailey serve`: one supervisor for many launches.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Keep one supervisor for many launches.",
        discussion: """
            While it runs, `bailey run` of the same user launches through it, with the same behaviour and in less time; \
            a run with --profiles, --config, --allow-degraded or --alone, or with other folders of its own, supervises \
            itself. Credentials that come from the environment are those of `bailey serve`.

            The first SIGTERM or SIGINT ends the taking of launches and waits for the running agents; the second, or \
            the end of the drain time, ends them.

            EXAMPLES
              bailey serve &
              bailey serve --drain 300
              systemctl --user enable --now bailey
            """
    )

    @Option(help: "A folder of profiles that is searched first.") var profiles: String?
    @Option(help: "The operator's configuration. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.")
    var config: String?
    @Option(
        help: ArgumentHelp(
            "Run although the machine lacks this: cgroups, cpus or landlock.",
            valueName: "name"
        )
    )
    var allowDegraded: [String] = []
    @Option(help: ArgumentHelp("Seconds that running agents have at the end.", valueName: "seconds"))
    var drain: UInt64 = 30
    @Option(help: ArgumentHelp("Sandboxes made ahead, so that launches are quicker.", valueName: "count"))
    var ahead = 2

    /// A day: whoever needs longer means to wait without end, and sends no signal.
    private static let longestDrain: UInt64 = 86_400
    /// Each holds two processes and eight namespaces; more than are ordered at one moment are of no use.
    private static let mostAhead = 64

    func validate() throws {
        guard drain <= Self.longestDrain else {
            throw ValidationError("--drain takes 0 to \(Self.longestDrain) seconds")
        }
        guard (0...Self.mostAhead).contains(ahead) else {
            throw ValidationError("--ahead takes 0 to \(Self.mostAhead) sandboxes")
        }
    }

    func run() throws {
        var options = SupervisorOptions(version: Version.current)
        options.profilesDirectory = profiles
        options.configurationFile = config
        options.degraded = Set(allowDegraded.flatMap { $0.cut(at: ",").map(String.init) })
        options.sandboxesAhead = ahead
        let outcome = Server.run(Server.Request(options: options, drainTime: drain * 1000)) { path in
            RunCommand.complain("serving at \(path)")
        }
        if let message = outcome.message { RunCommand.complain(message) }
        if outcome.code != 0 { throw ExitCode(outcome.code) }
    }
}
