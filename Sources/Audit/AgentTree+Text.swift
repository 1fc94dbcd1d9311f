internal import Foundation
internal import Model

extension AgentTree {
    /// The tree for people: each agent with what became of it, its requests below it, then its children.
    package func text(_ style: TextStyle) -> String {
        var lines = [
            Self.heading(run, principal, style)
                + (proof.map { "  " + style.faint(TerminalText.escaped($0)) } ?? "")
        ]
        var visited: Set<AgentID> = []
        append(branches(below: nil), "", style, &visited, &lines)
        return lines.joined(separator: "\n")
    }

    /// `run 1f2e3d4c5b6a  user:alice`; of what is of no run, the principal alone.
    static func heading(_ run: String, _ principal: String, _ style: TextStyle) -> String {
        run.isEmpty
            ? style.strong("principal \(TerminalText.escaped(principal))")
            : style.strong("run \(TerminalText.escaped(run))") + "  " + TerminalText.escaped(principal)
    }

    /// `groups [payments], ref [refs/heads/main], until 2026-01-01T00:00:00Z`; nil for the local user.
    private var proof: String? {
        guard let proven else { return nil }
        let groups = proven.groups.isEmpty ? [] : [("groups", proven.groups)]
        let claims = proven.claims.sorted { $0.key.precedes($1.key) }.map { ($0.key, $0.value) }
        let words = (groups + claims).map { "\($0.0) [\($0.1.joined(separator: ", "))]" }
        return (words + (proven.expiry.map { ["until \($0.text)"] } ?? [])).joined(separator: ", ")
    }

    /// One JSON object, keys sorted.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TerminalText.escapedJSON(String(decoding: try encoder.encode(self), as: UTF8.self))
    }

    private enum Branch {
        case agent(AgentNode)
        case request(RequestCount)
        case more(Int)
        case refusal(LaunchRefusal)
        case revocation(PrincipalRevocation)
    }

    private func branches(below parent: AgentNode?) -> [Branch] {
        let requests = parent?.requests ?? []
        let shown = requests.reduce(0) { $0 + ($1.isDecision ? $1.count : 0) }
        let hidden = (parent?.counts.values.reduce(0, +) ?? 0) - shown
        let said = parent == nil ? revocations.map(Branch.revocation) : []
        return said + requests.map(Branch.request) + (hidden > 0 ? [.more(hidden)] : [])
            + refusals.filter { $0.parent == parent?.agent }.map(Branch.refusal)
            + agents.filter { $0.parent == parent?.agent }.map(Branch.agent)
    }

    /// An agent is shown once, whatever the records claim about its parents.
    private func append(
        _ branches: [Branch],
        _ indent: String,
        _ style: TextStyle,
        _ visited: inout Set<AgentID>,
        _ lines: inout [String]
    ) {
        let width = branches.map(Self.countWidth).max() ?? 0
        for (index, branch) in branches.enumerated() {
            let isLast = index == branches.count - 1
            lines.append(indent + (isLast ? "└─ " : "├─ ") + line(branch, style, countWidth: width))
            guard case .agent(let node) = branch, visited.insert(node.agent).inserted else { continue }
            let inner = indent + (isLast ? "   " : "│  ")
            append(self.branches(below: node), inner, style, &visited, &lines)
        }
    }

    private static func countWidth(_ branch: Branch) -> Int {
        if case .request(let request) = branch { "\(request.count)".count } else { 0 }
    }

    private func line(_ branch: Branch, _ style: TextStyle, countWidth: Int) -> String {
        switch branch {
        case .agent(let node): line(node, style)
        case .request(let request): line(request, style, countWidth: countWidth)
        case .more(let count): style.faint("and \(count) more requests: bailey audit --run \(run)")
        case .refusal(let refusal):
            "\(style.verdict("refused"))  \(refusal.told)"
        case .revocation(let revocation): revocation.line(style)
        }
    }

    private func line(_ node: AgentNode, _ style: TextStyle) -> String {
        let name = style.strong(TerminalText.escaped(node.name))
        let profile = TerminalText.escaped(node.profile)
        let answers = SpawnRecord.answers(from: node.replayed).map { $0 + "  " } ?? ""
        return
            "\(name)  \(node.agent)  profile \(profile)  \(answers)\(status(of: node))  \(node.argv.commandText)"
    }

    private func status(of node: AgentNode) -> String {
        guard let ended = node.ended else {
            return revoked(node) + (node.isRunning ? "running" : "no end recorded")
        }
        return revoked(node) + "exit \(ended.status)"
            + (ended.cause.map { " (\(TerminalText.escaped($0)))" } ?? "")
    }

    private func revoked(_ node: AgentNode) -> String {
        guard let revoked = node.revoked else { return "" }
        return revoked.words
            + (revoked.reason.map { " (\(TerminalText.escaped($0)))" } ?? "") + ", "
    }

    private func line(_ request: RequestCount, _ style: TextStyle, countWidth: Int) -> String {
        let count = "\(request.count)"
        let aligned = String(repeating: " ", count: max(0, countWidth - count.count)) + count
        let what = TerminalText.escaped("\(request.action) \(request.resource)")
        let why = request.message.map { "  " + style.faint(TerminalText.escaped($0)) } ?? ""
        return
            "\(style.verdict(request.verdict, width: RequestCount.failure.utf8.count))  \(aligned)x  \(what)\(why)"
    }
}
