internal import ArgumentParser
internal import Audit
internal import Foundation
internal import Model
internal import Profiles
internal import Supervisor

extension AuditCommand {
    /// `bailey audit prune`.
    struct Prune: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove runs that are older than records are kept, and leave a log that verifies.",
            discussion: """
                Whole runs, oldest first, with their recorded bodies: those whose last record is older than --for, and \
                more until log and bodies are not larger than --size. 'audit: {retain: {for: 90d, size: 10GiB}}' in \
                bailey.yaml says the same for every time, and 'bailey serve' then prunes by itself: once an hour, or as \
                often as 'every:' beside them says (1s to 24h, or off). A signed statement takes the place of what is \
                removed, and 'bailey audit verify' demands it. Never removed: runs of which an agent lives or may live, what is held \
                ('bailey audit hold'), revocations, and what is on record of the log itself. The file does not shrink: \
                its pages are used again.

                EXAMPLES
                  bailey audit prune --dry-run
                  bailey audit prune --for 90d
                  bailey audit prune --size 10GiB

                Exits 1 when a supervisor did not answer, or another pruning is under way: then nothing is removed.
                """
        )

        @Option(
            name: .customLong("for"),
            help: ArgumentHelp("How long records are kept: 12h, 90d.", valueName: "time"),
            transform: { text in
                do throws(TextProblem) { return try Quantity.age(text) } catch {
                    throw ValidationError("--for: \(error.message)")
                }
            }
        )
        var age: UInt64?
        @Option(
            help: ArgumentHelp("How large log and recorded bodies may be: 10GiB.", valueName: "size"),
            transform: { text in
                do throws(TextProblem) { return try Quantity.size(text) } catch {
                    throw ValidationError("--size: \(error.message)")
                }
            }
        )
        var size: UInt64?
        @Flag(help: "Say what would be removed, and change nothing.") var dryRun = false
        @Option(
            help: ArgumentHelp(
                "The operator's configuration. Default: bailey.yaml in $XDG_CONFIG_HOME/bailey.",
                valueName: "file"
            )
        )
        var config: String?
        @OptionGroup var state: StateOption

        func run() throws {
            try Outside.require("audit prune")
            let given = age == nil && size == nil ? nil : Retention(age: age, size: size)
            guard
                let prepared = try LogKeeping.prepare(
                    given,
                    configuration: config,
                    isTrial: dryRun,
                    in: state.directory()
                )
            else {
                throw ValidationError(
                    "nobody says for how long records are kept: --for 90d, --size 10GiB, or audit.retain in bailey.yaml"
                )
            }
            for kept in prepared.plan.kept {
                print("kept    \(TerminalText.escaped(kept.run))  \(TerminalText.escaped(kept.reason))")
            }
            for run in prepared.plan.pruned {
                print(
                    "\(dryRun ? "would" : "prune")   \(TerminalText.escaped(run.run))  \(run.records) records, until "
                        + run.last.text
                )
            }
            for run in prepared.plan.leftovers {
                print(
                    "\(dryRun ? "would" : "prune")   \(TerminalText.escaped(run))  recorded bodies, left over"
                )
            }
            guard prepared.silent.isEmpty else {
                for silent in prepared.silent { RunCommand.complain(silent) }
                RunCommand.complain(
                    "nothing is removed while a supervisor does not answer: its agents may live"
                )
                throw ExitCode(1)
            }
            guard !dryRun else {
                if prepared.plan.pruned.isEmpty, prepared.plan.leftovers.isEmpty {
                    print("nothing would be removed")
                }
                return
            }
            let progress = ProgressLine()
            defer { progress.clear() }
            let count = try LogKeeping.prune(prepared, in: state.directory()) { removed in
                progress.show { "\(removed) records removed" }
            }
            progress.clear()
            print("\(count) records of \(prepared.plan.pruned.count) runs removed")
        }
    }

    /// `bailey audit hold`.
    struct Hold: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep what is on record of a run, an agent or a principal, however old it gets.",
            usage: """
                bailey audit hold RUN|AGENT|PRINCIPAL --reason TEXT
                bailey audit hold RUN|AGENT|PRINCIPAL --release [--reason TEXT]
                bailey audit hold --list
                """,
            discussion: """
                What is held is not pruned: a run, the run of an agent, or every run of a principal, now and later. Both, \
                and who did it, are on record. A principal that the log knows no launch of is held with a warning.

                EXAMPLES
                  bailey audit hold 1f2e3d4c5b6a --reason 'incident 42'
                  bailey audit hold user:alice --reason 'legal hold 7'
                  bailey audit hold user:alice --release --reason 'settled'
                  bailey audit hold --list
                """
        )

        @Argument(help: "A run, an agent's id RUN.N, or a principal KIND:NAME.") var subject: String?
        @Option(help: ArgumentHelp("Why: one line, for the record.", valueName: "text")) var reason: String?
        @Flag(help: "Let go of it.") var release = false
        @Flag(help: "Show what is held.") var list = false
        @OptionGroup var state: StateOption

        func validate() throws {
            guard list != (subject != nil) else {
                throw ValidationError(
                    list ? "--list takes nothing else" : "name a run, an agent or a principal, or --list"
                )
            }
            guard !list || !release && reason == nil else { throw ValidationError("--list goes alone") }
            guard list || reason.map({ Revocation.accepts(reason: $0) }) ?? release else {
                throw ValidationError(
                    "say why with --reason: one line of 1 to \(Revocation.maximumReason) octets without control characters"
                )
            }
        }

        func run() throws {
            try Outside.require("audit hold")
            let directory = try state.directory()
            let reader = try AuditReader(directory: directory)
            let held = try reader.holds().entries
            guard let subject else { return held.forEach(Self.show) }
            let isHeld = held.contains { $0.subject.isSame(as: subject) }
            guard release == isHeld else {
                RunCommand.complain(
                    "\(TerminalText.escaped(subject)) is \(isHeld ? "held already" : "not held"); "
                        + "`bailey audit hold --list` shows what is"
                )
                throw ExitCode(1)
            }
            if !release { try require(subject, reader) }
            try LogKeeping.hold(subject, isReleased: release, because: reason, in: directory)
            print("\(release ? "released" : "held") \(TerminalText.escaped(subject))")
            if !release { warn(of: subject, reader) }
        }

        /// What may have been a slip: it is held all the same, since whoever is meant may come yet.
        private func warn(of subject: String, _ reader: AuditReader) {
            guard subject.holds(":") else { return }
            let slip = reader.slip(in: subject, "no run that is on record is held by this") {
                "hold that, and let go of this one (bailey audit hold \($0) --release)"
            }
            if let slip { RunCommand.complain(slip) }
        }

        /// A run or agent that is not on record is a mistake; a principal's runs may come.
        private func require(_ subject: String, _ reader: AuditReader) throws {
            if subject.holds(":") { return }
            let agent = AgentID(subject)
            try reader.require(
                run: agent == nil ? subject : nil,
                agent: agent == nil ? nil : AgentArgument(subject)
            )
        }

        private static func show(_ entry: Holds.Entry) {
            print(
                TerminalText.escaped(entry.subject) + "  since \(entry.time.text)"
                    + (entry.by.map { "  by " + TerminalText.escaped($0) } ?? "")
                    + (entry.reason.map { ": " + TerminalText.escaped($0) } ?? "")
            )
        }
    }
}
