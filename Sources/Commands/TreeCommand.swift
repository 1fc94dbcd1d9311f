internal import ArgumentParser
internal import Audit
internal import Client
internal import Model
internal import Supervisor

/// `bailey tree`: the agents of a run, with their requests.
struct TreeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree",
        abstract: "Show a run's agents, who launched whom, and what each asked for.",
        discussion: """
            EXAMPLES
              bailey tree                          the last run
              bailey tree 1f2e3d4c5b6a             that run; an agent's id stands for its run
              bailey tree --running                every run that has an agent now
              bailey tree --principal user:alice   when she was revoked, and her last run (--all: each)
              bailey tree --all --json             every run, one JSON object a line
            """
    )

    @Argument(help: "The run to show, or an agent's id RUN.N (default: the last run).") var shown: String?
    @OptionGroup var state: StateOption
    @Option(name: .customLong("run"), help: "The same as the argument.") var runName: String?
    @Option(help: "Runs of this principal, as user:alice, and its revocations.") var principal: String?
    @Flag(help: "Every run, oldest first.") var all = false
    @Flag(help: "Runs of which an agent lives now, oldest first.") var running = false
    @Flag(help: "One JSON object a run.") var json = false

    func validate() throws {
        guard [shown != nil, runName != nil, all, running].count(where: \.self) <= 1 else {
            throw ValidationError("a run, --all and --running exclude each other")
        }
        if let named, named.holds(":") {
            throw ValidationError(
                "that is a principal, and no run: bailey tree --principal \(TerminalText.quoted(named))"
            )
        }
        guard principal == nil || named == nil else {
            throw ValidationError("a run is of one principal: leave --principal out")
        }
    }

    /// The run that is named.
    private var named: String? { runName ?? shown.map { AgentID($0)?.run ?? $0 } }

    func run() throws {
        try Outside.require("tree")
        let directory = try state.directory()
        let reader = try AuditReader(directory: directory)
        // Before the store is read: what ends meanwhile is on record.
        let answer = RunningSupervisors.agents(of: directory)
        let alive = Set(answer.value.map(\.agent))
        if running { for silent in answer.silent { RunCommand.complain(silent) } }
        try reader.require(principal: principal)
        if let principal, !running, let said = try reader.revocationTree(of: principal) {
            print(json ? try said.json() : said.text(.standardOutput))
        }
        for run in try chosen(in: reader, alive) {
            guard let whole = try reader.tree(run: run) else { throw NoSuchRun(run: run) }
            for var tree in whole.ofEachPrincipal where principal.map(tree.principal.isSame(as:)) ?? true {
                tree.mark(running: alive)
                print(json ? try tree.json() : tree.text(.standardOutput))
            }
        }
        if running, !answer.silent.isEmpty { throw ExitCode(1) }
    }

    /// Nil stands for the last run.
    private func chosen(in reader: AuditReader, _ alive: Set<String>) throws -> [String?] {
        if let named { return [named] }
        guard all || running || principal != nil else { return [nil] }
        let runs = try principal.map(reader.runs(of:)) ?? reader.runs()
        if running {
            let living = Set(alive.compactMap { AgentID($0)?.run })
            return runs.filter(living.contains)
        }
        return all ? runs : Array(runs.suffix(1))
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
