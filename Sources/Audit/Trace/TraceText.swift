internal import Foundation
internal import Model

extension Trace {
    /// The run as a tree for people: each hop with what it ran, sent, was denied, and was allowed by whom.
    package func text(_ style: TextStyle) -> String {
        var lines = [
            AgentTree.heading(run, principal, style)
        ]
        var visited: Set<AgentID> = []
        let tree = branches
        let said = revocations.map { Branch.line($0.line(style)) }
        append(said + (tree[nil] ?? []), of: tree, "", style, &visited, &lines)
        if unlistedAgents > 0 {
            lines.append(
                "and \(unlistedAgents) more agents: bailey tree \(TerminalText.escaped(run)), bailey trace AGENT"
            )
        }
        if unlistedRefusals > 0 {
            lines.append(
                "and \(unlistedRefusals) more refused launches: bailey audit --denied --run \(TerminalText.escaped(run))"
            )
        }
        return lines.joined(separator: "\n")
    }

    /// One JSON object, keys sorted.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(self), as: UTF8.self))
    }

    private enum Branch {
        case agent(TracedAgent)
        case line(String)
    }

    /// What stands below each agent, and below nil what stands below none that is listed.
    private var branches: [AgentID?: [Branch]] {
        let known = Set(agents.map(\.agent))
        func place(_ parent: AgentID?) -> AgentID? { parent.flatMap { known.contains($0) ? $0 : nil } }
        var branches: [AgentID?: [Branch]] = [:]
        for refusal in refusals {
            branches[place(refusal.parent), default: []].append(.line("refused  " + refusal.told))
        }
        for agent in agents { branches[place(agent.parent), default: []].append(.agent(agent)) }
        return branches
    }

    /// An agent is shown once, whatever the records claim about its parents.
    private func append(
        _ branches: [Branch],
        of tree: [AgentID?: [Branch]],
        _ indent: String,
        _ style: TextStyle,
        _ visited: inout Set<AgentID>,
        _ lines: inout [String]
    ) {
        for (index, branch) in branches.enumerated() {
            let isLast = index == branches.count - 1
            let inner = indent + (isLast ? "   " : "│  ")
            switch branch {
            case .line(let line): lines.append(indent + (isLast ? "└─ " : "├─ ") + line)
            case .agent(let agent):
                guard visited.insert(agent.agent).inserted else { continue }
                lines.append(indent + (isLast ? "└─ " : "├─ ") + agent.heading(style))
                let below = tree[agent.agent] ?? []
                lines += agent.lines(style).map { inner + (below.isEmpty ? "   " : "│  ") + $0 }
                append(below, of: tree, inner, style, &visited, &lines)
            }
        }
    }
}

extension TracedAgent {
    fileprivate func heading(_ style: TextStyle) -> String {
        "\(style.strong(TerminalText.escaped(name)))  \(agent)  profile \(TerminalText.escaped(profile))  "
            + (SpawnRecord.answers(from: replayed).map { $0 + "  " } ?? "") + "\(state)  " + argv.commandText
    }

    private var state: String {
        let cut = revoked.map { $0.words + ", " } ?? ""
        guard let ended else { return cut + "no end recorded" }
        return cut + "exit \(ended.status)" + (ended.cause.map { " (\(TerminalText.escaped($0)))" } ?? "")
    }

    fileprivate func lines(_ style: TextStyle) -> [String] {
        guard !isAbove else { return [] }
        let times = style.faint(started.text + (ended.map { " to " + $0.time.text } ?? ""))
        var lines = [
            "ran  \(TerminalText.escaped(program))" + (programDigest.map { " SHA-256 \($0)" } ?? "") + "  "
                + times
        ]
        lines += revoked.map { ["cut off  \($0.time.text) by \(TerminalText.escaped($0.by))" + $0.why] } ?? []
        lines += processes.map(\.line)
        if unlistedConnections > 0 {
            lines.append("and \(unlistedConnections) more connections, of other programs (evidence)")
        }
        lines += requests.map { $0.line(style) }
        if unlisted > 0 { lines.append("and \(unlisted) more requests: bailey audit --agent \(agent)") }
        lines += masked.sorted { $0.key.precedes($1.key) }.map {
            "masked  \(TerminalText.escaped($0.key)) \($0.value)"
        }
        if unlistedMasks > 0 {
            lines.append("and \(unlistedMasks) more masked: bailey audit --agent \(agent)")
        }
        lines += approvals.map(\.line)
        if unlistedApprovals > 0 {
            lines.append("and \(unlistedApprovals) more questions and answers: bailey audit --agent \(agent)")
        }
        return lines
    }
}

extension AgentRevocation {
    fileprivate var why: String { (isOfPrincipal ? " (principal)" : "") + told }

    private var told: String { reason.map { ": " + TerminalText.escaped($0) } ?? "" }
}

extension TracedProcess {
    /// Evidence, which decided nothing.
    fileprivate var line: String {
        let digest = programDigest.map { " SHA-256 \($0)" } ?? ""
        return "process  \(connections)x  \(argv.commandText), "
            + (program.map(TerminalText.escaped) ?? "a program that could not be read") + digest
            + " (evidence)"
    }
}

extension TracedRequest {
    fileprivate func line(_ style: TextStyle) -> String {
        let octets = sent > 0 || received > 0 ? ", \(sent) octets sent, \(received) received" : ""
        return
            "\(style.verdict(verdict))  \(count)x  \(TerminalText.escaped("\(action) \(resource)"))\(octets)  "
            + style.faint("record \(record), \(first.text)" + (count > 1 ? " to \(last.text)" : ""))
            + (message.map { "  " + TerminalText.escaped($0) } ?? "")
    }
}

extension TracedAnswer {
    fileprivate var line: String {
        TerminalText.escaped("\(event.rawValue)  \(question) \(action) \(resource)")
            + (by.map { " by " + TerminalText.escaped($0) } ?? "")
            + (reason.map { ": " + TerminalText.escaped($0) } ?? "") + "  " + time.text
    }
}
