internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Model
internal import PostgresLink
internal import Profiles
internal import Supervisor

/// `bailey audit`: shows records, and verifies them.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Show what agents did and asked for, and verify the record.",
        subcommands: [
            List.self, Show.self, Verify.self, Export.self, CheckpointLine.self, Prune.self, Hold.self,
        ],
        defaultSubcommand: List.self
    )

    /// `bailey audit [list]`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Show what agents did and asked for, oldest first, and verify the record.",
            usage: """
                bailey audit [--agent ID] [--run RUN] [--principal PRINCIPAL] [--denied] [--limit N] [--state DIR] [--json]
                bailey audit --fleet [--chain KEY] [--denied] …
                bailey audit show RECORD [--body request|response] [--state DIR] [--json]
                bailey audit verify [--public-key HEX] [--checkpoints FILE|postgres] [--config FILE] [--state DIR] [--json]
                bailey audit verify --fleet [--chain KEY] [--config FILE] [--json]
                bailey audit export --format jsonl|ocsf|otlp [--fleet [--chain KEY]] [--after N] [--run RUN|--agent ID] [-o FILE] [--state DIR]
                bailey audit export --otlp URL [--after N] [--run RUN|--agent ID] [--config FILE] [--state DIR]
                bailey audit export --receipts [--run RUN|--agent ID|--record N] [-o FILE] [--state DIR]
                bailey audit checkpoint [-o FILE] [--state DIR]
                bailey audit prune [--for TIME] [--size SIZE] [--dry-run] [--config FILE] [--state DIR]
                bailey audit hold RUN|AGENT|PRINCIPAL --reason TEXT [--release] [--state DIR] | --list
                """,
            discussion: """
                EXAMPLES
                  bailey audit --limit 20              the newest twenty records
                  bailey audit --denied                only what was refused
                  bailey audit --agent 1f2e3d4c5b6a.2  an agent and everything below it
                  bailey audit --principal user:alice  what was done on somebody's behalf
                  bailey audit --json | jq .record     one JSON object a line
                  bailey audit show 42                 all of a record: of a request also its process and its reply
                  bailey audit --fleet --chain 3f9a     another machine's, from the fleet's database
                  bailey audit verify                  is anything changed, or cut off?
                  bailey audit export --format ocsf    for other programs
                  bailey audit export --receipts       for somebody who has the public key alone

                'bailey audit show --help', and so for each, says more.
                """
        )

        @OptionGroup var state: StateOption
        @OptionGroup var fleet: FleetOption
        @Option(
            help: ArgumentHelp("Only this agent and everything below it.", valueName: "id"),
            transform: AgentArgument.init
        )
        var agent: AgentArgument?
        @Flag(help: "Only what was refused.") var denied = false
        @Option(name: .customLong("run"), help: "Only this run.") var runName: String?
        @Option(help: "Only what was done for this principal, as user:alice, and what it was told.")
        var principal: String?
        @Option(help: "Only the newest N records; one of several replies has a line for each.") var limit:
            Int?
        @Flag(help: "One JSON object a line.") var json = false

        func validate() throws {
            guard limit ?? 1 >= 1 else { throw ValidationError("--limit takes a number of records from 1") }
        }

        func run() throws {
            try Outside.require("audit")
            var query = AuditQuery(agent: agent?.id, run: runName, deniedOnly: denied, limit: limit)
            query.principal = principal
            let style = TextStyle.standardOutput
            let reader = try fleet.reader(state)
            try reader.require(run: runName, agent: agent)
            try reader.require(principal: principal)
            guard !json else {
                return try reader.records(matching: query) { record in
                    print(try record.json())
                    return true
                }
            }
            try reader.listing(matching: query) { record, origins in
                print(record.lines(style, origins))
                return true
            }
        }
    }

    /// `bailey audit show`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Show one record: of a request who asked, by which process, what each rule said, and its reply.",
            discussion: """
                Of a request: who asked, the process that had the connection (program, digest, arguments, and the processes \
                above it: evidence, which decided nothing), what each rule said, the fields of its head and its reply's. Of a \
                launch: the command, program, profiles and limits; of what came of requests: each reply and process, with its \
                request's number; of a revocation, an approval or an end: all that is on record.

                EXAMPLES
                  bailey audit show 42                   record 42 of 'bailey audit'
                  bailey audit show 42 --json | jq .reply.fields
                  bailey audit show 42 --body response   what came back ('record: full')

                Credentials are not in it: they are put in behind the record, and masked where they come back. A body \
                is without its content coding, and what it may not show is masked; of a WebSocket it is a line of JSON \
                for each message. Exits 1 when it is not what was recorded, or not all of it. --json of what is no request is \
                its line of 'bailey audit --json'.
                """
        )

        @Argument(help: "The record's number: the first column of 'bailey audit'.")
        var record: Int64
        @Option(help: ArgumentHelp("Print a recorded body and nothing else.", valueName: "request|response"))
        var body: BodySide?
        @OptionGroup var state: StateOption
        @Flag(help: "One JSON object.") var json = false

        func validate() throws {
            guard body == nil || !json else {
                throw ValidationError("--body prints a body as it is, without --json")
            }
        }

        func run() throws {
            try Outside.require("audit show")
            let directory = try state.directory()
            let reader = try AuditReader(directory: directory)
            guard let named = try reader.record(record) else { throw NoSuchRecord(record: record) }
            let found = try reader.request(of: named)
            guard
                let exchange = ExchangeText(
                    found,
                    try reader.sequel(of: found),
                    try reader.evidence(of: found),
                    replayed: try reader.replayedSession(of: found)
                )
            else { return try show(found, in: reader) }
            guard let body else { return print(json ? try exchange.json() : exchange.text(.standardOutput)) }
            try BodyOutput(exchange, body, BodyReader(directory: directory)).print()
        }

        /// One that is of no request.
        private func show(_ record: AuditRecord, in reader: AuditReader) throws {
            let origins = try reader.origins(of: record)
            guard body == nil else { throw NoBody(record: record.sequence, requests: origins.numbers) }
            print(json ? try record.json() : RecordText(record, origins).text(.standardOutput))
        }
    }

    /// `bailey audit verify`.
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every record, seal and the head; name the first bad record.",
            discussion: """
                With --checkpoints also whether it reaches every one of them, and has the records that they name: a log \
                whose tail was cut off, or that was written anew with the same key, does not. 'postgres' stands for the table \
                that audit.checkpoints.postgres in bailey.yaml names; a file of that name is ./postgres.

                With --fleet every log in the database that audit.postgres names, or that of --chain: each record and seal under \
                its own key. Which keys are whose is for you to know; where a log ends is not in the database, and recorded bodies are not.

                EXAMPLES
                  bailey audit verify
                  bailey audit verify --public-key HEX --checkpoints /mnt/other/checkpoints
                  bailey audit verify --checkpoints postgres
                  bailey audit verify --fleet

                Exits 0 when all is as it was written, 1 when anything is not.
                """
        )

        @OptionGroup var state: StateOption
        @OptionGroup var fleet: FleetOption
        @Option(help: "Hex of the public key that must have signed the store.") var publicKey: String?
        @Option(
            help: ArgumentHelp(
                "Checkpoints, kept elsewhere, that it has to agree with.",
                valueName: "file|postgres"
            )
        )
        var checkpoints: String?
        @Option(
            help: ArgumentHelp(
                "The operator's configuration, for --fleet and --checkpoints postgres. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.",
                valueName: "file"
            )
        )
        var config: String?
        @Flag(help: "One JSON object.") var json = false

        func validate() throws {
            guard !fleet.fleet || (publicKey == nil && checkpoints == nil) else {
                throw ValidationError(
                    "--fleet verifies each log under its own key: without --public-key (--chain names one) and --checkpoints"
                )
            }
            guard let publicKey else { return }
            guard publicKey.utf8.count == Self.keyLength, publicKey.allSatisfy(\.isHexDigit) else {
                throw ValidationError(
                    "--public-key takes \(Self.keyLength) hex digits, as `bailey audit verify` prints them after 'key'"
                )
            }
        }

        private func verifyFleet() throws {
            let log = try fleet.log(configuration: config)
            let chains = try fleet.chain.map { [try log.chain($0)] } ?? log.chains()
            guard !chains.isEmpty else {
                _ = try log.chain(nil)
                return
            }
            var isBroken = false
            for chain in chains {
                let outcome = try log.verify(chain)
                isBroken = isBroken || !outcome.isVerified
                print(
                    try json
                        ? outcome.json(chain: chain.key)
                        : "chain     \(TerminalText.escaped(chain.key))\n" + outcome.text(.standardOutput)
                )
            }
            if isBroken { throw ExitCode(1) }
        }

        /// What `--checkpoints` has for a table.
        private static let table = "postgres"

        private func database() throws -> PostgresAccess {
            guard let access = try LogKeeping.checkpointDatabase(configuration: config) else {
                throw ValidationError(
                    "--checkpoints postgres: audit.checkpoints.postgres in bailey.yaml names no table"
                )
            }
            return access
        }

        /// Hex digits of an Ed25519 public key (RFC 8032 section 5.1.5).
        private static let keyLength = 64

        func run() throws {
            try Outside.require("audit verify")
            guard !fleet.fleet else { return try verifyFleet() }
            let isTable = checkpoints?.isSame(as: Self.table) ?? false
            let verifier = AuditVerifier(
                directory: try state.directory(),
                publicKey: publicKey,
                checkpoints: isTable ? nil : checkpoints,
                database: isTable ? try database() : nil
            )
            let outcome = try verifier.verify()
            print(json ? try outcome.json() : outcome.text(.standardOutput))
            if !outcome.isVerified { throw ExitCode(1) }
        }
    }
}

extension AuditReader {
    /// No records of a run or an agent that exists is an answer; of one that does not, a mistake.
    func require(run: String?, agent: AgentArgument?) throws {
        if let run, try !has(AuditQuery(run: run)) { throw NoSuchRun(run: run) }
        if let agent, try !has(AuditQuery(agent: agent.id, run: run)) {
            throw NoSuchAgent(agent: agent.id.text, run: run)
        }
    }

    /// The same of a principal.
    func require(principal: String?) throws {
        guard let principal, try !hasSeen(principal) else { return }
        throw NoSuchPrincipal(principal: principal, nearest: try near(principal))
    }

    /// A warning of a name that may be a slip; nil where the log has launches of that principal.
    ///
    /// What the log cannot say is no reason to complain: it was written to.
    func slip(in principal: String, _ consequence: String, advice: (String) -> String) -> String? {
        guard (try? hasLaunched(principal)) == false else { return nil }
        let nearest = (try? near(principal)).map {
            "; if you meant \(TerminalText.quoted($0)), " + advice(TerminalText.quoted(principal))
        }
        let shown = TerminalText.escaped(principal)
        return "warning: the log knows no launch of \(shown), so that \(consequence)"
            + (nearest ?? "; `bailey tree --all` shows for whom agents were launched")
    }

    /// The one on record that a name may have meant.
    func near(_ principal: String) throws -> String? {
        NearestWord.nearest(to: principal, in: try principals())
    }
}

/// That agent is not in the store.
struct NoSuchAgent: Error, CustomStringConvertible {
    let agent: String
    let run: String?

    var description: String {
        let place = run.map { "run \($0)" } ?? "the audit store"
        return "\(place) has no agent \(agent); `bailey tree` shows a run's agents with their ids"
    }
}

/// That record is not in the store.
struct NoSuchRecord: Error, CustomStringConvertible {
    let record: Int64

    var description: String {
        "there is no record \(record); `bailey audit` shows the records with their numbers, and what was pruned"
    }
}

/// A record that is of no request has no body.
struct NoBody: Error, CustomStringConvertible {
    let record: Int64
    /// Those that it is about.
    let requests: [Int64]

    var description: String {
        let others =
            requests.isEmpty
            ? "" : "; name the one that it is about: " + requests.map { "\($0)" }.joined(separator: ", ")
        return "record \(record) is of no request, and bodies are of requests\(others)"
    }
}

/// Nothing was done for that principal.
struct NoSuchPrincipal: Error, CustomStringConvertible {
    let principal: String
    let nearest: String?

    var description: String {
        "the audit store has nothing of principal \(TerminalText.escaped(principal))"
            + (nearest.map { "; did you mean \(TerminalText.escaped($0))?" }
                ?? "; it is written KIND:NAME, as `bailey tree --all` shows it")
    }
}

extension BodySide: ExpressibleByArgument {}

/// An agent's id as an argument.
struct AgentArgument {
    let id: AgentID

    init(_ argument: String) throws {
        guard let id = AgentID(argument) else {
            throw ValidationError(
                "'\(argument)' is no agent's id: RUN.N, as `bailey tree` and `bailey ps` show it"
            )
        }
        self.id = id
    }
}

/// `--state DIR`.
struct StateOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The state directory (default: $XDG_STATE_HOME/bailey, or ~/.local/state/bailey).",
            valueName: "dir"
        )
    )
    var state: String?

    func directory() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        guard let directory = state ?? StateLocation.directory(environment: environment) else {
            throw ValidationError("neither XDG_STATE_HOME nor HOME is set; name the directory with --state")
        }
        return directory
    }
}
