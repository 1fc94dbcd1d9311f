internal import ArgumentParser
internal import Client
internal import Model
internal import Supervisor

/// `bailey replay --offline`: a command runs again, answered from what is on record.
struct OfflineOptions: ParsableArguments {
    @Flag(
        name: .customLong("offline"),
        help: "Run a command again, answered from the session in place of every server."
    )
    var isOffline = false
    @Option(
        name: [.customShort("p"), .long],
        help:
            "With --offline: a profile's name, or the path of its file, with a slash. Default: that of the session."
    )
    var profile: String?
    @Option(
        name: [.customShort("w"), .long],
        help: ArgumentHelp(
            "With --offline: the directory that $WORKSPACE stands for. Default: the current one.",
            valueName: "dir"
        )
    )
    var workspace: String?
    @Option(help: "With --offline: what the agent is called in records. Default: the profile's name.")
    var name: String?
    @Option(
        help: ArgumentHelp(
            "With --offline: the operator's configuration. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.",
            valueName: "file"
        )
    )
    var config: String?
    @Option(
        help: ArgumentHelp(
            "With --offline: run although the machine lacks this: cgroups, cpus or landlock.",
            valueName: "name"
        )
    )
    var allowDegraded: [String] = []
    @Argument(parsing: .postTerminator, help: "With --offline: the program and its arguments.")
    var command: [String] = []

    /// Nothing of all this was said.
    var isEmpty: Bool {
        profile == nil && workspace == nil && name == nil && config == nil && allowDegraded.isEmpty
            && command.isEmpty
    }

    /// Launches and waits; the exit code.
    func run(_ session: String, in directory: String, profiles: String?) -> Int32 {
        var words = LaunchWords(version: Version.current)
        words.profile = profile
        words.workspace = workspace
        words.name = name
        words.profilesDirectory = profiles
        words.configurationFile = config
        words.degraded = Set(allowDegraded.flatMap { $0.cut(at: ",").map(String.init) })
        words.argv = command
        words.replayed = (session, directory)
        let outcome = Launch.run(words) { RunCommand.complain("warning: \($0)") }
        if let message = outcome.message { RunCommand.complain(message) }
        return outcome.code
    }
}
