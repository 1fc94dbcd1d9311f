internal import Client
internal import Copies
internal import Model
internal import Policy
internal import Profiles
internal import Sandbox

/// A launch that is under way: admitted, its sandbox not yet there.
final class PendingLaunch {
    let order: LaunchOrder
    let lineage: Lineage
    /// Over when it, one above it, or its principal is revoked.
    let epoch: RevocationEpoch
    let policy: LineagePolicy
    /// What of the profile is its own text's.
    let loaded: LoadedProfile
    let preparation: Preparation
    /// Protected paths that were absent, to be given back at its end.
    let standIns: [String]
    /// What its profile protects at any depth and was found.
    let found: FoundProtections
    /// Its copies of folders; nil without any.
    let copies: CopyHold?
    /// Nil for a root agent's.
    let parent: AgentNode?
    /// The connection of the front-end that asked for it.
    let frontEnd: ConnectionID
    /// Of its preparation; nil once that is over.
    var watch: Poller.Watch?
    /// Monotonic milliseconds at which it is given up.
    let deadline = Poller.now().addingReportingOverflow(Preparation.patience).partialValue

    init(
        order: LaunchOrder,
        lineage: Lineage,
        epoch: RevocationEpoch,
        policy: LineagePolicy,
        loaded: LoadedProfile,
        preparation: Preparation,
        standIns: [String],
        found: FoundProtections,
        copies: CopyHold?,
        parent: AgentNode?,
        frontEnd: ConnectionID
    ) {
        self.order = order
        self.lineage = lineage
        self.epoch = epoch
        self.policy = policy
        self.loaded = loaded
        self.preparation = preparation
        self.standIns = standIns
        self.found = found
        self.copies = copies
        self.parent = parent
        self.frontEnd = frontEnd
    }

    var id: AgentID { lineage.agent.agent }
}
