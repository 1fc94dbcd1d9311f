internal import ArgumentParser
internal import Audit

extension AuditCommand {
    /// `bailey audit export`.
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Write receipts: launches and requests that anybody verifies with the public key alone.",
            discussion: """
                Who started the chain, each delegation with the digest of its profile, each request with the rule that \
                every level decided by, and the signatures over them: a line of JSON each, as docs/receipts.md says. \
                'examples/receipts/verify.py --key KEY FILE' verifies and shows them; KEY is what 'bailey audit verify' \
                prints after 'key', and whoever verifies has to have it from you by another way than the file.

                EXAMPLES
                  bailey audit export --receipts -o all.jsonl
                  bailey audit export --receipts --run 1f2e3d4c5b6a -o run.jsonl
                  bailey audit export --receipts --agent 1f2e3d4c5b6a.2 > agent.jsonl
                  bailey audit export --receipts --record 42 | examples/receipts/verify.py --key KEY -

                With a request come the launches of its whole lineage. What is on record of a request is in its receipt: \
                its path, query and fields, with secrets masked. What is exported is verified on the way: exits 1, and \
                leaves no FILE, where the log is not what was written. Supervisors may go on writing meanwhile.
                """
        )

        @Flag(help: "Launches and requests with their signatures; there is no other format yet.")
        var receipts =
            false
        @Option(
            name: .customLong("run"),
            help: ArgumentHelp("Only this run.", valueName: "run")
        )
        var runName: String?
        @Option(
            help: ArgumentHelp("Only this agent and everything below it.", valueName: "id"),
            transform: AgentArgument.init
        )
        var agent: AgentArgument?
        @Option(
            help: ArgumentHelp(
                "Only this launch or request: the first column of 'bailey audit'.",
                valueName: "n"
            )
        )
        var record: Int64?
        @Option(
            name: [.customShort("o"), .long],
            help: ArgumentHelp(
                "The file to write, which is there whole or not at all (default: standard output).",
                valueName: "file"
            )
        )
        var output: String?
        @OptionGroup var state: StateOption

        func validate() throws {
            guard receipts else {
                throw ValidationError(
                    "say --receipts: there is no other format yet; `bailey audit --json` prints records without signatures"
                )
            }
            guard [runName != nil, agent != nil, record != nil].count(where: \.self) <= 1 else {
                throw ValidationError("--run, --agent and --record exclude each other")
            }
        }

        func run() throws {
            try Outside.require("audit export")
            let directory = try state.directory()
            try AuditReader(directory: directory).require(run: runName, agent: agent)
            let export = try ReceiptExport(directory: directory)
            let progress = ProgressLine()
            defer { progress.clear() }
            let written = try Self.complaining(progress) {
                try ExportedFile.write(to: output) { line in
                    try export.write(
                        scope,
                        progress: { reached in
                            progress.show {
                                "\(reached.looked) of \(reached.total) records, \(reached.records) written"
                            }
                        },
                        to: line
                    )
                }
            }
            guard let output else { return }
            progress.clear()
            print(
                "\(written.records) records under \(written.seals) seals in \(output)\nkey  \(export.publicKey)"
            )
        }

        /// What cannot be written has an exit code of its own.
        private static func complaining<Value>(
            _ progress: ProgressLine,
            _ body: () throws -> Value
        ) throws -> Value {
            do {
                return try body()
            } catch let failure as ExportFailure {
                progress.clear()
                RunCommand.complain("\(failure)")
                throw Unwritten.code
            }
        }

        private var scope: ReceiptScope {
            if let record { return .record(record) }
            if let agent { return .agent(agent.id) }
            return runName.map { .run($0) } ?? .everything
        }
    }
}
