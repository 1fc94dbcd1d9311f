internal import ArgumentParser
internal import Client

/// The command line.
struct RootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bailey",
        abstract:
            "Launch programs in enclosures with no route out, behind one gateway that decides every request.",
        discussion: """
            EXAMPLES
              bailey run -- make test          no network, this folder writable
              bailey run -p ci -- make test    under the profile 'ci'
              bailey profile explain ci 'GET https://pypi.org/simple/'
              bailey revoke user:alice         nothing of hers runs, now and later
              bailey approvals                 what waits for an approval
              bailey tree                      what the last run's agents did
              bailey audit --denied            what was refused, and why
              bailey trace user:alice          all that came of what she started
              bailey replay 42                 a database's session, statement by statement
              bailey replay RUN --offline -- make test    the command again, from its recording
              bailey sessions                  which terminals are recorded
              bailey changes                   what agents changed in copies of folders
              bailey doctor                    can this machine run agents

            EXIT CODES of 'bailey run': the command's own; 128+N when signal N ended it; 74 instead of 0 when its output \
            could not be written; 124 at its time limit; 125 when Bailey could not or would not launch it; 126 when it \
            cannot be executed; 127 when it is not found.
            """,
        version: Version.current,
        subcommands: [
            RunHelp.self, ShellHelp.self, ServeCommand.self, PsCommand.self, KillCommand.self,
            RevokeCommand.self, ApprovalsCommand.self,
            ProfileCommand.self, TreeCommand.self, TraceCommand.self, AuditCommand.self, ReplayCommand.self,
            SessionsCommand.self,
            ChangesCommand.self,
            IdentityCommand.self, DoctorCommand.self,
        ]
    )
}

extension RootCommand {
    /// Every complaint of Bailey's begins alike.
    static var _errorLabel: String { "bailey" }
}
