internal import ArgumentParser
internal import Audit

extension AuditCommand {
    /// `bailey audit export`.
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write records for other programs, or receipts that anybody verifies.",
            discussion: """
                jsonl is every record as 'bailey audit --json' prints it. ocsf is events of the Open Cybersecurity Schema \
                Framework 1.5.0, otlp log records of OpenTelemetry, a request of OTLP/JSON a line, or sent to a collector \
                with --otlp. docs/export.md has all fields.

                Receipts are launches and requests with the signatures over them: who started the chain, each delegation \
                with the digest of its profile, each request with the rule that every level decided by, as \
                docs/receipts.md says. 'examples/receipts/verify.py --key KEY FILE' verifies and shows them; KEY is what \
                'bailey audit verify' prints after 'key', and whoever verifies has to have it from you by another way \
                than the file. With a request come the launches of its whole lineage.

                EXAMPLES
                  bailey audit export --format jsonl > all.jsonl
                  bailey audit export --format jsonl --after 1000 >> all.jsonl
                  bailey audit export --format ocsf --run 1f2e3d4c5b6a -o events.jsonl
                  bailey audit export --otlp https://collector.example.com:4318
                  bailey audit export --receipts -o all.jsonl
                  bailey audit export --receipts --agent 1f2e3d4c5b6a.2 > agent.jsonl
                  bailey audit export --receipts --record 42 | examples/receipts/verify.py --key KEY -

                What is on record of a request is in it: its path, query and fields, with secrets masked. What is \
                exported is verified on the way: exits 1, and leaves no FILE, where the log is not what was written. \
                Supervisors may go on writing meanwhile. A collector that is busy or away is tried again for two \
                minutes; exits 1 when it rejected records, and when it could not be reached says where to go on. What \
                lets us in at a collector is taken from OTEL_EXPORTER_OTLP_HEADERS.
                """
        )

        @Option(help: "receipts, jsonl, ocsf or otlp.") var format: ExportFormat?
        @Flag(help: "The same as --format receipts.") var receipts = false
        @Option(
            help: ArgumentHelp(
                "A collector to send log records to: https://HOST[:PORT], or http://localhost:PORT.",
                valueName: "url"
            )
        )
        var otlp: String?
        @Option(
            help: ArgumentHelp("Only records behind this one; not of receipts.", valueName: "n")
        )
        var after: Int64?
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
                "Only this launch or request, as a receipt: the first column of 'bailey audit'.",
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
        @Option(
            help: ArgumentHelp(
                "The operator's configuration, for --otlp and --fleet. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.",
                valueName: "file"
            )
        )
        var config: String?
        @OptionGroup var state: StateOption
        @OptionGroup var fleet: FleetOption

        /// What the options mean together; nil where they say nothing.
        private var wanted: ExportFormat? {
            format ?? (receipts ? .receipts : otlp.map { _ in .otlp })
        }

        func validate() throws {
            guard let wanted else {
                throw ValidationError(
                    "say --format jsonl, ocsf, otlp or receipts; `bailey audit --json` prints the newest records"
                )
            }
            if receipts, wanted != .receipts {
                throw ValidationError("--receipts and --format \(wanted.rawValue) exclude each other")
            }
            if otlp != nil {
                guard wanted == .otlp else {
                    throw ValidationError("--otlp sends log records: --format otlp")
                }
                guard output == nil else { throw ValidationError("--otlp sends, and --output writes a file") }
            }
            if fleet.fleet, wanted == .receipts {
                throw ValidationError(
                    "receipts of a log in a database are not built yet: make them on its own machine"
                )
            }
            if wanted == .receipts {
                guard after == nil else {
                    throw ValidationError("receipts have no --after: they are of whole runs")
                }
            } else if record != nil {
                throw ValidationError("--record is for --receipts")
            }
            guard after ?? 0 >= 0 else { throw ValidationError("--after takes the number of a record, or 0") }
            guard [runName != nil, agent != nil, record != nil].count(where: \.self) <= 1 else {
                throw ValidationError("--run, --agent and --record exclude each other")
            }
        }

        func run() throws {
            try Outside.require("audit export")
            guard !fleet.fleet else { return try exportFleet() }
            let directory = try state.directory()
            try AuditReader(directory: directory).require(run: runName, agent: agent)
            switch wanted {
            case .receipts, nil: try writeReceipts(directory)
            case .otlp, .jsonl, .ocsf: try write(RecordOutput(selection, RecordExport(directory: directory)))
            }
        }

        /// A log of the fleet's database.
        private func exportFleet() throws {
            let log = try fleet.log(configuration: config)
            try write(RecordOutput(selection, RecordExport(try log.chain(fleet.chain), in: log)))
        }

        private func write(_ records: RecordOutput) throws {
            if let otlp { return try records.send(to: otlp, config) }
            try records.write(wanted ?? .jsonl, to: output)
        }

        private var selection: RecordSelection {
            RecordSelection(after: after ?? 0, run: runName, agent: agent?.id)
        }

        private func writeReceipts(_ directory: String) throws {
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

/// What `bailey audit export` writes.
enum ExportFormat: String, ExpressibleByArgument, CaseIterable {
    case receipts
    case jsonl
    case ocsf
    case otlp
}
