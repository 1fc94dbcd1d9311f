internal import ArgumentParser
internal import Audit
internal import Client
internal import Foundation
internal import Supervisor

/// `bailey ps`: which agents live now.
struct PsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "Show the agents that live now, of every supervisor of yours.",
        discussion: """
            One that was revoked with --keep-running is in the state 'revoked': whatever it tries outside is refused. A line has \
            the beginning of a long command; --json has all arguments that fit into 64 KiB, and says in \
            omittedArguments how many more there are.

            EXAMPLES
              bailey ps
              bailey ps --json | jq -r .agent
            """
    )

    @Flag(help: "One JSON object an agent.") var json = false

    func run() throws {
        try Outside.require("ps")
        let answer = RunningSupervisors.agents()
        let agents = answer.value
        defer { for silent in answer.silent { RunCommand.complain(silent) } }
        if json { for agent in agents { print(try Self.json(agent)) } } else { Self.show(agents) }
        if !answer.silent.isEmpty { throw ExitCode(1) }
    }

    private static func show(_ agents: [AgentSummary]) {
        let depths = depths(of: agents)
        let rows = zip(agents, depths).map { agent, depth in
            [
                agent.agent, String(repeating: "  ", count: depth) + TerminalText.escaped(agent.name),
                TerminalText.escaped(agent.profile), TerminalText.escaped(agent.principal), age(agent.age),
                agent.isRevoked ? "revoked" : "runs",
                cut(agent.argv.commandText + (agent.omittedArguments > 0 ? " …" : "")),
            ]
        }
        let heads = ["AGENT", "NAME", "PROFILE", "PRINCIPAL", "AGE", "STATE", "COMMAND"]
        for line in table([heads] + rows) { print(line) }
    }

    /// Characters of a command that a line has room for.
    private static let shownCommand = 72

    private static func cut(_ command: String) -> String {
        command.count > shownCommand ? command.prefix(shownCommand - 1) + "…" : command
    }

    /// How deep each is nested among the agents shown.
    private static func depths(of agents: [AgentSummary]) -> [Int] {
        var depths: [String: Int] = [:]
        return agents.map { agent in
            let depth = agent.parent.flatMap { depths[$0] }.map { $0 + 1 } ?? 0
            depths[agent.agent] = depth
            return depth
        }
    }

    /// `12s`, `3m`, `2h`, `5d`.
    private static func age(_ seconds: Int32) -> String {
        switch seconds {
        case ..<60: "\(seconds)s"
        case ..<3_600: "\(seconds / 60)m"
        case ..<86_400: "\(seconds / 3_600)h"
        default: "\(seconds / 86_400)d"
        }
    }

    private static func table(_ rows: [[String]]) -> [String] {
        let columns = rows.first?.count ?? 0
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).enumerated().map { index, cell in
                index == columns - 1
                    ? cell.0 : cell.0.padding(toLength: cell.1, withPad: " ", startingAt: 0)
            }.joined(separator: "  ")
        }
    }

    private static func json(_ agent: AgentSummary) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(Line(agent)), as: UTF8.self))
    }

    /// The JSON object's members.
    private struct Line: Encodable {
        let agent: String
        let parent: String?
        let name: String
        let profile: String
        let principal: String
        let spiffe: String?
        let age: Int32
        let revoked: Bool
        let argv: [String]
        let omittedArguments: Int32

        init(_ summary: AgentSummary) {
            agent = summary.agent
            parent = summary.parent
            name = summary.name
            profile = summary.profile
            principal = summary.principal
            spiffe = summary.spiffe
            age = summary.age
            revoked = summary.isRevoked
            argv = summary.argv
            omittedArguments = summary.omittedArguments
        }
    }
}
