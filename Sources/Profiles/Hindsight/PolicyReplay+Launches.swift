internal import Model
internal import Policy

// Launches.
extension PolicyReplay {
    func launch(_ record: SpawnRecord) -> Hindsight {
        let was: Effect = record.approval == nil ? .allow : .ask
        let hops = record.lineage.hops
        let concerned = standings(in: hops)
        guard !concerned.isEmpty,
            !concerned.allSatisfy({ isUnchanged(hops[$0.place], workspace: record.workspace) })
        else { return .same(was) }
        let child = hops[hops.count - 1]
        let launch = LaunchQuestion(
            child: child.profile,
            standing: standing(of: child, isRoot: hops.count == 1),
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
        guard was == .allow || standings(in: launch.ancestors).count == launch.ancestors.count else {
            return .unknown(was, "which level asked about it is not on record")
        }
        return Hindsight(was: was, now: .allow, ["children of \(name) allow it"])
    }

    /// A launch that was refused: it stays so, or nobody can tell, since a record says one reason alone.
    func launch(_ record: SpawnRefusal) -> Hindsight {
        let ancestors = record.parent?.hops ?? []
        let isChild = record.namedProfile.map { $0.isSame(as: name) } ?? false
        let concerned = standings(in: ancestors).map { ancestors[$0.place] }
        guard isChild || !concerned.allSatisfy(isUnchanged) else { return .same(.deny) }
        let parent = ancestors.last?.agent
        let launch = LaunchQuestion(
            child: record.namedProfile ?? record.profile,
            // What is named is the operator's.
            standing: isChild ? .yes : .no,
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
        let isStandIn = launch.standing == .yes
        let profile =
            isStandIn
            ? stand(in: launch.workspace) : child.flatMap { original(of: $0, workspace: launch.workspace) }
        if isStandIn, profile == nil {
            missing = "the profile does not read for the folder of \(child?.name ?? launch.child)"
        }
        if launch.standing == .unknown, let child { missing = Self.unknownText(child) }
        if isStandIn, let unmet = profile?.unmet(by: launch.principal) {
            refusals.append("principals of \(name) (\(unmet.source)) demands \(unmet.text)")
        }
        for (place, isKnown) in standings(in: launch.ancestors).reversed() {
            let (hop, above) = (launch.ancestors[place], launch.ancestors.count - 1 - place)
            guard isKnown else {
                missing = Self.unknownText(hop)
                continue
            }
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
            // An end is on record some time after it: when the launch was, fewer may have lived, or none that was denied here.
            if let below = run.below(hop.agent), below >= rules.count {
                missing =
                    "children.count of \(name) is \(rules.count), and \(below) had no end on record: how many lived is not"
            }
        }
        guard let parent = launch.ancestors.last else { return (refusals, missing) }
        let standing = standing(of: parent, isRoot: launch.ancestors.count == 1)
        guard isStandIn || standing == .yes else { return (refusals, missing) }
        let limit = standing == .yes ? candidate(for: parent) : original(of: parent)
        guard let profile, let limit else {
            let other = isStandIn ? "\(parent.profile) of \(parent.name)" : launch.child
            return (
                refusals,
                missing
                    ?? "profile \(other) is not at hand as it was: which of the two is wider nobody can tell"
            )
        }
        // As far as they are at hand: only copies are held against those above the parent.
        let above = launch.ancestors.dropLast().enumerated().compactMap { place, hop in
            self.standing(of: hop, isRoot: place == 0) == .yes ? candidate(for: hop) : original(of: hop)
        }
        return (refusals + wider(profile, than: limit, below: above, launch.principal), missing)
    }

    /// As a supervisor compares them.
    private func wider(
        _ child: Profile,
        than parent: Profile,
        below ancestors: [Profile],
        _ principal: Principal
    ) -> [String] {
        var child = child.applied(to: principal)
        // What is private to the parent is its own to share.
        let limit = parent.applied(to: principal).limit(
            sharing: ["/tmp", "/dev/shm"] + (home.map { [$0] } ?? []),
            below: ancestors
        )
        child.complete(by: limit)
        return excess(of: child, over: limit).map { "\(child.name) is wider than \(limit.name): \($0)" }
    }

    private func asking(of launch: LaunchQuestion) -> [String] {
        standings(in: launch.ancestors).filter(\.isKnown).flatMap { standing in
            let hop = launch.ancestors[standing.place]
            return (candidate(for: hop)?.children.asking(of: launch.child) ?? []).map {
                "ask by \(hop.profile) of \(hop.name): \($0.rule)"
            }
        }
    }
}

extension SpawnRefusal {
    /// The name of the profile that was asked for; nil where that was a text, of which the path is on record.
    var namedProfile: String? {
        guard profile.utf8.count > 2, profile.begins(with: "'"), profile.ends(with: "'") else { return nil }
        return String(profile.dropFirst(bytes: 1).utf8.dropLast())
    }
}

/// A launch as rules see it.
private struct LaunchQuestion {
    /// The profile's name.
    let child: String
    let standing: PolicyReplay.Standing
    /// Root first; empty for a root launch.
    let ancestors: [Hop]
    let principal: Principal
    /// What the child's `$WORKSPACE` is.
    let workspace: String
}
