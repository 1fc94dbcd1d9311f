internal import Model

/// Which refs a push may change.
package struct PushCondition: Sendable, Hashable {
    /// Over a slash and the ref's name; nil for every ref, and for what the push asks for besides.
    package let refs: PathGlob?

    package init(refs: PathGlob?) { self.refs = refs }

    /// What it costs at most to hold a push against it, in steps over single bytes.
    var cost: Int { refs?.cost(paths: GitPush.maximumUpdates, octets: GitPush.maximumList) ?? 0 }

    /// Whether it means the push, for a rule that has it under `effect`.
    ///
    /// A rule that forbids does where it means one ref; one that allows may mean some of several. Options are for rules
    /// without refs alone: a server may do anything by them.
    func holds(of push: GitPush, _ readings: inout ConditionReadings, as effect: Effect) -> Holding {
        guard let refs else { return .yes }
        let meant = readings.refs(of: push).map { ref in
            var steps = 0
            return refs.matches(ref, &steps)
        }
        guard effect == .allow else { return meant.contains(true) ? .yes : .no }
        guard !push.hasOptions else { return .no }
        if !meant.contains(false) { return .yes }
        return meant.contains(true) ? .part(meant) : .no
    }

    /// Whether every push that it means the other means as well; no where that is not plain.
    func implies(_ other: PushCondition, _ budget: inout ComparisonBudget) -> Bool {
        guard let theirs = other.refs else { return true }
        guard let mine = refs else { return false }
        if mine == theirs { return true }
        var (inner, outer) = (GlobUnion(), GlobUnion())
        guard inner.add(path: mine, &budget), outer.add(path: theirs, &budget) else { return false }
        return inner.isIncluded(in: outer, &budget) == .included
    }
}

/// Rules that allow some of a push's refs each.
struct PartialAllowance {
    private(set) var actions: [CompiledAction] = []
    /// Refs that none of them allows.
    private var isLeft: [Bool] = []

    /// A rule, and which refs it means.
    func adding(_ action: CompiledAction, _ meant: [Bool]) -> PartialAllowance {
        var all = self
        all.isLeft = actions.isEmpty ? meant.map { !$0 } : zip(isLeft, meant).map { $0 && !$1 }
        all.actions.append(action)
        return all
    }

    /// The place of the first ref that none of them allows; nil where they allow all together, and without any.
    var left: Int? { isLeft.firstIndex(of: true) }
}
