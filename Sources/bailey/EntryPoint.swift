internal import ArgumentParser
internal import Glibc
internal import Model
internal import Profiles
internal import Supervisor

/// Every command but `run`.
enum EntryPoint {
    /// Parses, runs, and exits.
    static func main(_ arguments: [String]) {
        if let refusal = unknownCommand(arguments) {
            RunCommand.complain(refusal)
            exit(ExitCode.validationFailure.rawValue)
        }
        // The help of a command with subcommands leaves out the options of its default one.
        if asksForAuditHelp(arguments) {
            print(RootCommand.helpMessage(for: AuditCommand.List.self, columns: nil))
            return
        }
        RootCommand.main(arguments)
    }

    /// The first word that names no command where only a command can stand.
    private static func unknownCommand(_ arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = RootCommand.self
        var way = "bailey"
        for word in arguments {
            let known = command.configuration.subcommands
            let isHelp = way == "bailey" && word == "help"
            guard !known.isEmpty, !word.begins(with: "-"), !isHelp else { return nil }
            guard let next = known.first(where: { name(of: $0) == word }) else {
                let suggestion = NearestWord.nearest(to: word, in: known.map(name))
                return "'\(way)' has no command '\(word)'"
                    + (suggestion.map { "; did you mean '\($0)'?" } ?? "") + "\nSee '\(way) --help'."
            }
            command = next
            way += " \(word)"
        }
        return nil
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }

    private static func asksForAuditHelp(_ arguments: [String]) -> Bool {
        [["audit", "--help"], ["audit", "-h"], ["help", "audit"]].contains(arguments)
    }
}

/// What is the operator's, outside.
enum Outside {
    /// Refuses a command that an agent has no use for: what it would look at is not there to be seen.
    static func require(_ command: String) throws {
        guard ControlSocket.isInsideAgent else { return }
        throw ValidationError(
            "'bailey \(command)' is the operator's, outside of agents: inside an agent there is 'bailey run', "
                + "which launches a child"
        )
    }
}
