internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Model

/// `bailey audit`: shows records, and verifies them.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Show what agents did and asked for, and verify the record.",
        discussion: """
            Examples:
              bailey audit --limit 20              the newest twenty records
              bailey audit --denied                only what was refused
              bailey audit --agent 1f2e3d4c5b6a.2  an agent and everything below it
              bailey audit --json | jq .record     one JSON object a line
              bailey audit verify                  is anything changed, or cut off?
            """,
        subcommands: [List.self, Verify.self],
        defaultSubcommand: List.self
    )

    /// `bailey audit [list]`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Show records, oldest first."
        )

        @OptionGroup var state: StateOption
        @Option(help: "Only this agent and everything below it.") var agent: AgentArgument?
        @Flag(help: "Only what was refused.") var denied = false
        @Option(name: .customLong("run"), help: "Only this run.") var runName: String?
        @Option(help: "Only the newest N records.") var limit: Int?
        @Flag(help: "One JSON object a line.") var json = false

        func run() throws {
            let query = AuditQuery(agent: agent?.id, run: runName, deniedOnly: denied, limit: limit)
            let style = TextStyle.standardOutput
            let reader = try AuditReader(directory: state.directory())
            try checkSubject(in: reader)
            try reader.records(matching: query) { record in
                print(json ? try record.json() : record.line(style))
                return true
            }
        }

        /// No records of a run or an agent that exists is an answer; of one that does not, a mistake.
        private func checkSubject(in reader: AuditReader) throws {
            if let runName, try !reader.has(AuditQuery(run: runName)) { throw NoSuchRun(run: runName) }
            if let agent, try !reader.has(AuditQuery(agent: agent.id, run: runName)) {
                throw NoSuchAgent(agent: agent.id.text, run: runName)
            }
        }
    }

    /// `bailey audit verify`.
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every record, seal and the head; name the first bad record.",
            discussion: "Exits 0 when all is as it was written, 1 when anything is not."
        )

        @OptionGroup var state: StateOption
        @Option(help: "Hex of the public key that must have signed the store.") var publicKey: String?
        @Flag(help: "One JSON object.") var json = false

        func run() throws {
            let verifier = AuditVerifier(directory: try state.directory(), publicKey: publicKey)
            let outcome = try verifier.verify()
            print(json ? try outcome.json() : outcome.text(.standardOutput))
            if !outcome.isVerified { throw ExitCode(1) }
        }
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

/// An agent's id as an argument.
struct AgentArgument: ExpressibleByArgument {
    let id: AgentID

    init?(argument: String) {
        guard let id = AgentID(argument) else { return nil }
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
