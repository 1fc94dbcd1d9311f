internal import ArgumentParser
internal import Client
internal import Foundation
internal import Identity
internal import Model
internal import Profiles
internal import Sandbox
internal import Supervisor

/// `bailey profile …`: questions about profiles, answered without running anything.
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Check, show, explain and test profiles.",
        discussion: """
            Exit codes: 0 fine; 1 denied, a failed table, or a lint under --strict; 64 wrong usage; 65 a profile, table or \
            request that does not parse.
            """,
        subcommands: [Check.self, Show.self, Explain.self, Test.self, Words.self]
    )
}

/// `--config FILE` of questions that the operator's configuration bears on.
struct ConfigurationOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The operator's configuration. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.",
            valueName: "file"
        )
    )
    var config: String?
}

/// Where profiles are looked up.
struct ProfileOptions: ParsableArguments {
    @Option(help: "Look profiles up in this folder first.")
    var profiles: String?

    @Option(name: .shortAndLong, help: "What $WORKSPACE stands for; the current directory by default.")
    var workspace: String?

    func validate() throws {
        guard let profiles else { return }
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: profiles, isDirectory: &isFolder),
            isFolder.boolValue
        else {
            throw ValidationError("--profiles \(profiles): there is no such folder")
        }
    }

    var review: ProfileReview { review(with: ProfileReview.Launcher()) }

    func review(with launcher: ProfileReview.Launcher) -> ProfileReview {
        ProfileReview(profiles: profiles, workspace: workspace, launcher: launcher) { policy in
            do throws(SeccompFailure) {
                _ = try SeccompFilter.narrower(policy)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    /// Refuses a question about a name inside an agent, where the folders of profiles are not.
    func requireReachable(_ references: [String], _ command: String) throws {
        let isNamed = references.contains {
            !$0.holds("/") && !$0.ends(with: ".yaml") && !$0.ends(with: ".json")
        }
        if isNamed, profiles == nil { try Outside.require("profile \(command) NAME") }
    }
}

extension ReviewOutcome {
    /// Prints and exits.
    fileprivate func finish() throws {
        write()
        throw ExitCode(exitCode)
    }
}

extension ProfileCommand {
    /// `bailey profile check FILE…`.
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether profiles are valid, and what in them is doubtful.",
            discussion: """
                Doubtful is also what a launch from here would refuse, and whom 'principals' and 'for' name that no issuer of \
                bailey.yaml could prove.

                EXAMPLES
                  bailey profile check profiles/ci.yaml
                  bailey profile check --strict --json profiles/*.yaml
                  bailey profile check profiles/seccomp/mine.json
                """
        )

        @Argument(help: "Files, or names of profiles; *.json is a system call policy.")
        var files: [String]

        @Flag(help: "Exit 1 when there is a warning.")
        var strict = false

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var options: ProfileOptions

        func run() throws {
            try options.requireReachable(files, "check")
            try options.review(with: .here(configuration: configuration.config)).check(
                files,
                isStrict: strict,
                asJSON: json
            ).finish()
        }
    }

    /// `bailey profile show NAME`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a merged profile, each line with the file it came from.",
            discussion: """
                EXAMPLES
                  bailey profile show ci
                """
        )

        @Argument(help: "A profile's name or ./FILE.")
        var name: String

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var options: ProfileOptions

        func run() throws {
            try options.requireReachable([name], "show")
            try options.review.show(name, asJSON: json).finish()
        }
    }

    /// `bailey profile explain NAME REQUEST`.
    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what an agent would get, by which rule of which ancestor.",
            discussion: """
                EXAMPLES
                  bailey profile explain ci 'GET https://pypi.org/simple/requests/'
                  bailey profile explain llm-tool 'PUT https://github.com/x' --under ci
                  bailey profile explain ci 'launch deployer'
                  bailey profile explain ./mine.yaml 'connect tls://db.example.com:5433'
                  bailey profile explain deploy 'GET https://x.example.com/' --as oidc:github:repo:acme/app --claim ref=main
                  bailey profile explain ./mine.yaml 'POST https://llm.example.com/v1/chat body {"model": "m"}'
                  bailey profile explain ./mine.yaml 'grpc https://api.example.com/acme.Orders/Get'
                  bailey profile explain ./mine.yaml 'git push https://git.example.com/acme/app.git refs/heads/x'
                """
        )

        @Argument(help: "A profile's name or ./FILE.")
        var name: String

        @Argument(
            help:
                "METHOD, websocket or grpc and a URL, with a body in JSON behind 'body'; git fetch URL, git push URL REF; launch PROFILE."
        )
        var request: String

        @Option(help: "A profile above it; repeat for more, root first.")
        var under: [String] = []

        @Option(help: "Who launches: user:NAME, oidc:ISSUER:SUBJECT or saml:ISSUER:SUBJECT; you by default.")
        var `as`: String?

        @Option(help: "A group that the token of --as holds; repeat for more.")
        var group: [String] = []

        @Option(help: "A claim that it holds, NAME=VALUE; repeat for more.")
        var claim: [String] = []

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var options: ProfileOptions

        /// Who is asked about.
        private func principal() throws -> Principal {
            guard let subject = `as` else {
                guard group.isEmpty, claim.isEmpty else {
                    throw ValidationError("--group and --claim go with --as")
                }
                return try LocalUser.principal()
            }
            var claims: [String: [String]] = [:]
            for text in claim {
                guard let equals = text.firstPlace(of: "=") else {
                    throw ValidationError("--claim \(text) is not NAME=VALUE")
                }
                claims[String(text[..<equals]), default: []].append(String(text.rest(behind: equals)))
            }
            guard let principal = Principal(named: subject, groups: group, claims: claims) else {
                throw ValidationError(
                    "--as \(subject): a subject is user:NAME, without groups and claims, oidc:ISSUER:SUBJECT or saml:ISSUER:SUBJECT"
                )
            }
            return principal
        }

        func run() throws {
            try options.requireReachable([name] + under, "explain")
            let launcher =
                ControlSocket.isInsideAgent
                ? ProfileReview.Launcher() : .here(configuration: configuration.config)
            try options.review(with: launcher).explain(
                name,
                request: request,
                under: under,
                principal: principal(),
                asJSON: json
            ).finish()
        }
    }

    /// `bailey profile test [DIR]`.
    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the decision tables beside the profiles.",
            discussion: """
                EXAMPLES
                  bailey profile test
                  bailey profile test ./profiles
                """
        )

        @Argument(
            help: "The folder of profiles and their folder tests; ./profiles or the shipped by default."
        )
        var folder: String?

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws { try ProfileReview.test(folder: folder, asJSON: json).finish() }
    }

    /// `bailey profile words PROTOCOL`.
    struct Words: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Print the action words of a protocol, the kinds of mask, or the built-in system call policies.",
            discussion: """
                EXAMPLES
                  bailey profile words https
                """
        )

        @Argument(help: "http, https, postgres, tls, tcp, mask or syscalls.")
        var protocolName: String

        func run() throws { try ProfileReview.words(of: protocolName).finish() }
    }
}
