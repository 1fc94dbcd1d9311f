internal import Approvals
internal import Client
internal import Glibc
internal import Linux
internal import Model
internal import Policy
internal import Sandbox

/// The supervisor's loop: one turn waits for what is next, and handles it.
///
/// Nothing in a turn grows with the number of agents but what ends the overdue, and that is done when a deadline has come.
extension Supervisor {
    /// Waits for whatever is next and handles it.
    func turn() {
        endHolds()
        chooseTakers()
        let deadlines = [
            earliestDeadline, isStopping ? nil : drainDeadline, starvedUntil, holds.until, quietDeadline,
        ]
        let sources = poller.wait(until: deadlines.compactMap { $0 }.min())
        for source in sources {
            handle(source)
            // A launch takes milliseconds, and agents may ask for many at once: no time limit waits for all of them.
            endOverdue()
        }
        endOverdue()
        continueLine()
        if sources.isEmpty, quietDeadline != nil { sandboxes.makeAhead() }
    }

    /// Takes connections, or leaves them waiting while no descriptor is left for one.
    ///
    /// What cannot be watched now is tried again in a moment.
    private func chooseTakers() {
        if let starvedUntil, starvedUntil <= Poller.now() { self.starvedUntil = nil }
        let isTaking = starvedUntil == nil
        do throws(SystemCallError) {
            if !isTaking {
                watches.listeners = nil
            } else if watches.listeners == nil {
                watches.listeners = try poller.watch(listeners.descriptor, .listeners)
            }
            if !isTaking || !mayTakeUser {
                watches.server = nil
            } else if watches.server == nil, let descriptor = server?.descriptor {
                watches.server = try poller.watch(descriptor, .server)
            }
            if !isTaking || !mayTakeApprover || holds.approvers {
                watches.approvers = nil
            } else if watches.approvers == nil, let descriptor = approverSocket?.descriptor {
                watches.approvers = try poller.watch(descriptor, .approvers)
            }
        } catch {
            starve()
        }
    }

    /// Closes the sockets where the user, and others who answer, reach this supervisor.
    func closeServer() {
        (watches.server, watches.approvers) = (nil, nil)
        // Before the socket: whoever finds it is heard.
        registration = nil
        server = nil
        approverSocket = nil
    }

    /// When nothing has happened for long enough to make sandboxes ahead; nil when none is missing, or will be ordered.
    ///
    /// Beside a launch or an end that is under way it takes longer: they would slow it down.
    private var quietDeadline: UInt64? {
        guard root == nil, drainDeadline == nil, sandboxes.isShort else { return nil }
        let quiet = pending.isEmpty && awaiting.isEmpty ? Self.quiet : Self.quietBesideLaunch
        return Poller.now().addingReportingOverflow(quiet).partialValue
    }

    private func handle(_ source: Poller.Source) {
        switch source {
        case .mailbox:
            for letter in mailbox.take() { handle(letter) }
        case .connection(let id): if let connection = connections[id] { serve(connection) }
        case .pending(let id): if let launch = pending[id] { advance(launch) }
        case .death(let id): if let agent = agents[id] { end(agent) }
        case .status(let id): if let agent = agents[id] { readStatus(of: agent) }
        case .listeners: for source in listeners.wait(until: 0) { handle(source) }
        case .listener(let id): if let agent = agents[id] { accept(from: agent) }
        case .server: acceptUser()
        case .approvers: acceptApprover()
        case .signals: heedSignals()
        }
    }

    private func handle(_ letter: Mailbox.Letter) {
        switch letter {
        case .commit(let token, let result): awaiting.removeValue(forKey: token)?(result)
        case .departed(let id, let refused): departed(id, refused: refused)
        case .searched(let id, let result): searched(id, result)
        case .listed(let id, let written): listed(id, written)
        case .proven(let id, let result): proven(id, result)
        case .renewed(let id, let result): if let agent = agents[id] { renewed(agent, result) }
        case .opened(let id, let result): opened(id, result)
        case .asked(let question): asked(question)
        case .closed(let question): channels.tell(question)
        case .settled(let id, let digest, let outcome): settled(id, digest, outcome)
        case .answered(let id, let outcome): answered(id, outcome)
        case .fleetListed(let id, let result): fleetListed(id, result)
        case .fleetShown(let id, let question, let result): fleetShown(id, question, result)
        case .revokedElsewhere(let entry): revokedElsewhere(entry)
        case .terminal(let id, let report): heard(report, of: id)
        case .stdio(let id, let report): heard(report, of: id)
        case .digest(let id, let digest): if let agent = agents[id] { recordSpawn(of: agent, digest: digest) }
        }
    }

    /// Remembers a moment at which something may be overdue.
    func heed(_ deadline: UInt64?) {
        guard let deadline else { return }
        earliestDeadline = min(deadline, earliestDeadline ?? deadline)
    }

    private func endOverdue() {
        let now = Poller.now()
        if let earliestDeadline, earliestDeadline <= now { endOverdue(at: now) }
        if let drainDeadline, drainDeadline <= now { stop() }
    }

    /// Ends what is overdue, and finds the next moment: this alone looks at every agent.
    private func endOverdue(at now: UInt64) {
        for agent in agents.values where agent.deadline.map({ $0 <= now }) ?? false {
            kill(agent, cause: Self.timeLimit)
        }
        for launch in pending.values where launch.deadline <= now {
            abandon(launch, LaunchRefusal(Preparation.overdue))
        }
        sumUpRefusals()
        reviewIdentities(at: now)
        approvals.expire()
        dismissSilent(at: now)
        earliestDeadline = nil
        heed(approvals.nextDeadline)
        for agent in agents.values {
            heed(agent.deadline)
            heed(agent.held?.review)
            heed(agent.sumDue)
        }
        for launch in pending.values { heed(launch.deadline) }
        for connection in connections.values where !connection.isAnswering { heed(connection.silentAt) }
    }
}
