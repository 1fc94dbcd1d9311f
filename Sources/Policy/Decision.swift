package import Model

/// The permission to do one request, once.
///
/// Only `LineagePolicy.decide` makes one, and dialling or forwarding consumes it.
package struct Permit: ~Copyable, Sendable {
    package let request: Request
    package let obligations: Obligations
    /// What every level said, root first.
    package let levels: [LevelVerdict]
}

/// The outcome of one decision.
package enum Decision: ~Copyable, Sendable {
    case allow(Permit)
    /// Permitted once all that ask are answered.
    case ask(AskedPermit)
    case deny(Refusal)
    /// Nobody can tell before so much of the request has been read: decide again then.
    case read(BodyInterest)
}

/// The permission to do one request, once it is approved.
///
/// No level denies it, and at least one asks. Approving it is not `Policy`'s matter: whoever holds the grant spends it here.
package struct AskedPermit: ~Copyable, Sendable {
    private let permit: Permit
    /// What has to be answered, of the root's level first; never empty.
    package let demands: [ApprovalDemand]
    /// What is said where nobody can be asked.
    package let refusal: Refusal

    init(_ permit: consuming Permit, _ demands: [ApprovalDemand], _ refusal: Refusal) {
        self.permit = permit
        self.demands = demands
        self.refusal = refusal
    }

    package var credential: String? { permit.obligations.credential }

    /// The permission, for an approval that is spent with it.
    package consuming func approved(by grant: ApprovalGrant) -> Permit { permit }
}

/// A denial with what every level said.
package struct Refusal: Sendable, Hashable {
    /// `ask` or `deny`.
    package let verdict: Effect
    package let denial: Denial
    package let levels: [LevelVerdict]
}

/// The live policy of one agent: its own compiled profile and those of all its ancestors.
package struct LineagePolicy: Sendable {
    package let lineage: Lineage
    /// One for each hop of `lineage`, root first.
    package let levels: [CompiledPolicy]
    /// What a decision needs of these and of the hops, and no more: it is copied at each.
    let indexes: [HostIndex]
    let hops: [Hop]
    let recording: Recording
    /// Why nothing is allowed any more; nil while the principal is proven.
    private(set) var lapse: Lapse?

    /// A denial that every request gets; a class, since policies are copied at each.
    final class Lapse: Sendable {
        let denial: Denial

        init(_ denial: Denial) { self.denial = denial }
    }

    /// The same without anything that it allows: the token of its principal is over.
    package var lapsed: LineagePolicy {
        var policy = self
        policy.lapse = Lapse(principalExpired)
        return policy
    }

    /// Whether nothing that it allowed holds any more.
    package var isLapsed: Bool { lapse != nil }

    /// Whether the agent's terminal is recorded: the strictest of what any level says.
    package var terminal: TerminalRecording { levels.map(\.profile.terminal).max() ?? .off }

    /// Nil unless there is exactly one policy for each hop.
    package init?(lineage: Lineage, levels: [CompiledPolicy]) {
        guard lineage.hops.count == levels.count else { return nil }
        self.lineage = lineage
        self.levels = levels
        indexes = levels.map(\.rules)
        hops = lineage.hops
        recording = levels.contains { $0.profile.recording == .full } ? .full : .metadata
    }
}
