internal import ArgumentParser
internal import Audit
internal import Client
internal import Supervisor

/// `bailey tree`: the agents of a run, with their requests.
struct TreeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree",
        abstract: "Show a run's agents, who launched whom, and what each asked for.",
        discussion: """
            Examples:
              bailey tree                     the last run
              bailey tree --run 1f2e3d4c5b6a  that run
              bailey tree --all --json        every run, one JSON object a line
            """
    )

    @OptionGroup var state: StateOption
    @Option(name: .customLong("run"), help: "The run to show (default: the last one).") var runName: String?
    @Flag(help: "Every run, oldest first.") var all = false
    @Flag(help: "One JSON object a run.") var json = false

    func validate() throws {
        if all && runName != nil { throw ValidationError("--all and --run exclude each other") }
    }

    func run() throws {
        try Outside.require("tree")
        let reader = try AuditReader(directory: state.directory())
        // Before the store is read: what ends meanwhile is on record.
        let running = Set(RunningSupervisors.agents().value.map(\.agent))
        for run in try all ? reader.runs().map(Optional.some) : [runName] {
            guard var tree = try reader.tree(run: run) else {
                throw NoSuchRun(run: run)
            }
            tree.mark(running: running)
            print(json ? try tree.json() : tree.text(.standardOutput))
        }
    }
}

/// No agent of that run is in the store.
struct NoSuchRun: Error, CustomStringConvertible {
    let run: String?

    var description: String {
        run.map { "the audit store has nothing of run \($0); `bailey tree --all` shows which there are" }
            ?? "the audit store has no agent yet; run one first"
    }
}
