internal import Model
internal import Policy

// Launches.
extension PolicyReplay {
    func launch(_ record: SpawnRecord) -> Hindsight {
        let was: Effect = record.approval == nil ? .allow : .ask
        let hops = record.lineage.hops
        let concerned = hops.filter(stands)
        guard !concerned.isEmpty, !concerned.allSatisfy({ isUnchanged($0, workspace: record.workspace) })
        else { return .same(was) }
        let child = hops[hops.count - 1]
        let launch = LaunchQuestion(
            child: child.profile,
            ancestors: record.lineage.ancestors,
            principal: record.principal ?? record.lineage.principal,
            workspace: record.workspace
        )
        let (refusals, missing) = refusals(of: launch, child: child)
        guard refusals.isEmpty else { return Hindsight(was: was, now: .deny, refusals) }
        if let missing { return .unknown(was, missing) }
        let asking = asking(of: launch)
        guard asking.isEmpty else { return Hindsight(was: was, now: .ask, asking) }
        // Another level may have asked: an approval names none.
        guard was == .allow || launch.ancestors.allSatisfy(stands) else {
            return .unknown(was, "which level asked about it is not on record")
        }
        return Hindsight(was: was, now: .allow, ["children of \(name) allow it"])
    }

    /// A launch that was refused: it stays so, or nobody can tell, since a record says one reason alone.
    func launch(_ record: SpawnRefusal) -> Hindsight {
        let ancestors = record.parent?.hops ?? []
        let isChild = record.profile.isSame(as: name)
        let concerned = ancestors.filter(stands)
        guard isChild || !concerned.allSatisfy(isUnchanged) else { return .same(.deny) }
        let parent = ancestors.last?.agent
        let launch = LaunchQuestion(
            child: record.profile,
            ancestors: ancestors,
            principal: parent.flatMap { run.principal(of: $0) } ?? record.principal,
            workspace: parent.map { run.workspace(of: $0) } ?? ReplayedRun.elsewhere
        )
        let (refusals, _) = refusals(of: launch, child: nil)
        guard refusals.isEmpty else { return Hindsight(was: .deny, now: .deny, refusals) }
        return .unknown(
            .deny,
            "it was refused, and whether for that alone is not on record: \(record.reason)"
        )
    }

    private func isUnchanged(_ hop: Hop, workspace: String) -> Bool {
        // That of the one that is launched is read for its own folder, which is not known before.
        if run.principal(of: hop.agent) != nil { return isUnchanged(hop) }
        return stand(in: workspace)?.digest.isSame(as: hop.profileDigest) == true
    }

    /// What rules that stand in refuse it for, and what of that nobody can tell.
    private func refusals(of launch: LaunchQuestion, child: Hop?) -> ([String], missing: String?) {
        var (refusals, missing) = ([String](), String?.none)
        let isStandIn = launch.child.isSame(as: name)
        let profile =
            isStandIn
            ? stand(in: launch.workspace) : child.flatMap { original(of: $0, workspace: launch.workspace) }
        if isStandIn, let unmet = profile?.unmet(by: launch.principal) {
            refusals.append("principals of \(name) (\(unmet.source)) demands \(unmet.text)")
        }
        for (above, hop) in launch.ancestors.reversed().enumerated() where stands(for: hop) {
            guard let rules = candidate(for: hop)?.children else {
                missing = "the profile does not read for the folder of \(hop.name)"
                continue
            }
            if above == 0, !rules.permits(profile: launch.child) {
                refusals.append("children.profiles of \(name) does not name \(launch.child)")
            }
            if rules.depth <= above { refusals.append("children.depth of \(name) is \(rules.depth)") }
            guard rules.count > 0 else {
                refusals.append("children.count of \(name) is 0")
                continue
            }
            if let below = run.below(hop.agent), below >= rules.count {
                refusals.append("children.count of \(name) is \(rules.count), and \(below) lived")
            }
        }
        guard let parent = launch.ancestors.last, isStandIn || stands(for: parent) else {
            return (refusals, missing)
        }
        let limit = stands(for: parent) ? candidate(for: parent) : original(of: parent)
        guard let profile, let limit else {
            let other = isStandIn ? "\(parent.profile) of \(parent.name)" : launch.child
            return (
                refusals,
                missing
                    ?? "profile \(other) is not at hand as it was: which of the two is wider nobody can tell"
            )
        }
        return (refusals + wider(profile, than: limit, launch.principal), missing)
    }

    /// As a supervisor compares them.
    private func wider(_ child: Profile, than parent: Profile, _ principal: Principal) -> [String] {
        var (child, limit) = (child.applied(to: principal), parent.applied(to: principal))
        child.complete(by: limit)
        // What is private to the parent is its own to share.
        limit.files.write += ["/tmp", "/dev/shm"] + (home.map { [$0] } ?? [])
        return excess(of: child, over: limit).map { "\(child.name) is wider than \(limit.name): \($0)" }
    }

    private func asking(of launch: LaunchQuestion) -> [String] {
        launch.ancestors.filter(stands).flatMap { hop in
            (candidate(for: hop)?.children.asking(of: launch.child) ?? []).map {
                "ask by \(hop.profile) of \(hop.name): \($0.rule)"
            }
        }
    }
}

/// A launch as rules see it.
private struct LaunchQuestion {
    /// The profile's name.
    let child: String
    /// Root first; empty for a root launch.
    let ancestors: [Hop]
    let principal: Principal
    /// What the child's `$WORKSPACE` is.
    let workspace: String
}
