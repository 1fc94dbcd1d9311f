internal import ArgumentParser
internal import Client
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
        if arguments.isEmpty {
            print(RootCommand.helpMessage(columns: nil))
            exit(ExitCode.validationFailure.rawValue)
        }
        // The help of a command with subcommands leaves out the options of its default one.
        if asksForAuditHelp(arguments) {
            print(RootCommand.helpMessage(for: AuditCommand.List.self, columns: nil))
            return
        }
        do {
            var command = try RootCommand.parseAsRoot(arguments)
            do {
                try command.run()
            } catch let error as ValidationError {
                exit(complaint(of: type(of: command), error.message))
            }
        } catch {
            complainOfAudit(error, arguments)
            RootCommand.exit(withError: error)
        }
    }

    /// Says that a command was called wrongly, with its own usage: the parser knows of the first command alone by then.
    private static func complaint(of command: any ParsableCommand.Type, _ message: String) -> Int32 {
        let lines = RootCommand.usageString(for: command).cut(at: "\n").joined(separator: "\n       ")
        let help = (way(to: command, from: RootCommand.self, "bailey") ?? "bailey") + " --help"
        RunCommand.complain("\(message)\nUsage: \(lines)\n  See '\(help)' for more information.")
        return ExitCode.validationFailure.rawValue
    }

    /// How a command is called: `bailey profile explain`; a default one by the command that it is of.
    private static func way(
        to sought: any ParsableCommand.Type,
        from command: any ParsableCommand.Type,
        _ way: String
    ) -> String? {
        let configuration = command.configuration
        if command == sought || configuration.defaultSubcommand == sought { return way }
        for next in configuration.subcommands {
            if let found = Self.way(to: sought, from: next, "\(way) \(name(of: next))") { return found }
        }
        return nil
    }

    /// Nobody calls the default command of `audit` by its name: its errors point to the one that was called.
    private static func complainOfAudit(_ error: any Error, _ arguments: [String]) {
        let code = RootCommand.exitCode(for: error)
        guard arguments.first == "audit", code == .validationFailure else { return }
        let (message, name) = (RootCommand.fullMessage(for: error), "'bailey audit list --help'")
        guard let place = message.firstPlace(ofText: name) else { return }
        let (before, behind) = (message[..<place.lowerBound], message[place.upperBound...])
        let text = before + "'bailey audit --help'" + behind + "\n"
        _ = unsafe String(text).withCString { unsafe write(STDERR_FILENO, $0, strlen($0)) }
        exit(code.rawValue)
    }

    /// The first word that names no command where only a command can stand.
    private static func unknownCommand(_ arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = RootCommand.self
        var way = "bailey"
        for word in arguments {
            let known = command.configuration.subcommands
            guard !known.isEmpty, !word.begins(with: "-") else { return nil }
            if way == "bailey", word == "help", command == RootCommand.self { continue }
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
                + "which launches a child, and 'bailey profile' for files"
        )
    }
}
