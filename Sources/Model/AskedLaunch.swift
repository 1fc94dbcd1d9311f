/// A launch that rules ask about: all that an approval of it is bound to.
package struct AskedLaunch: Sendable, Hashable {
    /// The name of the profile that the child would run under.
    package let profile: String
    /// SHA-256 of the merged profile's canonical text, lower-case hex.
    package let profileDigest: String
    /// Whether the profile is a text of the agent's own, or one of the operator's.
    package let isOwnText: Bool
    /// What the child would be called.
    package let name: String
    package let argv: [String]
    package let workspace: String
    package let directory: String
    /// `NAME=value`, as the command would have them, in their order.
    package let variables: [String]
    /// The command gets a terminal of its own.
    package let hasTerminal: Bool
    /// File mode creation mask, nine bits (umask(2)).
    package let umask: UInt32

    package init(
        profile: String,
        profileDigest: String,
        isOwnText: Bool,
        name: String,
        argv: [String],
        workspace: String,
        directory: String,
        variables: [String],
        hasTerminal: Bool,
        umask: UInt32
    ) {
        self.profile = profile
        self.profileDigest = profileDigest
        self.isOwnText = isOwnText
        self.name = name
        self.argv = argv
        self.workspace = workspace
        self.directory = directory
        self.variables = variables
        self.hasTerminal = hasTerminal
        self.umask = umask
    }

    /// The octets whose SHA-256 an approval is bound to.
    ///
    /// As of a request (`Request.canonical`): two launches have the same ones only where all of it is the same. Who asks is not
    /// among them: an approval is bound to that beside this.
    package var canonical: [UInt8] {
        var text = CanonicalLines("bailey-launch\t1")
        text.line("profile", profile)
        text.line("profile-digest", profileDigest)
        text.line("own-text", "\(isOwnText)")
        text.line("name", name)
        text.line("workspace", workspace)
        text.line("directory", directory)
        text.line("terminal", "\(hasTerminal)")
        text.line("umask", "\(umask)")
        text.lines("argument", argv)
        text.lines("variable", variables)
        return text.octets
    }

    /// The arguments, each with an octet of zero behind it, as /proc/PID/cmdline has them (proc_pid_cmdline(5)).
    package var commandLine: [UInt8] { argv.flatMap { Array($0.utf8) + [0] } }
}
