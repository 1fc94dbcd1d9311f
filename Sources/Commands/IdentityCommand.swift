internal import ArgumentParser
internal import Foundation
internal import Identity
internal import Supervisor

/// `bailey identity`: what services verify agents by.
struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "Show what services verify agents by.",
        discussion: """
            Credentials of `from: {agent-token: …}` and `from: {agent-certificate: {}}` are minted by the gateway for \
            the agent that asks. Whoever is to believe them needs the public keys that this prints.

            EXAMPLES
              bailey identity bundle                        the key of tokens, as a JWK Set
              bailey identity bundle --form pem >agents.pem the authority of certificates, for ssl_client_certificate
              bailey identity bundle --output /srv/www/keys all of them, as files
            """,
        subcommands: [Bundle.self]
    )

    /// `bailey identity bundle`.
    struct Bundle: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the public keys of this user's agents, or write them as files.",
            discussion: """
                jwks is a JWK Set (RFC 7517) with the key of tokens; spiffe a SPIFFE bundle with both keys; pem the \
                authority of certificates. The keys are made at first use and last; the state directory holds their \
                private halves.
                """
        )

        @Option(help: "jwks, spiffe or pem.") var form: TrustBundle.Form?
        @Option(
            help: ArgumentHelp(
                "A folder to write jwks.json, bundle.json and bundle.pem to, each whole or not at all; made where there is none.",
                valueName: "dir"
            )
        )
        var output: String?
        @Option(help: "The operator's configuration. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.")
        var config: String?
        @OptionGroup var state: StateOption

        func validate() throws {
            guard form == nil || output == nil else {
                throw ValidationError("--output writes every form; leave --form out")
            }
        }

        func run() throws {
            try Outside.require("identity")
            let bundle = try MintKeeping.bundle(configuration: config, state: state.state)
            guard let output else { return print(try bundle.text(form ?? .jwks), terminator: "") }
            do {
                try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            } catch {
                throw Unwritten.complained("make the folder \(output)", error, "name another with --output")
            }
            for form in TrustBundle.Form.allCases {
                let (path, text) = (output + "/" + form.fileName, try bundle.text(form))
                do {
                    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
                } catch {
                    throw Unwritten.complained("write \(path)", error, "name another folder with --output")
                }
            }
        }
    }
}

extension TrustBundle.Form: ExpressibleByArgument {}
