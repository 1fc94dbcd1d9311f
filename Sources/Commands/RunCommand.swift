internal import ArgumentParser
internal import Client
internal import Glibc
internal import Supervisor

/// `bailey run`: launch a command as an agent and end as it ends.
enum RunCommand {
    /// Parses, launches, waits; the exit code.
    static func main(_ arguments: [String]) -> Int32 {
        main(RunArguments.parse(arguments), of: "run", help: RunHelp.self)
    }

    /// The same for what was parsed already.
    static func main(
        _ parsed: RunArguments.Parsed,
        of name: String,
        help: any ParsableCommand.Type
    ) -> Int32 {
        switch parsed {
        case .help:
            print(RootCommand.helpMessage(for: help, columns: nil))
            return 0
        case .failure(let message):
            complain(message + "\nSee 'bailey \(name) --help'.")
            return FrontEnd.launchFailed
        case .success(let arguments):
            let outcome = Launch.run(arguments.request) { complain("warning: \($0)") }
            if let message = outcome.message { complain(message) }
            return outcome.code
        }
    }

    static func complain(_ message: String) {
        Complaint.print(message)
    }
}

/// What `run` looks like to help and completion; `RunArguments` is what reads it.
struct RunHelp: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Launch a command as an agent.",
        usage:
            "bailey run [-p PROFILE] [--name NAME] [-w DIR] [--profiles DIR] [--config FILE] [--allow-degraded NAME] [--oidc-token-file FILE | --oidc-token-env NAME | --saml-assertion-file FILE] [--alone] [--] COMMAND...",
        discussion: """
            Inside an agent the same command asks the supervisor for a child, which can never do more than its \
            parent. COMMAND starts in the current directory, which the agent must see: it lies in the workspace, and \
            the profile extends 'base' or names $WORKSPACE. Standard streams, signals and the exit code are those of \
            COMMAND.

            Who launches is the local user, or, where bailey.yaml has issuers, whoever an OpenID Connect token or a \
            SAML assertion says: one that an option names, or the token of the job in GitHub Actions, GitLab CI or \
            Buildkite. The agent never sees it.

            EXAMPLES
              bailey run -- make test
              bailey run -p ci -- make test
              bailey run -w ~/src -- make -C app test
              bailey run -p ./tool.yaml --name fetcher -- python3 fetch.py
              bailey run -p deploy --oidc-token-file /run/secrets/token -- make deploy
              bailey run -p deploy --saml-assertion-file ~/response.xml -- make deploy
            """
    )

    @Option(
        name: [.customShort("p"), .long],
        help: "A profile's name, or the path of its file, with a slash. Default: base."
    )
    var profile: String?
    @Option(help: "What the agent is called in records. Default: the profile's name.")
    var name: String?
    @Option(
        name: [.customShort("w"), .long],
        help:
            "The directory that $WORKSPACE stands for. Default: the current one; for a child, its parent's when that holds the current one."
    )
    var workspace: String?
    @Option(help: "A folder of profiles that is searched first.")
    var profiles: String?
    @Option(help: "The operator's configuration. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.")
    var config: String?
    @Option(
        help: ArgumentHelp(
            "Run although the machine lacks this: cgroups (what holds limits on memory and CPUs; cpus for that alone) "
                + "or landlock (the wall between parent and child). Stands in the records of launches.",
            valueName: "name"
        )
    )
    var allowDegraded: [String] = []
    @Option(
        help: ArgumentHelp(
            "An OpenID Connect token that says who launches; read again when it is to be renewed.",
            valueName: "file"
        )
    )
    var oidcTokenFile: String?
    @Option(
        help: ArgumentHelp(
            "The variable that holds such a token, which no agent inherits.",
            valueName: "name"
        )
    )
    var oidcTokenEnv: String?
    @Option(
        help: ArgumentHelp(
            "A SAML response or assertion that says who launches, in XML or base64; read again when it is to be renewed.",
            valueName: "file"
        )
    )
    var samlAssertionFile: String?
    @Flag(help: "Supervise itself, even where `bailey serve` runs.")
    var alone = false
    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String] = []
}
