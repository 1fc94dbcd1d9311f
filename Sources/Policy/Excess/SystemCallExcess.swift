/// What a child's system call policy permits beyond its parent's.
///
/// Both come on top of `default`. A policy that the child's profile leaves out is the parent's; one that equals it by
/// digest is no wider. Otherwise every refusal of the parent's must be one of the child's: conditions are compared as they
/// are written, and what that does not decide counts as wider. A profile that says `default` adds no rules.
func systemCallExcess(of child: SystemCallPolicy?, over parent: SystemCallPolicy?) -> [Excess] {
    guard let child, let parent, child.digest != parent.digest else { return [] }
    switch (child.rest, parent.rest) {
    case (.allowed, .allowed): return unrefused(parent.refusals, by: child)
    case (.notPermitted, .allowed): return allowed(child.permissions, despite: parent.refusals, child)
    case (.notPermitted, .notPermitted): return uncovered(child.permissions, by: parent.permissions, child)
    case (.allowed, .notPermitted):
        return [
            Excess(
                key: "syscalls",
                what: "syscalls \(child.name)",
                why:
                    "it allows what it does not name, and the parent's \(parent.name) allows only what it names"
            )
        ]
    }
}

extension SystemCallPolicy {
    /// The name that `default` goes by; it is under every other policy.
    package static let defaultName = "default"
    /// The name of the built-in list of permissions.
    package static let strictName = "strict"

    fileprivate typealias Clause = (call: SystemCall, conditions: Set<ArgumentCondition>)

    fileprivate var clauses: [Clause] {
        rules.flatMap { rule in rule.calls.map { ($0, Set(rule.conditions)) } }
    }
    fileprivate var refusals: [Clause] { rest == .allowed ? clauses : [] }
    fileprivate var permissions: [UInt32: [Clause]] {
        rest == .notPermitted ? Dictionary(grouping: clauses) { $0.call.number } : [:]
    }
}

/// A refusal holds in the child when the child refuses the same call on fewer conditions, or the same ones.
private func unrefused(_ refusals: [SystemCallPolicy.Clause], by child: SystemCallPolicy) -> [Excess] {
    let own = Dictionary(grouping: child.refusals) { $0.call.number }
    return refusals.filter { clause in
        !(own[clause.call.number] ?? []).contains { $0.conditions.isSubset(of: clause.conditions) }
    }.map { excess($0.call, child, "the parent refuses it, wholly or in part") }.distinct
}

/// A call that the parent refuses in any part must not be among the child's permissions at all.
private func allowed(
    _ permissions: [UInt32: [SystemCallPolicy.Clause]],
    despite refusals: [SystemCallPolicy.Clause],
    _ child: SystemCallPolicy
) -> [Excess] {
    refusals.filter { permissions[$0.call.number] != nil }
        .map { excess($0.call, child, "the parent refuses it, wholly or in part") }.distinct
}

/// A permission is covered when the parent permits the same call on fewer conditions, or the same ones.
private func uncovered(
    _ permissions: [UInt32: [SystemCallPolicy.Clause]],
    by known: [UInt32: [SystemCallPolicy.Clause]],
    _ child: SystemCallPolicy
) -> [Excess] {
    permissions.sorted { $0.key < $1.key }.flatMap { number, clauses in
        clauses.filter { clause in
            !(known[number] ?? []).contains { $0.conditions.isSubset(of: clause.conditions) }
        }
    }.map { excess($0.call, child, "the parent does not allow it, or not all of it") }.distinct
}

private func excess(_ call: SystemCall, _ child: SystemCallPolicy, _ why: String) -> Excess {
    Excess(key: "syscalls", what: "syscalls \(child.name): \(call.name)", why: why)
}

extension [Excess] {
    /// Each once, in order.
    fileprivate var distinct: Self {
        var seen: Set<Excess> = []
        return filter { seen.insert($0).inserted }
    }
}
