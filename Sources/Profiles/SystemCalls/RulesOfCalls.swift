internal import Policy

/// The rules of a policy by call, as they are read: what libseccomp would refuse, silently drop or never finish is
/// refused here, where it stands.
struct RulesOfCalls {
    private struct Known {
        let conditions: Set<ArgumentCondition>
        let answer: SystemCallAnswer
        let alternatives: [SystemCallAlternative]
    }

    private var known: [UInt32: [Known]] = [:]
    private var total = 0

    /// Why the call cannot have this rule besides those that it has; nil when it has it now.
    mutating func problem(adding rule: SystemCallRule, to call: SystemCall) -> String? {
        let others = known[call.number] ?? []
        let conditions = Set(rule.conditions)
        if let problem = Self.repetition(of: conditions, among: others, call) { return problem }
        let left = SystemCallLimits.alternativesOfCall - others.reduce(0) { $0 + $1.alternatives.count }
        guard rule.alternativeCount <= left else {
            return Self.tooMany(SystemCallLimits.alternativesOfCall, "the rules of \"\(call.name)\"")
        }
        let alternatives = rule.alternatives
        guard known.count < SystemCallLimits.callsOfPolicy || !others.isEmpty else {
            return "a policy names \(SystemCallLimits.callsOfPolicy) calls at most"
        }
        guard total + alternatives.comparisons <= SystemCallLimits.comparisonsOfPolicy else {
            return
                "the rules up to here have more than \(SystemCallLimits.comparisonsOfPolicy) comparisons, one for each"
                + " condition of each alternative: use fewer calls, conditions, values or bits"
        }
        if let other = others.first(where: {
            $0.answer != rule.answer && Self.meet($0.alternatives, alternatives)
        }) {
            return
                "another rule of \"\(call.name)\" answers \(other.answer.rawValue), not \(rule.answer.rawValue), where"
                + " this one holds: let only one hold"
        }
        total += alternatives.comparisons
        known[call.number, default: []].append(
            Known(conditions: conditions, answer: rule.answer, alternatives: alternatives)
        )
        return nil
    }

    private static func repetition(
        of conditions: Set<ArgumentCondition>,
        among others: [Known],
        _ call: SystemCall
    ) -> String? {
        if others.contains(where: { $0.conditions == conditions }) {
            return "\"\(call.name)\" has a rule "
                + (conditions.isEmpty ? "without conditions already" : "with these conditions already")
        }
        if others.contains(where: \.conditions.isEmpty) {
            return "\"\(call.name)\" has a rule without conditions already, which always holds"
        }
        if conditions.isEmpty, !others.isEmpty {
            return
                "\"\(call.name)\" has a rule with conditions already, and this one always holds: leave one out"
        }
        return nil
    }

    private static func meet(_ some: [SystemCallAlternative], _ others: [SystemCallAlternative]) -> Bool {
        some.contains { one in others.contains { one.implies($0) || $0.implies(one) } }
    }

    private static func tooMany(_ limit: Int, _ what: String) -> String {
        "\(what) have more than \(limit) alternatives, of which each value, bit or range of a condition makes one and two"
            + " conditions as many as both together multiply to: use fewer conditions, values or bits"
    }
}
