internal import Approvals
internal import Audit
internal import Client
internal import Copies
internal import Credentials
internal import Gateway
internal import Glibc
package import Linux
internal import Model
internal import Policy
package import Profiles
internal import Reflection
package import Sandbox

/// The process outside: launches agents, holds secrets, policy and audit, and answers for the tree.
///
/// One thread owns the tree and runs `serve`; the gateway and the audit writer have threads of their own and
/// speak to it through the mailbox.
package final class Supervisor {
    /// Launch connections of one agent that are open at a time; more are turned away.
    static let maximumConnectionsPerAgent = 64
    /// Milliseconds after which connections are taken again that no descriptor was left for, when none of its own
    /// connections ends before: the gateway's may have.
    static let starvationPause: UInt64 = 1_000
    /// Milliseconds in which nothing happens before sandboxes are made ahead: beside a launch they would slow it down.
    static let quiet: UInt64 = 3
    /// The same while a launch or an end is under way: one that does not come along holds this up no longer.
    static let quietBesideLaunch: UInt64 = 50
    /// Bytes of an agent's name: a DNS label, which it may become one day (RFC 1035 section 2.3.4).
    static let maximumNameLength = 63
    /// Event loops of the gateway: one for each core, four at most.
    ///
    /// The agents need cores too, and every loop costs a thread at each launch.
    static let eventLoops = min(4, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    let configuration: SupervisorConfiguration
    let runtime: RuntimeFolder
    let run: String
    let machine: Machine
    let sandboxes: SandboxMaker
    let filters: SeccompFilters
    let audit: AuditStore
    /// What each run has recorded of terminals.
    let terminals = RecordedTerminals()
    let stdioTables = StreamTables()
    let farewells = TerminalFarewells()
    let credentials: CredentialStore
    let gateway: Gateway
    /// What rules ask about.
    let approvals: ApprovalQueue
    let channels: ApprovalChannels
    /// Where these are answered over HTTP; nil for nowhere.
    var answers: LocalServer?
    let trust: TrustStore
    /// What no agent is given.
    let own: OwnFiles
    let standIns: StandIns
    let copies: CopyStore
    let mailbox: Mailbox
    let digests = ProgramDigests()
    let folderWork = FolderWork()
    /// Who proves who launches.
    let identities: IdentityWork
    let profileMemory: ProfileMemory
    /// Limits of which it has been said that nothing holds them.
    var warnedOf: Set<String> = []

    let poller: Poller
    /// The listeners of all agents, so that one step stops listening to them.
    let listeners: Poller
    /// Of the supervisor's own descriptors.
    var watches = OwnWatches()
    /// Not later than the first deadline of an agent or a launch under way; nil without any.
    var earliestDeadline: UInt64?

    var agents: [AgentID: AgentNode] = [:]
    /// In which their agents may act.
    var principals = PrincipalEpochs()
    /// Where the log is asked who is revoked, once it was.
    var openedPrincipals: RevokedPrincipals?
    /// Launches whose sandboxes are being made.
    var pending: [AgentID: PendingLaunch] = [:]
    /// Connections whose launches wait until others are no longer under way, in their order.
    var line: [ConnectionID] = []
    /// Agents that are gone, until their exit records are appended.
    var leaving: [AgentID: AgentNode] = [:]
    var connections: [ConnectionID: ControlConnection] = [:]
    /// How many of those come from inside agents.
    var agentConnections = 0
    /// What to do when an audit commit is done, by token.
    var awaiting: [UInt64: (Result<Void, AuditFailure>) -> Void] = [:]
    private var nextNumber: UInt64 = 1
    private(set) var isStopping = false
    /// The front-end that this supervisor was made for; nil for one that serves many.
    private(set) var root: ConnectionID?
    /// What that front-end hears when the tree is empty.
    var lastWord: ControlReply?
    /// Where the user reaches this supervisor; nil when nothing can be made there, and while it drains.
    var server: ServerSocket?
    /// What this supervisor is found by, where its log is.
    var registration: Registration?
    /// Why it would not be found, so that nothing is launched; nil when it is.
    var unregistered: String?
    /// Where other users answer what rules ask; nil where the operator says nothing of it.
    var approverSocket: ApproverSocket?
    /// What each of them does, by user id.
    var approvers: [UInt32: ApproverTally] = [:]
    /// It has been said that the operator's configuration is another one now.
    var isOutdatedKnown = false
    /// Control connections of all agents that are open at a time.
    let maximumAgentConnections = DescriptorLimit.agentConnections
    /// Connections of the user's that are open at a time before launches are declined, and run alone.
    let maximumUserLaunches = min(8_192, DescriptorLimit.userLaunches)
    /// Until when no connection is taken, since there is no descriptor for it; nil while there are some.
    var starvedUntil: UInt64?
    /// Whose connections are left waiting for a moment, beside that.
    var holds = Holds()
    /// The signals that end one that serves many.
    var signals: SignalQueue?
    /// Milliseconds that agents have when it ends.
    var drainTime: UInt64 = 0
    /// When draining ends; nil before it begins.
    var drainDeadline: UInt64?

    /// Opens the store, the credentials and the gateway; any failure means that nothing will be launched.
    package init(
        configuration: SupervisorConfiguration,
        spawner: Spawner,
        profileMemory: ProfileMemory = ProfileMemory()
    ) throws {
        self.configuration = configuration
        self.profileMemory = profileMemory
        runtime = RuntimeFolder(path: configuration.directories.runtime)
        run = RunName.random()
        mailbox = try Mailbox()
        poller = try Poller()
        listeners = try Poller()
        // Beside the rest: each takes as long as opening the store.
        let trust = Concurrently {
            let authority = try CertificateAuthority()
            return (authority: authority, store: try TrustStore(authority: authority))
        }
        machine = try Machine()
        sandboxes = try SandboxMaker(
            spawner: spawner,
            machine: machine,
            account: configuration.account,
            ahead: configuration.sandboxesAhead
        )
        // The first is made while the rest is opened.
        if !configuration.servesMany { sandboxes.makeAhead() }
        let audit = try AuditStore.open(directory: configuration.directories.state, run: run)
        if let fleet = configuration.machine.fleet {
            let mailbox = mailbox
            audit.share(with: fleet) { mailbox.post(.revokedElsewhere($0)) }
        }
        self.audit = audit
        standIns = StandIns(state: configuration.directories.state, run: run)
        standIns.sweep()
        copies = CopyStore(state: configuration.directories.state)
        credentials = try CredentialStore.load(
            file: configuration.directories.credentials,
            environment: ProcessEnvironment.dictionary,
            onFetch: { audit.mask(alsoSecrets: [$0]) }
        )
        // Where one is out of place, its record is of a head that holds it.
        audit.mask(alsoSecrets: credentials.placeholders.map(\.value))
        if credentials.mints { credentials.mint(by: try MintKeeping.mint(configuration)) }
        own = OwnFiles(configuration, credentials)
        let mailbox = mailbox
        let revoked = RevokedApprovers(audit)
        approvals = ApprovalQueue(
            audit: audit,
            now: { Poller.now() },
            revoked: { revoked.bar($0) },
            whenOpen: { mailbox.post(.asked($0)) },
            whenOver: { mailbox.post(.closed($0)) }
        )
        var limits = GatewayLimits()
        limits.connections = DescriptorLimit.connections
        gateway = try Gateway(
            configuration: GatewayConfiguration(
                loops: Self.eventLoops,
                resolve: configuration.machine.resolve,
                upstreamRoots: configuration.machine.upstreamAuthority,
                limits: limits,
                closed: configuration.machine.approvals.listen,
                answers: configuration.replayed?.answers { audit.recorded($0) }
            ),
            authority: trust.value().authority,
            audit: audit,
            bodies: BodyFiles(
                directory: configuration.directories.state,
                limit: configuration.machine.recordings,
                terminals: terminals
            ),
            credentials: credentials,
            approver: approvals
        )
        credentials.send(by: gateway)
        channels = try ApprovalChannels(
            configuration.machine.approvals,
            approvals: approvals,
            audit: audit,
            transport: gateway,
            servesMany: configuration.servesMany,
            sharedBy: configuration.machine.fleet,
            run: run,
            now: { Poller.now() }
        )
        if let plan = configuration.machine.checkpoints { audit.keepCheckpoints(plan, by: gateway) }
        identities = IdentityWork(configuration.machine.issuers, gateway, uid: configuration.principal.uid)
        self.trust = try trust.value().store
        filters = SeccompFilters()
        watches.mailbox = try poller.watch(mailbox.descriptor, .mailbox)
        if configuration.servesMany { try sandboxes.include(self.trust.files) }
    }

    /// A number that this supervisor has not used before.
    func fresh() -> UInt64 {
        defer { nextNumber += 1 }
        return nextNumber
    }

    /// Serves the user's front-end, and through it every agent below.
    ///
    /// Returns when the root agent has ended or the front-end is gone; nothing that was launched is alive then.
    package func serve(_ frontEnd: consuming OwnedDescriptor) {
        // Without it there is nobody to serve.
        guard let root = connect(frontEnd) else { return close() }
        self.root = root
        listen()
        while connections[root] != nil || !isAtRest {
            if connections[root] == nil { stop() }
            turn()
            if let lastWord, isAtRest, let connection = connections[root] {
                // The process ends with it: nothing is left elsewhere, and whatever is on record is on the disk, and under its head.
                gateway.settle()
                audit.flush()
                audit.finishCheckpoints()
                reply(withCheckpoints(lastWord), to: connection)
                forget(connection)
            }
        }
        close()
    }

    /// What the front-end hears last, with what became of the last checkpoint.
    private func withCheckpoints(_ word: ControlReply) -> ControlReply {
        guard case .exited(let code, let note) = word, let failure = audit.takeCheckpointFailure() else {
            return word
        }
        return .exited(code: code, note: [note, failure].compactMap(\.self).joined(separator: "\nbailey: "))
    }

    /// Listens for the user, in the state directory where `$XDG_RUNTIME_DIR` does not do, and says there where.
    private func listen() {
        let folder = RuntimeFolder(path: configuration.directories.serviceRuntime)
        do throws(SystemCallError) {
            server = try ServerSocket.open(run, in: runtime)
        } catch {
            server = try? ServerSocket.open(run, in: folder)
        }
        do throws(SystemCallError) {
            // One that listens nowhere is named as such by who revokes.
            let socket = server?.path ?? runtime.path + "/" + run
            registration = try Registration.open(run, of: socket, in: folder)
        } catch {
            unregistered =
                "a revocation would not find this run: \(error); the state directory's folder 'run' has to be the user's alone,"
                + " and to take new files"
        }
    }

    /// Takes a connection of the user's; nil when it cannot be waited for, and is closed.
    @discardableResult
    func connect(_ socket: consuming OwnedDescriptor) -> ConnectionID? {
        add(ControlChannel(socket, acceptedDescriptors: 0), from: nil)
    }

    /// Serves a connection from now on; nil when it cannot be waited for, and is closed.
    func add(
        _ channel: ControlChannel,
        from caller: AgentID?,
        approver: SocketPeer? = nil
    ) -> ConnectionID? {
        let id = ConnectionID(number: fresh())
        guard let watch = try? poller.watch(channel.descriptor, .connection(id)) else { return nil }
        connections[id] = ControlConnection(
            id: id,
            channel: channel,
            caller: caller,
            approver: approver,
            watch: watch
        )
        return id
    }

    /// Ends every agent, once.
    func stop() {
        guard !isStopping else { return }
        isStopping = true
        for launch in Array(pending.values) { abandon(launch, LaunchRefusal("the supervisor is ending")) }
        for agent in Array(agents.values) { kill(agent, cause: "supervisor ended") }
    }

    func close() {
        // First: whoever answers from now on would hear of records that nobody waits for.
        answers?.end()
        closeServer()
        channels.stop()
        audit.flush()
        audit.finishCheckpoints()
        gateway.shutdown()
        audit.flush()
    }

    /// No agent is alive, and every record is written.
    var isAtRest: Bool { agents.isEmpty && pending.isEmpty && leaving.isEmpty && awaiting.isEmpty }

    /// Appends a record and runs `then` on the supervisor's thread once it is written or refused.
    ///
    /// A launch and an end happen on this machine: their records need not be on its disk before, as those of what
    /// leaves it.
    func record(
        _ entry: AuditEntry,
        at time: Timestamp = AuditStore.wallClock(),
        until safety: RecordSafety = .written,
        then: @escaping (Result<Void, AuditFailure>) -> Void
    ) {
        let token = fresh()
        awaiting[token] = then
        let mailbox = mailbox
        audit.append(entry, at: time, until: safety) { result in mailbox.post(.commit(token, result)) }
    }
}
