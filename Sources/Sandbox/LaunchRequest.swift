package import Model
package import Policy

/// What the supervisor knows when it launches an agent.
package struct LaunchRequest: Sendable {
    /// Unique among live agents: letters, digits, `.`, `-` and `_`.
    package var name: String
    package var profile: Profile
    /// Processes that its parent and all below it may have; nil without a limit, and for a root agent.
    package var parentProcesses: UInt64?
    package var argv: [String]
    /// Complete and final; nothing else reaches the agent.
    package var environment: [(name: String, value: String)]
    package var workspace: String
    package var workingDirectory: String
    /// The command's file mode creation mask (umask(2)).
    package var umask: UInt32
    package var account: Account
    /// A pty of its own instead of pipes.
    package var terminal: Bool
    package var extraFiles: ExtraFiles
    /// Isolation that may be missing, by name.
    package var degraded: Set<String>
    /// What no agent is given.
    package var own: OwnFiles
    /// Where the changes to each copied folder go, by its path: folders of the host's.
    package var layers: [ByteText: String]
    /// What was seen of the machine when its profile was checked; without one it is looked at anew.
    package var survey: GrantSurvey?

    package init(
        name: String,
        profile: Profile,
        parentProcesses: UInt64?,
        argv: [String],
        environment: [(name: String, value: String)],
        workspace: String,
        workingDirectory: String,
        umask: UInt32,
        account: Account,
        terminal: Bool,
        extraFiles: ExtraFiles,
        degraded: Set<String>,
        own: OwnFiles,
        layers: [ByteText: String]
    ) {
        self.name = name
        self.profile = profile
        self.parentProcesses = parentProcesses
        self.argv = argv
        self.environment = environment
        self.workspace = workspace
        self.workingDirectory = workingDirectory
        self.umask = umask
        self.account = account
        self.terminal = terminal
        self.extraFiles = extraFiles
        self.degraded = degraded
        self.own = own
        self.layers = layers
    }
}
