internal import Client
internal import Copies
internal import Credentials
internal import Gateway
internal import Glibc
internal import Linux
internal import Model
internal import Policy
internal import Profiles
internal import Sandbox

extension Supervisor {
    /// Launches what a front-end asked for, or says why not.
    ///
    /// The order is fixed: admit, isolate, record, open the gateway, run; whatever fails, the command never ran.
    func launch(_ order: LaunchOrder, for connection: ControlConnection) {
        let parent = connection.caller.flatMap { agents[$0] }
        guard connection.caller == nil || parent?.phase == .running else { return drop(connection) }
        guard hasRoom(under: parent) else {
            connection.waiting = order
            return line.append(connection.id)
        }
        var order = order
        if let parent, !order.namesWorkspace, order.workingDirectory.isWithin(parent.workspace) {
            order.workspace = parent.workspace
        }
        do throws(LaunchRefusal) {
            guard !isStopping else { throw LaunchRefusal("the supervisor is ending") }
            if let unregistered { throw LaunchRefusal(unregistered) }
            try checkRefusals(of: parent)
            try checkName(order.name)
            guard let identity = try identity(for: order, under: parent, for: connection) else { return }
            let loaded = try profile(for: order, under: parent).applied(to: identity.principal)
            try checkPrincipal(identity.principal, of: loaded, order: order, toAgent: parent != nil)
            try admit(loaded, under: parent)
            guard try isApproved(order, loaded, under: parent, identity, for: connection) else { return }
            if parent == nil { sandboxes.expect() }
            var profile = loaded.profile
            if let above = parent?.profile { profile.complete(by: above) }
            let lineage = lineage(of: order, profile: profile, under: parent, identity)
            let epoch = try epoch(of: lineage, under: parent)
            // What is not granted is not looked through either.
            let own = ownFiles(for: order, identity, under: parent)
            var checked = try checked(profile, of: loaded, own, isNested: parent != nil)
            guard
                let found = try found(
                    for: checked.files,
                    of: loaded,
                    order,
                    lineage: lineage,
                    under: parent,
                    for: connection
                )
            else {
                if parent == nil { sandboxes.expectNothing() }
                return
            }
            checked.files.found = found
            let launch = try isolate(
                order,
                files: checked,
                profile: profile,
                of: loaded,
                lineage: lineage,
                epoch: epoch,
                parent: parent,
                identity,
                for: connection
            )
            pending[launch.id] = launch
            connection.pending = launch.id
            count(+1, above: parent)
            watch(launch)
        } catch {
            if parent == nil { sandboxes.expectNothing() }
            refuse(error, order: order, parent: parent, for: connection)
        }
    }

    /// An agent's name stands in records, messages and answers: letters, digits, `.`, `-` and `_`.
    private func checkName(_ name: String?) throws(LaunchRefusal) {
        guard let name else { return }
        let allowed = name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                || [0x2D, 0x2E, 0x5F].contains(byte)
        }
        guard allowed, (1...Self.maximumNameLength).contains(name.utf8.count) else {
            throw LaunchRefusal(
                "--name takes 1 to \(Self.maximumNameLength) letters, digits, '.', '-' and '_'"
            )
        }
    }

    /// Finds and reads the profile; an agent's own text is taken as text and can only narrow.
    private func profile(
        for order: LaunchOrder,
        under parent: AgentNode?
    ) throws(LaunchRefusal) -> LoadedProfile {
        let loader = ProfileLoader(
            search: configuration.profiles,
            variables: ProfileVariables(
                workspace: order.workspace,
                home: configuration.home,
                temporary: "/tmp"
            ),
            memory: profileMemory,
            author: parent == nil ? .user : .agent
        )
        do throws(ProfileError) {
            switch order.profile {
            case .name(let name): return try loader.loaded(name: name)
            case .text(let text, let path): return try loader.loaded(text: text, named: path)
            }
        } catch {
            throw LaunchRefusal(refusal(of: order.profile, because: error, toAgent: parent != nil))
        }
    }

    /// What is wrong with a profile; an agent that asked for one by name does not hear of the host's folders.
    private func refusal(of choice: ProfileChoice, because error: ProfileError, toAgent: Bool) -> String {
        let opening = "profile \(choice.label) was refused, nothing runs"
        if toAgent, case .name = choice {
            return opening + ": there is none of that name, or it does not read"
        }
        return opening + "\n\(error)"
    }

    /// Where a credential is not, and what to do; an agent hears no path of the host's.
    private func lack(of parent: AgentNode?) -> String {
        let file = configuration.directories.credentials
        let place = parent == nil ? file : "the operator's credentials.yaml"
        return
            "\(place) lacks\(TextFile.exists(file) ? "" : ", since there is no such file"); define it there, or take "
            + "credential: out of the rule"
    }

    private func admit(_ loaded: LoadedProfile, under parent: AgentNode?) throws(LaunchRefusal) {
        let profile = loaded.profile
        guard agents.count + pending.count < ChildAdmission.maximumAgents else {
            throw LaunchRefusal("this supervisor already has \(ChildAdmission.maximumAgents) live agents")
        }
        for name in Set(profile.egress.compactMap(\.credential)) where !credentials.has(name) {
            let isOwn = parent == nil || loaded.own.egress.contains { $0.credential == name }
            throw LaunchRefusal(
                "profile '\(profile.name)' names \(isOwn ? "credential '\(name)'" : "a credential"), which "
                    + lack(of: parent)
            )
        }
        guard let parent else { return }
        guard hasDescriptors(forChild: true) else {
            throw LaunchRefusal(
                "all agents together have as many descriptors as they may, and none are left for one more child and its streams:"
                    + " try again when some have ended; the operator may raise the supervisor's limit on open files (ulimit -H -n)"
            )
        }
        guard digests.hasRoom(for: parent.root.id) else {
            throw LaunchRefusal(
                "\(ProgramDigests.maximumWaiting) programs of this run wait to be read for the record of their launch;"
                    + " try again when some of them run"
            )
        }
        let admission = ChildAdmission(ancestors: parent.chain.map(ancestor))
        if let refusal = admission.refusal(of: profile.name) { throw LaunchRefusal(refusal) }
        guard let own = parent.profile else { throw LaunchRefusal("\(parent.id) has no profile") }
        // What is private to the parent is its own to share; the child's view is taken from the parent's.
        let limit = own.limit(
            sharing: ["/tmp", "/dev/shm", configuration.home],
            below: parent.chain.dropFirst().compactMap(\.profile)
        )
        let excess = Policy.excess(of: profile, over: limit)
        guard excess.isEmpty else {
            let wider = WiderProfile(
                loaded: loaded,
                parent: parent.lineage.agent,
                limit: limit,
                excess: excess
            )
            throw LaunchRefusal(wider.message)
        }
    }

    private func ancestor(_ node: AgentNode) -> ChildAdmission.Ancestor {
        ChildAdmission.Ancestor(
            hop: node.lineage.agent,
            rules: node.profile?.children ?? ChildRules(),
            liveDescendants: node.below
        )
    }

    private func lineage(
        of order: LaunchOrder,
        profile: Profile,
        under parent: AgentNode?,
        _ identity: LaunchIdentity
    ) -> Lineage {
        // Each root launch is a run of its own, whoever supervises it.
        let run = parent?.id.run ?? (root == nil ? RunName.random() : run)
        let hop = Hop(
            agent: AgentID(run: run, ordinal: Int(clamping: fresh())),
            name: order.name ?? profile.name,
            profile: profile.name,
            profileDigest: profile.digest,
            isOwnText: parent != nil && order.profile.isText
        )
        let principal = identity.principal
        return parent.map { $0.lineage.headed(by: principal).child(hop) }
            ?? Lineage(principal: principal, root: hop)
    }

    /// What the profile says of files, for this machine; refused where it grants what no agent has, or demands what the
    /// kernel has not.
    private func checked(
        _ profile: Profile,
        of loaded: LoadedProfile,
        _ own: OwnFiles,
        isNested: Bool
    ) throws(LaunchRefusal) -> CheckedFiles {
        do throws(LaunchFailure) {
            try machine.check(profile)
            return try machine.checked(
                profile.files,
                home: configuration.home,
                own: own,
                isNested: isNested
            )
        } catch {
            throw LaunchRefusal(isNested ? loaded.told(error) : error)
        }
    }

    /// What a profile says of files, and what was seen of the machine for it.
    typealias CheckedFiles = (files: FileRules, survey: GrantSurvey?)

    /// Begins the sandbox.
    private func isolate(
        _ order: LaunchOrder,
        files checked: CheckedFiles,
        profile: Profile,
        of loaded: LoadedProfile,
        lineage: Lineage,
        epoch: RevocationEpoch,
        parent: AgentNode?,
        _ identity: LaunchIdentity,
        for connection: ControlConnection
    ) throws(LaunchRefusal) -> PendingLaunch {
        let levels = (parent?.policy.levels ?? []) + [CompiledPolicy(profile)]
        guard let policy = LineagePolicy(lineage: lineage, levels: levels) else {
            throw LaunchRefusal("lineage and policies disagree")
        }
        var held: [String] = []
        var copies: CopyHold?
        do throws(LaunchFailure) {
            // What the sandbox adds to the profile is no rule that a child is measured by.
            var profile = profile
            profile.files = checked.files
            if parent == nil { held = try standIns.place(for: profile.files) }
            copies = try makeCopies(profile, lineage: lineage, under: parent)
            var request = request(for: order, profile: profile, lineage: lineage, parent: parent, identity)
            request.layers = copies?.layers ?? [:]
            // Copies take as long as they are large: what was seen before them is old.
            request.survey = copies == nil ? checked.survey : nil
            return PendingLaunch(
                order: order,
                lineage: lineage,
                epoch: epoch,
                policy: policy,
                loaded: loaded,
                preparation: try sandboxes.prepare(request, filters: filters, under: parent?.sandbox),
                standIns: held,
                found: checked.files.found,
                copies: copies,
                parent: parent,
                frontEnd: connection.id
            )
        } catch {
            standIns.release(held)
            copies?.cancel()
            throw LaunchRefusal(parent == nil ? error : loaded.told(error))
        }
    }

    /// Takes the agent into the tree; its command runs when the spawn record is durable.
    ///
    /// The record waits for the program's digest, and nothing else does.
    func commit(_ agent: AgentNode, _ launch: PendingLaunch, for connection: ControlConnection) {
        agents[agent.id] = agent
        agent.parent?.children[agent.id] = agent
        agent.parent?.openChildren += 1
        connection.launched = agent.id
        agent.unrecorded = launch.order
        agent.early = connection.early
        agent.window = launch.order.terminal.map { connection.size ?? $0 }
        if let size = connection.size { agent.sandbox.resize(rows: size.rows, columns: size.columns) }
        open(agent)
        guard let program = agent.sandbox.programDescriptor else {
            return recordSpawn(of: agent, digest: nil)
        }
        if let digest = digests.remembered(program) { return recordSpawn(of: agent, digest: digest) }
        let (id, mailbox) = (agent.id, mailbox)
        digests.read(program, of: id, under: agent.root.id) { digest in mailbox.post(.digest(id, digest)) }
    }

    /// Writes the spawn record, once.
    func recordSpawn(of agent: AgentNode, digest: String?) {
        guard let order = agent.unrecorded else { return }
        agent.unrecorded = nil
        warnOfUnheldLimits(of: agent)
        let record = SpawnRecord(
            lineage: agent.lineage,
            argv: order.argv,
            workingDirectory: order.workingDirectory,
            workspace: order.workspace,
            program: agent.sandbox.programPath,
            programDigest: digest,
            limits: agent.sandbox.heldLimits,
            degraded: degraded(agent),
            systemCalls: (agent.profile?.systemCalls).map(\.label) ?? SystemCallPolicy.defaultName,
            mechanisms: machine.mechanisms,
            spiffe: SPIFFEID(of: agent.lineage, in: configuration.machine.trustDomain)?.text,
            approval: agent.approval?.id,
            terminal: order.terminal == nil || agent.policy.terminal == .off ? nil : agent.policy.terminal,
            ownText: agent.lineage.agent.isOwnText,
            replayed: configuration.servedSession
        )
        let id = agent.id
        self.record(.spawn(record)) { [self] result in
            guard let agent = agents[id] else { return }
            agent.awaited.remove(.record)
            start(agent, unless: result.mapError { $0 })
        }
    }

    /// The gateway serves the agent's sockets, or does not.
    func opened(_ id: AgentID, _ result: Result<Void, any Error>) {
        guard let agent = agents[id] else { return }
        agent.awaited.remove(.gateway)
        start(agent, unless: result)
    }

    /// Runs the command when the spawn record is durable and the gateway serves the agent; a failure of either ends
    /// the launch.
    private func start(_ agent: AgentNode, unless result: Result<Void, any Error>) {
        guard agent.phase == .prepared else { return }
        guard let connection = connections[agent.frontEnd] else {
            return kill(agent, cause: "its front-end ended")
        }
        var streams: [Int32] = []
        do {
            try result.get()
            guard agent.awaited.isEmpty else { return }
            try checkRevoked(agent.epoch, agent.lineage)
            try checkApproval(of: agent)
            streams = try frontStreams(of: agent)
            try agent.sandbox.start()
        } catch {
            for descriptor in streams { Glibc.close(descriptor) }
            connection.launched = nil
            kill(agent, cause: "launch failed")
            // Where the log is, is no agent's to know.
            let reason =
                error is AuditFailure && agent.parent != nil
                ? "its launch could not be recorded" : (error as? LaunchRefusal)?.message ?? "\(error)"
            reply(
                .refused(code: FrontEnd.launchFailed, message: "the agent was not started: \(reason)"),
                to: connection
            )
            return drop(connection)
        }
        agent.phase = .running
        for number in agent.early { agent.sandbox.signal(number) }
        agent.deadline = agent.profile?.limits.time.map {
            Poller.now().addingReportingOverflow($0).partialValue
        }
        heed(agent.deadline)
        watchIdentity(of: agent)
        reply(.launched(agent: agent.id.text), descriptors: streams, to: connection)
        for descriptor in streams { Glibc.close(descriptor) }
    }
}
