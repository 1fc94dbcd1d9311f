internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Identity
internal import Model
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
              bailey identity keys                          which keys there are, and which of them signs from when
            """,
        subcommands: [Bundle.self, Keys.self]
    )

    /// `bailey identity bundle`.
    struct Bundle: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the public keys of this user's agents, or write them as files.",
            discussion: """
                jwks is a JWK Set (RFC 7517) with the keys of tokens; spiffe a SPIFFE bundle with those of both kinds; pem \
                the authorities of certificates. Keys are made at first use, and the next ones a year later (key-life, of \
                identity in bailey.yaml): those are printed from then on, and sign half a year after that; old ones are \
                printed until what they signed is over. So whoever prints this twice a year never lacks one. The state \
                directory holds their private halves.
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
            let now = Date()
            let ring = try MintKeeping.ring(configuration: config, state: state.state, at: now)
            let bundle = TrustBundle(ring, at: now)
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

extension IdentityCommand {
    /// `bailey identity keys`.
    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which keys vouch for this user's agents, oldest first.",
            discussion: """
                One of them signs; an old one is still published, until what it signed is over; the next one is already, and \
                signs from the moment shown. The id is that of the key of tokens (kid). How long after each the next is made \
                says 'identity: {key-life: 90d}' in bailey.yaml, from 2d to 730d. To replace them at once, when somebody may \
                have a copy: end 'bailey serve', set every keys/agent-* of the state directory aside, certificates too, and \
                give services the new bundle ('bailey identity bundle') in the place of the old.
                """
        )

        @Flag(help: "One JSON object for each.") var json = false
        @Option(help: "The operator's configuration. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.")
        var config: String?
        @OptionGroup var state: StateOption

        func run() throws {
            try Outside.require("identity")
            let now = Date()
            let ring = try MintKeeping.ring(configuration: config, state: state.state, at: now)
            for line in ring.generations.map({ Line($0, in: ring, at: now) }) {
                print(json ? try line.json() : line.text)
            }
            if !json { print("the next is made \(Line.text(ring.nextIsDue))") }
        }
    }

    /// The JSON object's members.
    private struct Line: Encodable {
        let number: Int
        let state: String
        let kid: String
        let made: String
        let signsFrom: String

        init(_ generation: MintKeyRing.Generation, in ring: MintKeyRing, at now: Date) {
            number = generation.number
            kid = generation.keys.tokenIdentifier
            made = Self.text(generation.keys.made)
            let isFirst = generation.number == ring.generations.first?.number
            signsFrom = isFirst ? made : Self.text(ring.takesOver(generation))
            let signing = ring.signing(at: now).number
            state = number == signing ? "signs" : number < signing ? "old" : "next"
        }

        var text: String { "\(number)  \(state)  \(kid)  made \(made)  signs from \(signsFrom)" }

        func json() throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }

        static func text(_ moment: Date) -> String {
            Timestamp(milliseconds: Int64(moment.timeIntervalSince1970 * 1_000)).text
        }
    }
}
