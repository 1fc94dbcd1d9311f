internal import Model

/// One thing that a child's profile permits and its parent's does not.
package struct Excess: Sendable, Hashable, CustomStringConvertible {
    /// `egress https://x.example: GET /**`, `files.write /a`, `limits.memory`.
    package let what: String
    /// Why it exceeds, and where the child's profile says it.
    package let why: String

    package init(what: String, why: String) {
        self.what = what
        self.why = why
    }

    package var description: String { "\(what): \(why)" }
}

/// What a child's profile permits beyond its parent's; empty means no wider.
///
/// Decided over what the profiles mean, not how they are written. What cannot be decided within
/// `InclusionBudget.maximumWork` counts as wider. A child's `allow` that a parent's `deny` overlaps is not wider: the
/// lineage denies at each request. The same holds for `hide` and `protect`, since a child's file view is taken from its
/// parent's, and for `depth` and `count`, which the supervisor holds for every ancestor: equal is not wider.
package func excess(of child: Profile, over parent: Profile) -> [Excess] {
    var budget = InclusionBudget()
    return egressExcess(of: child, over: parent, &budget)
        + fileExcess(of: child.files, over: parent.files)
        + environmentExcess(of: child.environment, over: parent.environment, &budget)
        + limitExcess(of: child.limits, over: parent.limits)
        + systemCallExcess(of: child.systemCalls, over: parent.systemCalls)
        + childrenExcess(of: child.children, over: parent.children, &budget)
}

private func fileExcess(of child: FileRules, over parent: FileRules) -> [Excess] {
    func isWithin(_ path: String, _ folders: [String]) -> Bool {
        folders.contains { path.isWithin($0) }
    }
    let readable = parent.read + parent.write + FileRules.baseView
    return child.read.filter { !isWithin($0, readable) }.map {
        Excess(what: "files.read \($0)", why: "the parent cannot read it")
    }
        + child.write.filter { !isWithin($0, parent.write) }.map {
            Excess(what: "files.write \($0)", why: "the parent cannot write it")
        }
}

extension FileRules {
    /// Folders of the base system view: every agent reads them, whatever its profile says.
    package static let baseView = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]
}

private func environmentExcess(
    of child: EnvironmentRules,
    over parent: EnvironmentRules,
    _ budget: inout InclusionBudget
) -> [Excess] {
    // What the parent's own profile sets is in its environment as well.
    let known = (parent.pass + parent.set.keys.sorted()).map(GlobAutomaton.init(word:))
    return child.pass.compactMap { pattern in
        // A parent's glob does not pass it a secret, so it does not cover a child that names one.
        if EnvironmentRules.isSecretShaped(pattern), !WordGlob(pattern).hasStar {
            guard parent.admission(of: pattern) != .passed, parent.set[pattern] == nil else { return nil }
            return Excess(what: "env.pass \(pattern)", why: "the parent does not pass it by name")
        }
        return reason(GlobAutomaton(word: pattern), isWithin: known, "does not pass all of it", &budget)
            .map { Excess(what: "env.pass \(pattern)", why: $0) }
    }
}

private func limitExcess(of child: Limits, over parent: Limits) -> [Excess] {
    let pairs: [(String, UInt64?, UInt64?)] = [
        ("memory", child.memory, parent.memory), ("processes", child.processes, parent.processes),
        ("cpus", child.milliCPUs, parent.milliCPUs), ("open-files", child.openFiles, parent.openFiles),
        ("time", child.time, parent.time), ("disk", child.disk, parent.disk),
    ]
    // A limit that the child's profile does not have is the parent's.
    return pairs.compactMap { name, mine, theirs in
        guard let mine, let theirs, mine > theirs else { return nil }
        return Excess(what: "limits.\(name)", why: "\(mine) is more than the parent's \(theirs) (base units)")
    }
}

private func childrenExcess(
    of child: ChildRules,
    over parent: ChildRules,
    _ budget: inout InclusionBudget
) -> [Excess] {
    let known = parent.profiles.map(GlobAutomaton.init(word:))
    var result = child.profiles.compactMap { pattern in
        reason(GlobAutomaton(word: pattern), isWithin: known, "may not launch all of it", &budget)
            .map { Excess(what: "children.profiles \(pattern)", why: $0) }
    }
    if child.depth > parent.depth {
        result.append(Excess(what: "children.depth \(child.depth)", why: "the parent's is \(parent.depth)"))
    }
    if child.count > parent.count {
        result.append(Excess(what: "children.count \(child.count)", why: "the parent's is \(parent.count)"))
    }
    return result
}

private func reason(
    _ pattern: GlobAutomaton,
    isWithin known: [GlobAutomaton],
    _ refusal: String,
    _ budget: inout InclusionBudget
) -> String? {
    switch pattern.isIncluded(in: known, &budget) {
    case .included: nil
    case .exceeds: "the parent \(refusal)"
    case .undecided: "not decidable within bounds, which counts as wider"
    }
}
