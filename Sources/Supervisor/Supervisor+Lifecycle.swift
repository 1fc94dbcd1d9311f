internal import Approvals
internal import Audit
internal import Client
internal import Copies
internal import Credentials
internal import Gateway
internal import Glibc
internal import Linux
internal import Model
internal import Policy
internal import Sandbox

extension Supervisor {
    /// Exit code of an agent that its time limit ended, as timeout(1) has it.
    static let timedOut: Int32 = 124
    static let timeLimit = "time limit"
    static let memoryLimit = "memory limit"

    /// Ends an agent now, and with it, by the kernel, every agent below: their pid namespaces are nested.
    ///
    /// `below` is the cause of theirs.
    func kill(_ agent: AgentNode, cause: String, below: String = "parent ended") {
        agent.deadline = nil
        agent.cause = agent.cause ?? cause
        digests.forget(agent.id, under: agent.root.id)
        for other in agent.descendants {
            other.deadline = nil
            other.cause = other.cause ?? below
            digests.forget(other.id, under: other.root.id)
        }
        abandonLaunches(below: agent)
        gateway.cutOff(agent.id)
        agent.sandbox.kill()
    }

    /// Why init ended without a word.
    private func wordlessEnd(of agent: AgentNode) -> String {
        if !agent.hasStarted, agent.sandbox.memoryKills > 0 { return "\(Sandbox.tooLittleMemory)" }
        let when = agent.hasStarted ? "" : " before the command ran; install Bailey again"
        return "its first process, bailey-init, ended without a word\(when)"
    }

    /// Reads what an agent's init says about its command, and ends what the command left behind.
    func readStatus(of agent: AgentNode) {
        guard agent.verdict == nil, agent.phase != .ended else { return }
        switch agent.sandbox.status() {
        case .pending: return
        case .started:
            agent.hasStarted = true
            return readStatus(of: agent)
        case .exited(let code): agent.verdict = AgentNode.Verdict(code: code, failure: nil)
        case .signalled(let number): agent.verdict = AgentNode.Verdict(code: 128 + number, failure: nil)
        case .execFailed(let error):
            agent.verdict = AgentNode.Verdict(code: error == ENOENT ? 127 : 126, failure: error)
        case .initFailed(let error):
            agent.verdict = AgentNode.Verdict(code: FrontEnd.launchFailed, failure: nil)
            let text = SystemCallError.text(error)
            agent.cause = agent.cause ?? "bailey-init could not be executed: \(text); install Bailey again"
        case .gone:
            agent.cause = agent.cause ?? inheritedCause(of: agent)
            agent.verdict = AgentNode.Verdict(
                code: agent.hasStarted || agent.cause != nil ? 128 + SIGKILL : FrontEnd.launchFailed,
                failure: nil
            )
            agent.cause = agent.cause ?? wordlessEnd(of: agent)
        }
        agent.watches?.status = nil
        gateway.cutOff(agent.id)
        agent.sandbox.kill()
    }

    /// Takes an agent out of the tree when the last of its processes is gone; its exit record and its front-end's
    /// answer follow once the gateway has recorded what it tried last.
    func end(_ agent: AgentNode) {
        guard agent.phase != .ended else { return }
        // The kernel has ended them before it: deepest first, so that what they held is empty when its turn comes.
        for other in agent.descendants.reversed() { end(other) }
        abandonLaunches(below: agent)
        readStatus(of: agent)
        digests.forget(agent.id, under: agent.root.id)
        // It may have ended before its program's digest was there: no agent's end is on record without its beginning.
        recordSpawn(of: agent, digest: nil)
        sumUpRefusals(of: agent)
        agent.phase = .ended
        agent.cause = agent.cause ?? memoryCause(of: agent) ?? inheritedCause(of: agent)
        for id in agent.connections { if let connection = connections[id] { drop(connection) } }
        agent.watches = nil
        agents[agent.id] = nil
        agent.parent?.children[agent.id] = nil
        count(-1, above: agent.parent)
        leaving[agent.id] = agent
        endTerminal(of: agent)
        endStdio(of: agent)
        listWritten(by: agent)
        let (id, mailbox) = (agent.id, mailbox)
        gateway.close(id) { mailbox.post(.departed(id, refused: $0)) }
        approvals.ended(id)
        // While the gateway reads what it left.
        agent.sandbox.release()
        agent.copies?.end()
    }

    /// Keeps count of what lives, or is about to, below each of an agent's chain.
    func count(_ difference: Int, above parent: AgentNode?) {
        var node = parent
        while let next = node {
            next.below += difference
            node = next.parent
        }
    }

    /// Writes the exit records that are due, now that one more agent's last attempts are on record: none before that
    /// of an agent further down.
    func departed(_ id: AgentID, refused: UInt64) {
        guard let agent = leaving[id] else { return }
        agent.isUnheard = false
        agent.root.refused = agent.root.refused.addingReportingOverflow(refused).partialValue
        recordDue(agent)
    }

    /// Writes an agent's exit record, and those above it, as far as nothing is missing.
    func recordDue(_ agent: AgentNode) {
        var next: AgentNode? = agent
        while let agent = next, leaving[agent.id] != nil, !agent.isUnheard, !agent.isUnlisted,
            !agent.isTerminalOpen, !agent.isStdioOpen, agent.openChildren == 0
        {
            leaving[agent.id] = nil
            recordExit(of: agent)
            agent.parent?.openChildren -= 1
            next = agent.parent
        }
    }

    private func recordExit(of agent: AgentNode) {
        let verdict = agent.verdict ?? AgentNode.Verdict(code: 128 + SIGKILL, failure: nil)
        let status = agent.cause == Self.timeLimit ? Self.timedOut : verdict.code
        let exit = ExitRecord(
            lineage: agent.lineage,
            status: status,
            cause: agent.cause,
            written: agent.written,
            terminal: agent.terminal,
            masked: agent.masked.flatMap { $0.isEmpty ? nil : $0 }
        )
        record(.exit(exit)) { [self] result in
            finish(
                agent,
                code: status,
                notes: [
                    note(of: agent, verdict), Self.note(of: agent.written), refusals(in: agent),
                    Self.unrecordedTerminal(of: agent), Self.unproven(agent), loss(of: agent, result),
                ]
            )
        }
        if agent.parent == nil { terminals.forget(agent.id.run) }
        // What was minted for it was looked for in what it wrote last.
        credentials.forget(agent.id)
        // While the record is on its way to the disk: whoever hears of the end finds nothing of it.
        standIns.release(agent.standIns)
    }

    /// The kernel killed processes of it for want of memory, and its command did not end well.
    private func memoryCause(of agent: AgentNode) -> String? {
        guard agent.verdict?.code != 0, agent.sandbox.memoryKills > 0 else { return nil }
        return Self.memoryLimit
    }

    /// The end of its parent, which the kernel makes its own: whatever of the two is heard of first.
    ///
    /// A parent's init reports, or closes its channel, before the kernel ends what is nested in it (pid_namespaces(7)).
    func inheritedCause(of agent: AgentNode) -> String? {
        guard let parent = agent.parent else { return nil }
        readStatus(of: parent)
        return parent.verdict == nil ? nil : "parent ended"
    }

    /// What its front-end says of its end.
    private func note(of agent: AgentNode, _ verdict: AgentNode.Verdict) -> String? {
        let name = agent.lineage.agent.name
        if let failure = verdict.failure { return refusedExecution(of: agent, failure) }
        if agent.cause == Self.memoryLimit, verdict.code != 128 + SIGKILL {
            return "processes of \(name) were killed: \(Self.memoryLimit)"
        }
        return agent.cause.map { "\(name) was ended: \($0)" }
    }

    /// That requests of a run were refused, which the command may not have said.
    private func refusals(in agent: AgentNode) -> String? {
        guard agent.parent == nil, agent.refused > 0 else { return nil }
        // A command that takes a 502 for an answer ends well.
        let unrecorded = configuration.servedSession.map {
            " or not in the recording of session \(TerminalText.escaped($0))"
        }
        let (what, them) =
            agent.refused == 1 ? ("1 request was", "it") : ("\(agent.refused) requests were", "them")
        return
            "\(what) refused\(unrecorded ?? ""); `bailey audit --run \(agent.id.run) --denied` shows \(them), with requests that failed and refused "
            + "launches"
    }

    /// That a job ran as the local user, which it need not have: its records name another than whoever reads them looks for.
    private static func unproven(_ agent: AgentNode) -> String? {
        agent.unproven.map { "\($0); so it ran for \(agent.lineage.principal)" }
    }

    private func refusedExecution(of agent: AgentNode, _ failure: Int32) -> String {
        // execve(2) says so when the user has more processes than RLIMIT_NPROC, which holds the limit.
        let remedy =
            failure == EAGAIN && agent.profile?.limits.processes != nil
            ? "\nThe agent has as many processes as its profile allows (limits.processes); its first one counts."
            : ""
        return "cannot run \(agent.sandbox.programPath): \(SystemCallError.text(failure))\(remedy)"
    }

    /// What is missing in the log; where the log is, is no agent's to know.
    private func loss(of agent: AgentNode, _ result: Result<Void, AuditFailure>) -> String? {
        let name = agent.lineage.agent.name
        if case .failure(let failure) = result {
            guard agent.parent == nil else { return "the end of \(name) could not be recorded" }
            _ = audit.takeFailure()
            return "the end of \(name) could not be recorded: \(failure)"
        }
        guard agent.parent == nil else { return nil }
        // The log is whole; what shows its being cut is not.
        guard let failure = audit.takeFailure() else { return audit.takeCheckpointFailure() }
        return
            "records could not be written while \(name) ran, and what they were for was refused: \(failure)"
    }

    private func finish(_ agent: AgentNode, code: Int32, notes: [String?]) {
        guard let connection = connections[agent.frontEnd] else { return }
        connection.launched = nil
        let lines = notes.compactMap(\.self)
        let note = lines.isEmpty ? nil : lines.joined(separator: "\nbailey: ")
        // The user's own front-end ends this process: it hears last, when every record is written.
        guard connection.id != root else {
            lastWord = .exited(code: code, note: note)
            return
        }
        reply(.exited(code: code, note: note), to: connection)
        forget(connection)
    }
}
