internal import Client
internal import Glibc
internal import Linux
internal import Model
internal import Sandbox

extension Supervisor {
    /// Takes a connection from inside an agent.
    ///
    /// Whose listener it came through is who is asking, and the kernel says that it came from there.
    func accept(from agent: AgentNode) {
        let answer = answer(to: agent)
        guard answer != .wait else { return hold(agent) }
        guard let socket = agent.sandbox.acceptControl() else { return noteStarvation(errno) }
        do throws(ControlStranger) {
            try agent.sandbox.checkMaker(of: socket)
        } catch {
            return turnAway(socket, error, from: agent)
        }
        guard answer == .take, agent.phase == .running else { return Self.turnAway(socket, from: agent) }
        let channel = ControlChannel(
            socket,
            acceptedDescriptors: 0,
            longest: ControlLimit.agentMessage,
            sender: agent.number
        )
        guard let id = add(channel, from: agent.id) else { return }
        agent.connections.insert(id)
        agentConnections += 1
    }

    /// Says why a connection is not taken, as far as its other end still hears it.
    private static func turnAway(_ socket: consuming OwnedDescriptor, from agent: AgentNode) {
        let message =
            "the supervisor has as many connections of agents as it may; try again when some have ended"
        let channel = ControlChannel(socket, acceptedDescriptors: 0, sender: agent.number)
        try? channel.send(ControlReply.refused(code: FrontEnd.launchFailed, message: message).bytes)
    }

    /// Leaves connections waiting when there is no descriptor for them: asking again at once would never end.
    func noteStarvation(_ code: Int32) {
        if code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS { starve() }
    }

    /// Takes no connection for a moment.
    func starve() {
        starvedUntil = Poller.now().addingReportingOverflow(Self.starvationPause).partialValue
    }

    /// Reads one message of a connection; a peer's mistake costs its own connection.
    func serve(_ connection: ControlConnection) {
        do throws(ControlError) {
            switch try connection.channel.receive() {
            case .nothing: return
            case .closed: drop(connection)
            case .message(let bytes, _):
                heard(connection)
                obey(try ControlRequest(bytes: bytes), of: connection)
            }
        } catch {
            reply(.refused(code: FrontEnd.launchFailed, message: "\(error)"), to: connection)
            drop(connection)
        }
    }

    private func obey(_ request: ControlRequest, of connection: ControlConnection) {
        guard connection.approver == nil || request.isOfApprovers else { return refuseApprover(connection) }
        switch request {
        case .launch(let order):
            guard !connection.isSpent else { return drop(connection) }
            connection.isSpent = true
            connection.size = order.terminal
            if let reply = declined(order, of: connection) { return self.reply(reply, to: connection) }
            // Who has given up meanwhile has been told that nothing is launched.
            reply(.heard, to: connection)
            guard connections[connection.id] != nil else { return }
            launch(order, for: connection)
        case .signal(let number):
            if let agent = launched(by: connection) {
                pass(number, to: agent)
            } else if FrontEnd.ending.contains(number),
                let relay = connection.launched.flatMap({ leaving[$0] })?.stdio
            {
                // Its command has ended: what is waited for is only that the rest of its output is taken.
                relay.abandon()
            } else if connection.question != nil, FrontEnd.ending.contains(number) {
                interrupt(connection, number)
            } else if connection.early.count < AgentNode.maximumEarly {
                connection.early.append(number)
            }
        case .resize(let size):
            connection.size = size
            guard let agent = launched(by: connection) else { return }
            agent.sandbox.resize(rows: size.rows, columns: size.columns)
            agent.relay?.resized(rows: size.rows, columns: size.columns)
        case .list(let number): answerList(after: number, to: connection)
        case .end(let agent): end(agent, for: connection)
        case .revoke(let order): revoke(order, for: connection)
        case .listHeld(let number): listHeld(after: number, to: connection)
        case .answer(let order): answer(order, for: connection)
        case .showHeld(let id, let start): showHeld(id, from: start, to: connection)
        case .name: answerName(to: connection)
        case .listFleet(let number): listFleet(after: number, to: connection)
        case .showFleet(let id, let start): showFleet(id, from: start, to: connection)
        case .answerFleet(let order): answerFleet(order, for: connection)
        }
    }

    private func launched(by connection: ControlConnection) -> AgentNode? {
        connection.launched.flatMap { agents[$0] }
    }

    /// Hands a signal to the command; one that comes before it runs is kept for it.
    private func pass(_ number: Int32, to agent: AgentNode) {
        switch agent.phase {
        case .running: agent.sandbox.signal(number)
        case .prepared where agent.early.count < AgentNode.maximumEarly: agent.early.append(number)
        case .prepared, .ended: return
        }
    }

    /// Sends a reply; a front-end that does not read loses its connection.
    func reply(_ reply: ControlReply, descriptors: [Int32] = [], to connection: ControlConnection) {
        // With its last word the process of a single run ends: what is to be gone from the folder goes before.
        if connection.id == root, reply.isLast { closeServer() }
        do throws(ControlError) {
            try connection.channel.send(reply.bytes, descriptors: descriptors)
        } catch {
            drop(connection)
        }
    }

    /// Forgets a connection; the agent it launched goes with it.
    func drop(_ connection: ControlConnection) {
        giveUpQuestion(of: connection, LaunchRefusal("its front-end ended"), isHeard: false)
        forget(connection)
        if let launch = connection.pending.flatMap({ pending[$0] }) {
            abandon(launch, LaunchRefusal("its front-end ended"))
        }
        // Of one that has ended, nobody takes the rest.
        connection.launched.flatMap { leaving[$0] }?.stdio?.abandon()
        guard let agent = connection.launched.flatMap({ agents[$0] }) else { return }
        kill(agent, cause: inheritedCause(of: agent) ?? "its front-end ended")
    }

    /// Closes a connection; what waits for a descriptor gets its turn.
    func forget(_ connection: ControlConnection) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        connection.presence.end()
        connection.watch = nil
        if let caller = connection.caller {
            agents[caller]?.connections.remove(connection.id)
            agentConnections -= 1
        }
        if let approver = connection.approver { left(approver) }
        connection.search?.giveUp()
        starvedUntil = nil
    }
}
