internal import Model

/// One thing that a child's profile permits and its parent's does not.
package struct Excess: Sendable, Hashable, CustomStringConvertible {
    /// `egress`, `files.write`, `limits.memory`: the key of the profile that it is about.
    package let key: String
    /// `egress https://x.example: GET /**`, `files.write /a`, `limits.memory`.
    package let what: String
    /// Why it exceeds, and where the child's profile says it.
    package let why: String

    package init(key: String, what: String, why: String) {
        self.key = key
        self.what = what
        self.why = why
    }

    package var description: String { "\(what): \(why)" }
}

/// What a child's profile permits beyond its parent's; empty means no wider.
///
/// Decided over what the profiles mean, not how they are written. All of it together costs `maximumWork` of
/// `ComparisonBudget` at most; where that ends, what was compared last is listed as too much, and nothing behind it.
///
/// A child's `allow` that a parent's `deny` overlaps is not wider: the lineage denies at each request. The same holds
/// for `hide` and `protect`, since a child's file view is taken from its parent's, and for `depth` and `count`, which
/// the supervisor holds for every ancestor: equal is not wider. Recordings add up along the lineage, so a child that
/// demands none has its parent's.
package func excess(of child: Profile, over parent: Profile) -> [Excess] {
    var budget = ComparisonBudget()
    return excess(of: child, over: parent, &budget)
}

/// The same, and what it has cost.
package func excess(
    of child: Profile,
    over parent: Profile,
    _ budget: inout ComparisonBudget
) -> [Excess] {
    var result =
        fileExcess(of: child.files, over: parent.files)
        + limitExcess(of: child.limits, over: parent.limits)
        + systemCallExcess(of: child.systemCalls, over: parent.systemCalls)
        + landlockExcess(of: child.landlock, over: parent.landlock)
        + childrenExcess(of: child.children, over: parent.children, &budget)
        + environmentExcess(of: child.environment, over: parent.environment, &budget)
    if budget.exhaustedBy == nil { result = egressExcess(of: child, over: parent, &budget) + result }
    if let what = budget.exhaustedBy {
        let key = what.cut(at: " ").first.map(String.init) ?? what
        result.append(Excess(key: key, what: what, why: ComparisonBudget.refusal))
    }
    return result
}

extension ComparisonBudget {
    fileprivate static let refusal =
        "too much to compare (the work for two profiles is bounded by \(maximumWork) steps), which counts as wider;"
        + " use fewer patterns with stars, here, or have the owner of the parent's profile use fewer there"
}

private func fileExcess(of child: FileRules, over parent: FileRules) -> [Excess] {
    // What the parent has a copy of is its layer's to the child as well: neither writes the host.
    let writable = Folders(parent.write + parent.copy + parent.shared)
    let readable = Folders(parent.read + parent.write + parent.copy + parent.shared + FileRules.baseView)
    let copyable = ([parent] + parent.above).map { CopyableFolders($0) }
    // Of a folder that it hides itself it has no copy.
    let copied = child.copy.filter { path in !child.hide.contains { $0.isSame(as: path) } }
    return child.read.filter { !readable.cover($0) }.map {
        Excess(key: "files.read", what: "files.read \($0)", why: "the parent cannot read it")
    }
        + child.write.filter { !writable.cover($0) }.map {
            Excess(key: "files.write", what: "files.write \($0)", why: "the parent cannot write it")
        }
        + copied.filter { path in !copyable.allSatisfy { $0.cover(path) } }.map {
            let why = "the profiles of the parent and of all above it do not grant it"
            return Excess(key: "files.copy", what: "files.copy \($0)", why: why)
        }
}

extension FileRules {
    /// Folders of the base system view: every agent reads them, whatever its profile says.
    package static let baseView = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]
}

private func environmentExcess(
    of child: EnvironmentRules,
    over parent: EnvironmentRules,
    _ budget: inout ComparisonBudget
) -> [Excess] {
    let gate = EnvironmentGate(parent)
    // What the parent's own profile sets is in its environment as well.
    return excess(
        of: child.pass,
        over: parent.pass + parent.set.keys.sorted(),
        "env.pass",
        "the parent does not pass all of it",
        &budget
    ) { pattern in
        // A parent's glob does not pass it a secret, so it does not cover a child that names one.
        guard EnvironmentRules.isSecretShaped(pattern), !WordGlob(pattern).hasStar else { return nil }
        let isCovered = gate.admission(of: pattern) == .passed || parent.set[pattern] != nil
        return isCovered ? .some(nil) : "the parent does not pass it by name"
    }
}

/// The names and globs of a child that those of its parent do not cover.
///
/// `decision` may decide by itself: with a reason, or with none for a name that is covered.
private func excess(
    of child: [String],
    over parent: [String],
    _ key: String,
    _ why: String,
    _ budget: inout ComparisonBudget,
    _ decision: (String) -> String?? = { _ in nil }
) -> [Excess] {
    var known = GlobUnion()
    var result: [Excess] = []
    guard parent.allSatisfy({ known.add(word: $0, &budget) }) else {
        budget.exhaust("\(key) of the parent")
        return []
    }
    for pattern in child {
        let what = "\(key) \(pattern)"
        if let decided = decision(pattern) {
            if let reason = decided { result.append(Excess(key: key, what: what, why: reason)) }
            continue
        }
        if known.holds(word: pattern), budget.spend(ComparisonBudget.pair) { continue }
        var mine = GlobUnion()
        let inclusion =
            mine.add(word: pattern, &budget) ? mine.isIncluded(in: known, &budget) : .undecided
        switch inclusion {
        case .included: continue
        case .exceeds: result.append(Excess(key: key, what: what, why: why))
        case .undecided:
            budget.exhaust(what)
            return result
        }
    }
    return result
}

private func limitExcess(of child: Limits, over parent: Limits) -> [Excess] {
    let plain: @Sendable (UInt64) -> String = { "\($0)" }
    let pairs: [(String, UInt64?, UInt64?, (UInt64) -> String)] = [
        ("memory", child.memory, parent.memory, AmountText.size),
        ("processes", child.processes, parent.processes, plain),
        ("cpus", child.milliCPUs, parent.milliCPUs, AmountText.milliCPUs),
        ("open-files", child.openFiles, parent.openFiles, plain),
        ("time", child.time, parent.time, AmountText.duration),
        ("disk", child.disk, parent.disk, AmountText.size),
    ]
    // A limit that the child's profile does not have is the parent's.
    return pairs.compactMap { name, mine, theirs, text in
        guard let mine, let theirs, mine > theirs else { return nil }
        return Excess(
            key: "limits.\(name)",
            what: "limits.\(name)",
            why: "\(text(mine)) is more than the parent's \(text(theirs))"
        )
    }
}

private func landlockExcess(of child: Int?, over parent: Int?) -> [Excess] {
    guard let child, let parent, child < parent else { return [] }
    let why = "it demands less than the parent's ABI \(parent)"
    return [Excess(key: "landlock", what: "landlock \(child)", why: why)]
}

private func childrenExcess(
    of child: ChildRules,
    over parent: ChildRules,
    _ budget: inout ComparisonBudget
) -> [Excess] {
    // What the parent may launch when it is asked about, the child may launch outright: the parent's rule asks then.
    let why = "the parent may not launch all of it"
    var result = excess(of: child.profiles, over: parent.globs, "children.profiles", why, &budget)
    if !child.ask.isEmpty {
        result += excess(of: child.ask.map(\.glob), over: parent.globs, "children.ask", why, &budget)
    }
    for (key, mine, theirs) in [
        ("children.depth", child.depth, parent.depth), ("children.count", child.count, parent.count),
    ] where mine > theirs {
        result.append(Excess(key: key, what: "\(key) \(mine)", why: "the parent's is \(theirs)"))
    }
    return result
}
