internal import Model

/// The rules of a child that its parent's do not cover, action by action.
func egressExcess(of child: Profile, over parent: Profile, _ budget: inout InclusionBudget) -> [Excess] {
    var result: [Excess] = []
    for rule in child.egress {
        let candidates = parent.egress.filter { $0.isComparable(to: rule) }
        let cover = HostCover(of: rule, by: candidates, &budget)
        for (effect, actions) in [(Effect.allow, rule.allow), (.ask, rule.ask)] {
            for action in actions {
                guard let why = cover.reason(against: action, &budget) else { continue }
                let what = "egress \(rule.to): \(effect == .ask ? "ask " : "")\(action.text)"
                result.append(Excess(what: what, why: "\(why) (\(action.source))"))
            }
        }
    }
    return result
}

extension EgressRule {
    /// Whether this rule of a parent can stand for a part of `child`: same scheme and port, and the same credential
    /// where the child uses one.
    fileprivate func isComparable(to child: EgressRule) -> Bool {
        to.scheme == child.to.scheme && to.port == child.to.port
            && (child.credential == nil || child.credential == credential)
    }
}

/// The hosts of a child's rule cut into parts, each with the parent's rules that cover the whole part.
///
/// Only the parts that matter are there. Below `*.x` and `**.x` names exist that no rule names, and what covers those
/// covers every other name there too: that one part decides for all. Networks are halved until each part is covered
/// or lies beside every rule.
private struct HostCover {
    private var parts: [[EgressRule]] = []
    private var isDecided = true

    /// Parts of one network; each parent rule inside it adds at most 128.
    private static let maximumParts = 4096

    init(of child: EgressRule, by candidates: [EgressRule], _ budget: inout InclusionBudget) {
        switch child.to.hosts {
        case .name, .oneLabel, .anyLabels:
            let able = candidates.filter { $0.privateAddresses || !child.privateAddresses }
            parts = [able.filter { $0.to.covers(child.to.hosts) }]
        case .address(let address):
            let able = candidates.filter { $0.reachesPrivateAddresses || address.scope == .global }
            parts = [able.filter { $0.to.covers(child.to.hosts) }]
        case .network(let network, let prefix):
            let able = candidates.filter { $0.reachesPrivateAddresses || !child.reachesPrivateAddresses }
            cut(network.masked(to: prefix), prefix: prefix, by: [], or: able, &budget)
        }
    }

    /// Halves a network until what lies inside a part is decided.
    ///
    /// `covering` cover all of the network already; of `others` those count that cover it or lie inside.
    private mutating func cut(
        _ network: IPAddress,
        prefix: Int,
        by covering: [EgressRule],
        or others: [EgressRule],
        _ budget: inout InclusionBudget
    ) {
        guard parts.count < Self.maximumParts, budget.spend(others.count + 1) else {
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

    /// Why an action of the child exceeds; nil when every part covers it.
    func reason(against action: ActionPattern, _ budget: inout InclusionBudget) -> String? {
        guard isDecided else { return "not decidable within bounds, which counts as wider" }
        for rules in parts {
            guard !rules.isEmpty else { return "no rule of the parent covers these hosts" }
            guard budget.spend(rules.count) else {
                return "not decidable within bounds, which counts as wider"
            }
            switch action.isCovered(by: rules.flatMap { $0.allow + $0.ask }, &budget) {
            case .included: continue
            case .exceeds: return "the parent's rules for these hosts do not cover it"
            case .undecided: return "not decidable within bounds, which counts as wider"
            }
        }
        return nil
    }
}

extension ActionPattern {
    /// Whether the patterns together match whatever this one matches.
    fileprivate func isCovered(by patterns: [ActionPattern], _ budget: inout InclusionBudget) -> Inclusion {
        switch match {
        case .connect:
            return patterns.contains { $0.match == .connect } ? .included : .exceeds
        case .http(let method, let path):
            // For `*` only patterns for every method count: methods exist that no pattern names.
            let globs = patterns.compactMap { pattern -> PathGlob? in
                guard case .http(let theirs, let glob) = pattern.match, theirs == nil || theirs == method
                else {
                    return nil
                }
                return glob
            }
            if globs.contains(where: { $0 == path || $0 == .everything }) { return .included }
            return GlobAutomaton(path: path).isIncluded(in: globs.map(GlobAutomaton.init(path:)), &budget)
        }
    }
}

extension HostPattern {
    /// Whether this pattern matches every host that `other` matches.
    fileprivate func covers(_ other: Hosts) -> Bool {
        switch (hosts, other) {
        case (_, .name(let name)):
            return matches(.name(name))
        case (_, .address(let address)):
            // A network never reaches a metadata service, so it does not cover one either.
            return matches(.address(address)) && (address.scope != .metadata || isExactAddress)
        case (.anyLabels(let mine), .oneLabel(let theirs)), (.anyLabels(let mine), .anyLabels(let theirs)):
            return mine == theirs || theirs.prefixLength(above: mine) != nil
        case (.oneLabel(let mine), .oneLabel(let theirs)):
            return mine == theirs
        case (.network(let mine, let outer), .network(let theirs, let inner)):
            return outer <= inner && theirs.isIn(mine, prefix: outer)
        case (.address(let mine), .network(let theirs, let prefix)):
            return mine == theirs && prefix == mine.width
        case (.name, .oneLabel), (.name, .anyLabels), (.name, .network), (.oneLabel, .anyLabels),
            (.oneLabel, .network), (.anyLabels, .network), (.address, .oneLabel), (.address, .anyLabels),
            (.network, .oneLabel), (.network, .anyLabels):
            return false
        }
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
