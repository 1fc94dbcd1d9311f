internal import Client
internal import Glibc
internal import Linux
internal import Model

/// What a supervisor does for its user beside launching: list, end, drain.
extension Supervisor {
    /// Connections of the user's beyond those with launches: for `bailey ps` and `bailey kill`, and for launches that are being declined.
    private static let reservedConnections = 16

    /// Serves many front-ends until a signal ends it: the first SIGTERM or SIGINT drains, the second ends all agents.
    ///
    /// - Parameters:
    ///   - server: where front-ends connect.
    ///   - approverSocket: where other users answer what rules ask; nil for nowhere.
    ///   - signals: SIGTERM and SIGINT, as a queue.
    ///   - drainTime: milliseconds that running agents have after the first signal.
    ///   - ending: called when none runs any more, before its sockets are gone.
    ///   - ready: called when launches are taken.
    /// - Throws: when the signals cannot be waited for, or no revocation would find this supervisor.
    func serve(
        on server: consuming ServerSocket,
        approvers approverSocket: consuming ApproverSocket?,
        signals: consuming SignalQueue,
        drainTime: UInt64,
        ending: () -> Void,
        ready: () -> Void
    ) throws(SystemCallError) {
        registration = try Registration.open(
            run,
            of: server.path,
            in: RuntimeFolder(path: configuration.directories.serviceRuntime)
        )
        self.server = consume server
        self.approverSocket = consume approverSocket
        watches.signals = try poller.watch(signals.descriptor, .signals)
        self.signals = consume signals
        self.drainTime = drainTime
        ready()
        while drainDeadline == nil || !isAtRest { turn() }
        ending()
        close()
    }

    func acceptUser() {
        switch server?.accept() {
        case .user(let socket): connect(OwnedDescriptor(socket))
        case .nobody(let code): noteStarvation(code)
        case .stranger, nil: return
        }
    }

    /// Whether one more connection of the user's is taken; until then they wait.
    var mayTakeUser: Bool { userConnections < maximumUserLaunches + Self.reservedConnections }

    private var userConnections: Int { connections.count - agentConnections - approverConnections }

    func heedSignals() {
        while let number = signals?.next() {
            guard number == SIGTERM || number == SIGINT else { continue }
            guard drainDeadline == nil else {
                stop()
                continue
            }
            // No launch is taken from now on; those who ask are sent away, and launch by themselves.
            drainDeadline = Poller.now().addingReportingOverflow(drainTime).partialValue
        }
    }

    /// That a launch which the user asks for is not this supervisor's; nil when it is, and for an agent's.
    func declined(_ order: LaunchOrder, of connection: ControlConnection) -> ControlReply? {
        guard connection.caller == nil, connection.id != root else { return nil }
        // It serves one run, is ending, has as many launches as it may, or is of another version, other folders or another home.
        guard root == nil, drainDeadline == nil, userConnections <= maximumUserLaunches,
            hasDescriptors(forChild: false), order.origin == origin
        else { return .declined(note: nil) }
        return outdated.map {
            .declined(
                note:
                    "\($0) is another one than 'bailey serve' read at its start: this run stands alone, and what it asks is "
                    + "answered by 'bailey approvals' of this user alone; start 'bailey serve' again"
            )
        }
    }

    /// The first of the operator's files that changed since it was read: a launch would behave otherwise than by itself.
    private var outdated: String? {
        guard let path = configuration.filesRead.first(where: { FileMark($0.path) != $0.mark })?.path else {
            isOutdatedKnown = false
            return nil
        }
        if !isOutdatedKnown {
            isOutdatedKnown = true
            Complaint.print(
                "\(path) changed since the start: launches stand alone until 'bailey serve' is started again"
            )
        }
        return path
    }

    private var origin: LaunchOrigin {
        LaunchOrigin(
            version: configuration.version,
            state: configuration.directories.state,
            configuration: configuration.directories.configuration,
            home: configuration.home
        )
    }

    /// Answers with one part: whoever asks reads it before asking for the next, and is waited for by nobody.
    func answerList(after number: UInt64, to connection: ControlConnection) {
        guard connection.caller == nil else { return refuseAgent(connection) }
        let now = Poller.now()
        let rest = agents.values.filter { $0.number > number }.sorted { $0.number < $1.number }
        let domain = configuration.machine.trustDomain
        let part = AgentSummary.part(of: rest.lazy.map { $0.summary(now: now, in: domain) })
        let next = part.count < rest.count ? rest[part.count - 1].number : nil
        reply(.agents(part, next: next), to: connection)
    }

    func answerName(to connection: ControlConnection) {
        guard connection.caller == nil else { return refuseAgent(connection) }
        reply(.named(run: run), to: connection)
    }

    func end(_ agent: String, for connection: ControlConnection) {
        guard connection.caller == nil else { return refuseAgent(connection) }
        guard let node = AgentID(agent).flatMap({ agents[$0] }) else {
            return reply(.ending(count: 0), to: connection)
        }
        let count = node.descendants.count + 1
        kill(node, cause: "killed by \(configuration.principal)")
        reply(.ending(count: Int32(clamping: count)), to: connection)
    }

    func refuseAgent(_ connection: ControlConnection) {
        let message = "inside an agent there is no list of agents and no end to any but one's own child"
        reply(.refused(code: FrontEnd.launchFailed, message: message), to: connection)
        drop(connection)
    }
}

extension AgentNode {
    fileprivate func summary(now: UInt64, in domain: TrustDomain) -> AgentSummary {
        AgentSummary(
            agent: id.text,
            parent: parent?.id.text,
            name: lineage.agent.name,
            profile: lineage.agent.profile,
            principal: lineage.principal.subject,
            spiffe: SPIFFEID(of: lineage, in: domain)?.text,
            age: Int32(clamping: (now - min(now, launched)) / 1000),
            isRevoked: epoch.isOver,
            argv: argv
        )
    }
}
