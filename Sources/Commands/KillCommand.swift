internal import ArgumentParser
internal import Client
internal import Model
internal import Supervisor

/// `bailey kill`: end an agent and all below it.
struct KillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "End agents, each with all below it.",
        discussion: """
            Their processes are killed and their connections reset. Exits 1 when one of them does not live.

            EXAMPLES
              bailey kill 1f2e3d4c5b6a.2
              bailey ps --json | jq -r 'select(.profile == "ci").agent' | xargs bailey kill
            """
    )

    @Argument(help: "Ids of agents, RUN.N, as `bailey ps` shows them.", transform: AgentArgument.init)
    var agent: [AgentArgument]

    func run() throws {
        try Outside.require("kill")
        var isMissing = false
        for agent in agent {
            let answer = RunningSupervisors.end(agent.id.text)
            guard answer.value == 0 else { continue }
            for silent in answer.silent { RunCommand.complain(silent) }
            RunCommand.complain(
                "no agent \(agent.id.text) lives\(answer.silent.isEmpty ? "" : " of those that answer"); `bailey ps` shows those that do"
            )
            isMissing = true
        }
        if isMissing { throw ExitCode(1) }
    }
}
