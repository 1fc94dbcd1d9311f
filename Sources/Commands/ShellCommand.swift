internal import ArgumentParser
internal import Client
internal import Glibc

/// `bailey shell`: an interactive shell as an agent.
enum ShellCommand {
    /// The shells that the base view has, the more comfortable one first.
    private static let shells = ["/bin/bash", "/bin/sh"]

    /// Parses, launches, waits; the exit code.
    static func main(_ arguments: [String]) -> Int32 {
        let shell = shells.first { unsafe access($0, X_OK) == 0 } ?? "/bin/sh"
        let parsed = RunArguments.parse(arguments, of: "shell", standard: [shell])
        if case .success = parsed, isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1 {
            return RunCommand.main(
                .failure("'bailey shell' needs a terminal; for a script use 'bailey run -- sh'"),
                of: "shell",
                help: ShellHelp.self
            )
        }
        return RunCommand.main(parsed, of: "shell", help: ShellHelp.self)
    }
}

/// What `shell` looks like to help and completion; `RunArguments` is what reads it.
struct ShellHelp: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Look around as an agent, in an interactive shell.",
        usage: "bailey shell [-p PROFILE] [--name NAME] [-w DIR] [--] [SHELL...]",
        discussion: """
            What the shell sees, may and may not do is what a command under the same profile would. It has a terminal of \
            its own, with job control; the options are those of 'bailey run'. Without SHELL it is bash, or sh where there \
            is none.

            EXAMPLES
              bailey shell                     what an agent under 'base' sees
              bailey shell -p ci               try a job step by step
              bailey shell -p ./tool.yaml -- python3
            """
    )

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String] = []
}
