internal import Audit
internal import Client
internal import Glibc
internal import Linux
internal import Model
internal import Policy
internal import Sandbox

/// Recordings of agents' terminals.
extension Supervisor {
    private static let unrecorded = "its terminal could not be recorded"

    /// What the front-end gets of an agent's streams: of a terminal that is recorded, the relay's other end.
    ///
    /// - Throws: where it must be recorded and cannot be.
    func streams(of agent: AgentNode) throws(Client.LaunchRefusal) -> [Int32] {
        let streams = agent.sandbox.takeStreams()
        guard let window = agent.window, agent.policy.terminal != .off, streams.count == 1 else {
            return streams
        }
        let isRequired = agent.policy.terminal == .required
        do {
            let relay = try relay(of: agent, window, isRequired: isRequired)
            do throws(SystemCallError) {
                // A copy: without a relay the front-end gets the terminal itself.
                let master = OwnedDescriptor(fcntl(streams[0], F_DUPFD_CLOEXEC, 0))
                guard master.rawValue >= 0 else {
                    throw SystemCallError(stage: "fcntl", object: "pty", errno: errno)
                }
                let end = try relay.begin(master)
                Glibc.close(streams[0])
                agent.relay = relay
                return [end]
            } catch {
                relay.abandon()
                throw error
            }
        } catch {
            agent.terminal = RecordedTerminal(
                chunks: 0,
                octets: 0,
                digest: nil,
                missing: "\(error)"
            )
            guard isRequired else { return streams }
            for descriptor in streams { Glibc.close(descriptor) }
            // Where recordings lie is no agent's to know.
            let reason = agent.parent == nil ? ": \(error)" : ""
            throw Client.LaunchRefusal(
                "\(Self.unrecorded), which its profile or one above it demands (record.terminal)\(reason)"
            )
        }
    }

    private func relay(
        of agent: AgentNode,
        _ window: TerminalSize,
        isRequired: Bool
    ) throws -> TerminalRelay {
        let (id, mailbox, audit) = (agent.id, mailbox, audit)
        return try TerminalRelay(
            try TerminalRecorder(
                directory: configuration.directories.state,
                agent: id,
                window: TerminalRecorder.Window(rows: window.rows, columns: window.columns),
                seconds: AuditStore.wallClock().milliseconds / 1_000,
                limit: configuration.machine.recordings,
                terminals: terminals,
                secrets: { audit.secretMask }
            ),
            of: agent.parent == nil ? nil : id.run,
            farewells,
            isRequired: isRequired
        ) { mailbox.post(.terminal(id, $0)) }
    }

    func heard(_ report: TerminalRelay.Report, of id: AgentID) {
        guard let agent = agents[id] ?? leaving[id] else { return }
        switch report {
        case .failed(let failure):
            guard agent.policy.terminal == .required, agent.phase != .ended else { return }
            let reason = agent.parent == nil ? ": \(failure)" : ""
            kill(agent, cause: Self.unrecorded + reason)
        case .ended(let recorded):
            agent.terminal = recorded
            agent.isTerminalOpen = false
            recordDue(agent)
        }
    }

    /// The exit record waits for what is kept of the terminal.
    func endTerminal(of agent: AgentNode) {
        guard let relay = agent.relay, agent.terminal == nil else { return }
        agent.isTerminalOpen = true
        relay.ended()
    }

    /// That not all of it is recorded; where recordings lie is no agent's to know.
    static func unrecordedTerminal(of agent: AgentNode) -> String? {
        guard agent.parent == nil, agent.policy.terminal == .bestEffort, let missing = agent.terminal?.missing
        else { return nil }
        return "the terminal of \(agent.lineage.agent.name) is not recorded to its end: \(missing)"
    }
}
