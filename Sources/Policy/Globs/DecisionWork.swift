internal import Model

/// What one decision may cost one profile, in steps over single bytes, whatever request is made.
package enum DecisionWork {
    /// A decision is made on an event loop that serves other agents: a step takes about a nanosecond, so one level's
    /// part stays within some 2 ms.
    package static let maximum = 2 << 20

    /// What the patterns of a rule may cost; `deny` and `ask` are held against two readings of a path.
    package static func cost(of rule: EgressRule) -> Int {
        func cost(_ actions: [ActionPattern], _ effect: Effect) -> Int {
            actions.reduce(0) { sum, action in
                let forms = action.forms + action.likenesses
                // Forms of one action have different paths: a request meets the conditions of one at most.
                let conditions = forms.compactMap { $0.conditions?.cost(as: effect) }.max() ?? 0
                return forms.reduce(sum + conditions) { sum, form in
                    switch form.match {
                    case .connect: sum + 1
                    case .sql(let pattern): sum + pattern.cost
                    case .http(_, let path), .webSocket(let path): sum + path.cost
                    }
                }
            }
        }
        return cost(rule.allow, .allow) + 2 * (cost(rule.ask, .ask) + cost(rule.deny, .deny))
    }

    /// The first rule with which the patterns for some host cost more than `maximum`; nil where none does.
    ///
    /// The patterns that match one host lie within each other, so the narrowest of them stands for the host.
    package static func firstExcessive(in rules: [EgressRule]) -> Int? {
        let costs = rules.map { cost(of: $0) }
        guard costs.reduce(0, +) > maximum else { return nil }
        var sums = [Int](repeating: 0, count: rules.count)
        for last in rules.indices {
            for earlier in 0...last {
                let (mine, other) = (rules[last].to, rules[earlier].to)
                guard mine.scheme == other.scheme, mine.port == other.port else { continue }
                if earlier != last, mine.contains(other.hosts) { sums[earlier] += costs[last] }
                if other.contains(mine.hosts) { sums[last] += costs[earlier] }
                if sums[earlier] > maximum || sums[last] > maximum { return last }
            }
        }
        return nil
    }
}

extension HostPattern {
    /// Whether every host that `other` stands for is one that this pattern matches.
    func contains(_ other: Hosts) -> Bool {
        switch (hosts, other) {
        case (_, .name(let name)):
            return matches(.name(name))
        case (_, .address(let address)):
            return matches(.address(address))
        case (.anyLabels(let mine), .oneLabel(let theirs)), (.anyLabels(let mine), .anyLabels(let theirs)):
            return mine == theirs || theirs.prefixLength(above: mine) != nil
        case (.oneLabel(let mine), .oneLabel(let theirs)):
            return mine == theirs
        case (.network(let mine, let outer), .network(let theirs, let inner)):
            return outer <= inner && theirs.isIn(mine, prefix: outer)
        case (.address(let mine), .network(let theirs, let prefix)):
            return mine == theirs && prefix == (mine.family == .v4 ? 32 : 128)
        case (.name, .oneLabel), (.name, .anyLabels), (.name, .network), (.oneLabel, .anyLabels),
            (.oneLabel, .network), (.anyLabels, .network), (.address, .oneLabel), (.address, .anyLabels),
            (.network, .oneLabel), (.network, .anyLabels):
            return false
        }
    }
}
