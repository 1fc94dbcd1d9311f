internal import Model

/// The arguments of `bailey run` and `bailey shell`.
package struct RunArguments {
    /// What came of parsing.
    package enum Parsed {
        case success(RunArguments)
        case help
        case failure(String)
    }

    package var request = LaunchWords(version: Version.current)

    /// Options come before the command; the first word that is none, or what follows `--`, is the command.
    ///
    /// - Parameters:
    ///   - arguments: the words behind the subcommand.
    ///   - name: the subcommand.
    ///   - standard: what runs when no command is named; nil where one must be.
    /// - Returns: what was asked for.
    package static func parse(
        _ arguments: [String],
        of name: String = "run",
        standard: [String]? = nil
    ) -> Parsed {
        var result = RunArguments()
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "--" { break }
            guard word.begins(with: "-"), word != "-" else {
                rest = [word] + rest
                break
            }
            if word == "-h" || word == "--help" { return .help }
            if word == "--alone" {
                result.request.standsAlone = true
                continue
            }
            let (option, attached) = split(word)
            guard let store = options[option] else {
                return .failure("unknown option '\(word)' of 'bailey \(name)'")
            }
            guard let value = attached ?? rest.popFirst() else {
                return .failure("'\(option)' needs a value")
            }
            guard !value.isEmpty else { return .failure("'\(option)' needs a value, not an empty word") }
            store(&result.request, value)
        }
        let argv = rest.isEmpty ? standard ?? [] : Array(rest)
        guard let command = argv.first else { return .failure("'bailey \(name)' needs a command") }
        guard !command.isEmpty else {
            return .failure("'bailey \(name)' needs a command, not an empty word")
        }
        guard result.request.proofs < 2 else {
            return .failure(
                "'--oidc-token-file', '--oidc-token-env' and '--saml-assertion-file' exclude each other"
            )
        }
        result.request.argv = argv
        return .success(result)
    }

    private static func split(_ word: String) -> (String, String?) {
        // -pci, as getopt(3) has it.
        if !word.begins(with: "--"), word.utf8.count > 2 {
            return (String(word.prefix(2)), String(word.dropFirst(2)))
        }
        guard word.begins(with: "--"), let equals = word.firstPlace(of: "=") else { return (word, nil) }
        return (String(word[..<equals]), String(word.rest(behind: equals)))
    }

    private static var options: [String: (inout LaunchWords, String) -> Void] {
        [
            "-p": { $0.profile = $1 }, "--profile": { $0.profile = $1 },
            "--name": { $0.name = $1 },
            "-w": { $0.workspace = $1 }, "--workspace": { $0.workspace = $1 },
            "--profiles": { $0.profilesDirectory = $1 },
            "--config": { $0.configurationFile = $1 },
            "--oidc-token-file": { $0.tokenFile = $1 }, "--oidc-token-env": { $0.tokenVariable = $1 },
            "--saml-assertion-file": { $0.assertionFile = $1 },
            "--allow-degraded": { $0.degraded.formUnion($1.cut(at: ",").map(String.init)) },
        ]
    }
}
