internal import Model
internal import Policy

/// Whether an agent may launch a child under a profile, as a value that can be printed and compared.
struct LaunchRuling: Sendable {
    let child: String
    /// Why it would be refused, whoever is asked.
    let reasons: [String]
    /// All that ask, of the root's level first.
    let demands: [String]

    var effect: Effect { reasons.isEmpty ? demands.isEmpty ? .allow : .ask : .deny }

    /// `lineage` is root first, the agent that launches last; nil where it is empty.
    init?(of child: Profile, by lineage: [Profile], principal: Principal) {
        let lineage = lineage.map { $0.applied(to: principal) }
        guard let parent = lineage.last else { return nil }
        let child = child.applied(to: principal)
        var reasons: [String] = []
        if let demand = child.unmet(by: principal) { reasons.append("principals demands \(demand.text)") }
        if !parent.children.permits(profile: child.name) {
            reasons.append("children.profiles does not name it")
        }
        if parent.children.depth == 0 || parent.children.count == 0 { reasons.append("no children") }
        self.child = child.name
        let limit = parent.limit(sharing: [], below: lineage.dropLast())
        self.reasons = reasons + excess(of: child, over: limit).map(\.description)
        demands = lineage.flatMap { level in
            level.children.asking(of: child.name).map { "\(level.name) asks by \($0.rule): \($0.terms)" }
        }
    }

    /// The child's profile in `launch NAME`; nil for what is none, `launch https://a.example/x` among them.
    static func child(in text: String) -> String? {
        let words = text.cut(at: " ")
        guard words.count == 2, words[0].isSame(as: "launch"), ProfileName.isValid(String(words[1])) else {
            return nil
        }
        return String(words[1])
    }

    var text: String {
        let word = ["allow": "allowed", "ask": "held until it is approved", "deny": "denied"]
        let lines =
            ["\(word[effect.rawValue] ?? ""): launch \(child)"]
            + reasons.map { "  refused: \($0)" } + demands.map { "  approval: \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: JSONText {
        .object([
            ("request", .text("launch \(child)")), ("verdict", .text(effect.rawValue)),
            ("refused", .texts(reasons)), ("approvals", .texts(demands)),
        ])
    }
}
