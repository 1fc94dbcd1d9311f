internal import Model

/// The rules of a child that its parent's do not cover, action by action.
func egressExcess(of child: Profile, over parent: Profile, _ budget: inout ComparisonBudget) -> [Excess] {
    let parents = Dictionary(grouping: parent.egress.enumerated().map { IndexedRule(index: $0, rule: $1) }) {
        Service(scheme: $0.rule.to.scheme, port: $0.rule.to.port)
    }
    var reach = Reach()
    var result: [Excess] = []
    for rule in child.egress where !rule.allow.isEmpty || !rule.ask.isEmpty {
        let all = parents[Service(scheme: rule.to.scheme, port: rule.to.port)] ?? []
        guard budget.spend(all.count + ComparisonBudget.pair) else {
            budget.exhaust("egress \(rule.place) (\(rule.source))")
            return result
        }
        let candidates = all.filter {
            (rule.credential == nil || rule.credential == $0.rule.credential)
                && rule.sends.isSubset(of: $0.rule.sends)
                && rule.database.isWithin($0.rule.database, &budget)
                && rule.principals.isWithin($0.rule.principals, &budget)
        }
        let cover = HostCover(of: rule, by: candidates, &budget)
        for (effect, actions) in [(Effect.allow, rule.allow), (.ask, rule.ask)] {
            for action in actions {
                let what = "egress \(rule.place): \(effect == .ask ? "ask " : "")\(action.text)"
                switch cover.reason(against: action, &reach, &budget) {
                case .covered: continue
                case .wider(let why):
                    result.append(Excess(key: "egress", what: what, why: "\(why) (\(action.source))"))
                case .undecided:
                    budget.exhaust("\(what) (\(action.source))")
                    return result
                }
            }
        }
    }
    return result
}

/// A parent's rule can stand for a part of a child's only where scheme and port are the same.
private struct Service: Hashable {
    let scheme: Scheme
    let port: UInt16
}

/// A rule of the parent's, and its place among all.
private struct IndexedRule {
    let index: Int
    let rule: EgressRule

    var to: HostPattern { rule.to }
}

/// What is done to a path.
private enum Verb: Hashable {
    /// Nil is `*`: only patterns for every method cover it, since methods exist that no pattern names.
    case method(String?)
    case webSocket

    /// The paths of a pattern that covers this; nil for one that does not.
    func path(of match: ActionPattern.Match) -> PathGlob? {
        switch (self, match) {
        case (.method(let mine), .http(let theirs, let glob)): theirs == nil || theirs == mine ? glob : nil
        case (.webSocket, .webSocket(let glob)): glob
        case (.method, .webSocket), (.webSocket, .http), (_, .connect), (_, .sql): nil
        }
    }
}

/// What rules of the parent's together let a verb do, put together when it is asked for, and once.
///
/// Of those with conditions only those count that the child's own conditions imply.
private struct Reach {
    private var unions: [Key: GlobUnion] = [:]

    private struct Key: Hashable {
        let rules: [Int]
        let verb: Verb
        let conditions: Conditions?
    }

    mutating func union(
        of rules: [IndexedRule],
        for verb: Verb,
        under conditions: Conditions?,
        _ budget: inout ComparisonBudget
    ) -> GlobUnion? {
        guard budget.spend(rules.count + 4) else { return nil }
        let key = Key(rules: rules.map(\.index), verb: verb, conditions: conditions)
        if let known = unions[key] { return known }
        var union = GlobUnion()
        for rule in rules.map(\.rule) {
            for action in [rule.allow, rule.ask].joined() {
                guard budget.spend(2) else { return nil }
                for form in action.forms {
                    guard let glob = verb.path(of: form.match) else { continue }
                    if let theirs = form.conditions {
                        guard let conditions, conditions.imply(theirs, &budget) else { continue }
                    }
                    guard union.add(path: glob, &budget) else { return nil }
                }
            }
        }
        unions[key] = union
        return union
    }
}

/// The hosts of a child's rule cut into parts, each with the parent's rules that cover the whole part.
///
/// Only the parts that matter are there. Below `*.x` and `**.x` names exist that no rule names, and what covers those
/// covers every other name there too: that one part decides for all. Networks are halved until each part is covered
/// or lies beside every rule.
private struct HostCover {
    private var parts: [[IndexedRule]] = []
    private var isDecided = true

    /// Parts of one network; each parent rule inside it adds at most 128.
    private static let maximumParts = 4096

    /// What is to be said of one action.
    enum Finding {
        case covered
        case wider(String)
        case undecided
    }

    init(of child: EgressRule, by candidates: [IndexedRule], _ budget: inout ComparisonBudget) {
        switch child.to.hosts {
        case .name, .oneLabel, .anyLabels:
            let able = candidates.filter { $0.rule.privateAddresses || !child.privateAddresses }
            parts = [able.filter { $0.to.covers(child.to.hosts) }]
        case .address(let address):
            let able = candidates.filter { $0.rule.reachesPrivateAddresses || address.scope == .global }
            parts = [able.filter { $0.to.covers(child.to.hosts) }]
        case .network(let network, let prefix):
            let able = candidates.filter { $0.rule.reachesPrivateAddresses || !child.reachesPrivateAddresses }
            cut(network.masked(to: prefix), prefix: prefix, by: [], or: able, &budget)
        }
    }

    /// Halves a network until what lies inside a part is decided.
    ///
    /// `covering` cover all of the network already; of `others` those count that cover it or lie inside.
    private mutating func cut(
        _ network: IPAddress,
        prefix: Int,
        by covering: [IndexedRule],
        or others: [IndexedRule],
        _ budget: inout ComparisonBudget
    ) {
        guard parts.count < Self.maximumParts,
            budget.spend(ComparisonBudget.pair + 2 * others.count + covering.count)
        else {
            isDecided = false
            return
        }
        let part = HostPattern.Hosts.network(network, prefix: prefix)
        let all = covering + others.filter { $0.to.covers(part) }
        let inside = others.filter { !$0.to.covers(part) && $0.to.isInside(network, prefix: prefix) }
        guard !inside.isEmpty, let halves = network.halves(prefix: prefix) else {
            parts.append(all)
            return
        }
        cut(halves.0, prefix: prefix + 1, by: all, or: inside, &budget)
        cut(halves.1, prefix: prefix + 1, by: all, or: inside, &budget)
    }

    /// Whether every part covers an action of the child.
    func reason(
        against action: ActionPattern,
        _ reach: inout Reach,
        _ budget: inout ComparisonBudget
    ) -> Finding {
        guard isDecided else { return .undecided }
        for rules in parts {
            guard budget.spend(ComparisonBudget.pair) else { return .undecided }
            guard !rules.isEmpty else { return .wider("no rule of the parent covers these hosts") }
            for form in action.forms {
                switch form.isCovered(by: rules, &reach, &budget) {
                case .included: continue
                case .exceeds: return .wider("the parent's rules for these hosts do not cover it")
                case .undecided: return .undecided
                }
            }
        }
        return .covered
    }
}

extension ActionPattern.Form {
    /// Whether the rules together match whatever this matches.
    fileprivate func isCovered(
        by rules: [IndexedRule],
        _ reach: inout Reach,
        _ budget: inout ComparisonBudget
    ) -> Inclusion {
        switch match {
        case .connect:
            let isCovered = rules.contains { indexed in
                [indexed.rule.allow, indexed.rule.ask].joined().contains { $0.forms == [Self(.connect)] }
            }
            return budget.spend(rules.count) ? (isCovered ? .included : .exceeds) : .undecided
        case .sql(let pattern):
            let isCovered = rules.contains { indexed in
                [indexed.rule.allow, indexed.rule.ask].joined().contains { action in
                    action.forms.contains {
                        if case .sql(let theirs) = $0.match {
                            pattern.isCovered(by: theirs, &budget)
                        } else {
                            false
                        }
                    }
                }
            }
            return budget.left > 0 ? (isCovered ? .included : .exceeds) : .undecided
        case .http(let method, let path):
            return isCovered(path, .method(method), by: rules, &reach, &budget)
        case .webSocket(let path):
            return isCovered(path, .webSocket, by: rules, &reach, &budget)
        }
    }

    private func isCovered(
        _ path: PathGlob,
        _ verb: Verb,
        by rules: [IndexedRule],
        _ reach: inout Reach,
        _ budget: inout ComparisonBudget
    ) -> Inclusion {
        guard let theirs = reach.union(of: rules, for: verb, under: conditions, &budget) else {
            return .undecided
        }
        if theirs.holds(path) { return .included }
        var mine = GlobUnion()
        guard mine.add(path: path, &budget) else { return .undecided }
        return mine.isIncluded(in: theirs, &budget)
    }
}

extension HostPattern {
    /// Whether this pattern stands for every host that `other` stands for, when it comes to dialling them.
    fileprivate func covers(_ other: Hosts) -> Bool {
        guard case .address(let address) = other else { return contains(other) }
        // A network never reaches a metadata service, so it does not cover one either.
        return matches(.address(address)) && (address.scope != .metadata || isExactAddress)
    }

    fileprivate func isInside(_ network: IPAddress, prefix: Int) -> Bool {
        switch hosts {
        case .address(let address): address.isIn(network, prefix: prefix)
        case .network(let mine, let inner): inner > prefix && mine.isIn(network, prefix: prefix)
        case .name, .oneLabel, .anyLabels: false
        }
    }

    private var isExactAddress: Bool {
        switch hosts {
        case .address: true
        case .name, .oneLabel, .anyLabels, .network: false
        }
    }
}

extension IPAddress {
    fileprivate var width: Int { family == .v4 ? 32 : 128 }

    /// The two networks of one bit more; nil for a single address.
    fileprivate func halves(prefix: Int) -> (IPAddress, IPAddress)? {
        guard (0..<width).contains(prefix) else { return nil }
        switch family {
        case .v4:
            let bit = UInt32(1) << UInt32(31 - prefix)
            return (self, IPAddress(v4: UInt32(truncatingIfNeeded: low) | bit))
        case .v6 where prefix < 64:
            return (self, IPAddress(v6High: high | UInt64(1) << UInt64(63 - prefix), low: low))
        case .v6:
            return (self, IPAddress(v6High: high, low: low | UInt64(1) << UInt64(127 - prefix)))
        }
    }
}
