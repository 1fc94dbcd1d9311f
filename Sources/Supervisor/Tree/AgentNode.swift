internal import Client
internal import Copies
internal import Linux
internal import Model
internal import Policy
internal import Sandbox
internal import Synchronization

/// One live agent, as the supervisor's thread knows it.
final class AgentNode {
    /// How far a launch has come.
    enum Phase {
        /// Isolated, its command not yet running; its program is being read, then the spawn record written.
        case prepared
        case running
        /// Its init is gone; what remains is to forget it.
        case ended
    }

    /// What the command waits for.
    enum Awaited {
        /// The spawn record, until it is durable.
        case record
        /// The gateway, until it serves the agent's sockets.
        case gateway
    }

    /// How its command ended.
    struct Verdict {
        var code: Int32
        /// errno(3) of the program that could not be executed.
        var failure: Int32?
    }

    /// Of its descriptors; nil once it has ended.
    var watches: AgentWatches?
    /// Counts a supervisor's launches.
    let number: UInt64
    /// As it was ordered.
    let argv: [String]
    /// What `$WORKSPACE` stood for.
    let workspace: String
    /// Monotonic milliseconds of its launch.
    let launched = Poller.now()
    let lineage: Lineage
    /// Over when it, one above it, or its principal is revoked.
    let epoch: RevocationEpoch
    let policy: LineagePolicy
    let sandbox: Sandbox
    /// Protected paths that were absent, to be given back at its end.
    let standIns: [String]
    /// What its profile protects at any depth and was found.
    let found: FoundProtections
    /// Its copies of folders; nil without any.
    let copies: CopyHold?
    /// Under which it was launched; nil where no rule asked.
    let approval: ApprovalGrant?
    /// Nil for the root agent.
    let parent: AgentNode?
    /// Its live children.
    var children: [AgentID: AgentNode] = [:]
    /// Live agents and launches under way below it, however deep.
    var below = 0
    /// Its children whose exit is not on record yet.
    var openChildren = 0
    /// Connections from inside it.
    var connections: Set<ConnectionID> = []
    /// The connection of the front-end that launched it.
    let frontEnd: ConnectionID
    var phase = Phase.prepared
    var awaited: Set<Awaited> = [.record, .gateway]
    var verdict: Verdict?
    /// Init has said that the command runs.
    var hasStarted = false
    /// What was ordered, until the spawn record is written.
    var unrecorded: LaunchOrder?
    /// Signals that came before the command ran, in their order.
    var early: [Int32] = []
    /// Signals kept: whoever sends more before anything runs has been heard.
    static let maximumEarly = 16
    /// Monotonic milliseconds at which its time limit ends it; nil without one.
    var deadline: UInt64?
    /// Its launches that were refused lately.
    var refusals = RefusalWindow()
    /// Connections to its control socket that were not its own.
    var strangers = RefusalWindow()
    /// The profile of the last that is in no record of its own.
    var lastRefused = ""
    /// The gateway has still to record what it tried last.
    var isUnheard = true
    /// When it was launched, as file systems have it.
    let began = FileMoment.now()
    /// What it wrote is still being looked for; and what was found.
    var isUnlisted = false
    var written: WrittenFiles?
    /// Requests of it and of all below it that were refused; of a root agent alone.
    var refused: UInt64 = 0
    /// When its user last heard of a question, monotonic milliseconds; of a root agent alone.
    var noticed: UInt64?
    /// Of its terminal, until it ran; nil without one.
    var window: TerminalSize?
    /// What records its terminal; nil where nothing does.
    var relay: TerminalRelay?
    /// What is kept of its terminal, once that is known.
    var terminal: RecordedTerminal?
    /// That is still being written.
    var isTerminalOpen = false
    /// What stands between its streams and its parent's; nil for a root agent.
    var stdio: StdioRelay?
    /// What was masked there, once that is known.
    var masked: [String: UInt64]?
    /// Something of it is still on its way.
    var isStdioOpen = false
    /// Why Bailey ended it; nil while it has not.
    var cause: String?
    /// What its run rests on; of a root agent alone.
    var held: HeldIdentity?
    /// What its job lacked to be proven somebody else than the local user; of a root agent alone.
    var unproven: String?

    init(
        number: UInt64,
        argv: [String],
        workspace: String,
        lineage: Lineage,
        epoch: RevocationEpoch,
        policy: LineagePolicy,
        sandbox: Sandbox,
        standIns: [String],
        found: FoundProtections,
        copies: CopyHold?,
        approval: ApprovalGrant?,
        parent: AgentNode?,
        frontEnd: ConnectionID
    ) {
        self.number = number
        self.argv = argv
        self.workspace = workspace
        self.lineage = lineage
        self.epoch = epoch
        self.policy = policy
        self.sandbox = sandbox
        self.standIns = standIns
        self.found = found
        self.copies = copies
        self.approval = approval
        self.parent = parent
        self.frontEnd = frontEnd
    }

    var id: AgentID { lineage.agent.agent }
    var profile: Profile? { policy.levels.last?.profile }

    /// Monotonic milliseconds at which a sum of what was refused is written; nil while there is none.
    var sumDue: UInt64? {
        guard let one = refusals.deadline, let other = strangers.deadline else {
            return refusals.deadline ?? strangers.deadline
        }
        return min(one, other)
    }

    /// The agent that its run began with.
    var root: AgentNode { parent?.root ?? self }

    /// This agent and everything above it, nearest first.
    var chain: [AgentNode] { [self] + (parent?.chain ?? []) }

    /// Every live agent below it, each after its parent.
    var descendants: [AgentNode] {
        var found = Array(children.values)
        var index = 0
        while index < found.count {
            found += found[index].children.values
            index += 1
        }
        return found
    }
}

/// Names one control connection within a supervisor.
struct ConnectionID: Hashable {
    let number: UInt64
}

/// One control connection: at most one launch each.
final class ControlConnection {
    /// Ends with it.
    final class Presence: Sendable {
        private let isOver = Atomic(false)
        var isThere: Bool { !isOver.load(ordering: .relaxed) }
        func end() { isOver.store(true, ordering: .relaxed) }
    }

    let id: ConnectionID
    let channel: ControlChannel
    /// The agent inside which the front-end runs; nil for the user's own front-end.
    let caller: AgentID?
    /// Who came to answer what rules ask, and may do nothing else; nil for everybody else.
    let approver: SocketPeer?
    /// An answer of its is under way.
    var isAnswering = false
    /// Whether its front-end is there, for other threads.
    let presence = Presence()
    /// When it has said nothing for too long; nil for everybody else's.
    var silentAt: UInt64?
    /// What it is shown in parts, all of a launch that was asked for last.
    var shown: (id: String, octets: [UInt8])?
    /// The same of what waits on other machines, as it was when the list was asked for.
    var fleet: [HeldSummary] = []
    /// The agent it launched.
    var launched: AgentID?
    /// The launch of its that is under way.
    var pending: AgentID?
    /// What it asks for, while too many other launches are under way, folders are looked through for it, or somebody is asked
    /// about it.
    var waiting: LaunchOrder?
    /// The question that it waits for, and the approval that came of it.
    var question: HoldTicket?
    var approval: LaunchApproval?
    /// Who looks, and what was found.
    var search: FolderWork.Job?
    var searched: SearchResult?
    /// Who launches, once that is known.
    var identity: Result<LaunchIdentity, LaunchRefusal>?
    /// Signals that came before there was an agent, in their order.
    var early: [Int32] = []
    /// What its terminal became meanwhile; nil without one.
    var size: TerminalSize?
    /// A launch was asked for; a second one is refused.
    var isSpent = false
    /// Of its channel; nil once it is forgotten.
    var watch: Poller.Watch?

    init(
        id: ConnectionID,
        channel: ControlChannel,
        caller: AgentID?,
        approver: SocketPeer?,
        watch: Poller.Watch
    ) {
        self.id = id
        self.channel = channel
        self.caller = caller
        self.approver = approver
        self.watch = watch
    }
}
