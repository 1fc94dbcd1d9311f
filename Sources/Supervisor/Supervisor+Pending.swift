internal import Client
internal import Copies
internal import Glibc
internal import Linux
internal import Model
internal import Sandbox

/// Launches under way: their sandboxes make themselves, and the supervisor's thread waits for none.
extension Supervisor {
    /// Sandboxes that make themselves at one time; each is a process at work.
    private static let maximumPending = 64
    /// Those of one run: what its agents ask for beyond waits, so that others have their turn.
    private static let maximumPendingPerRun = 8

    func hasRoom(under parent: AgentNode?) -> Bool {
        guard pending.count < Self.maximumPending else { return false }
        guard let root = parent?.root else { return true }
        return pending.values.count { $0.parent?.root === root } < Self.maximumPendingPerRun
    }

    /// Waits for what a launch's preparation says.
    func watch(_ launch: PendingLaunch) {
        do throws(SystemCallError) {
            launch.watch = try poller.watch(launch.preparation.descriptor, .pending(launch.id))
            heed(launch.deadline)
        } catch {
            abandon(launch, LaunchRefusal("the launch cannot be watched: \(error)"))
        }
    }

    /// Takes the agent into the tree when its sandbox is there.
    func advance(_ launch: PendingLaunch) {
        do throws(LaunchFailure) {
            guard let sandbox = try launch.preparation.sandbox() else { return }
            finish(launch, sandbox)
        } catch {
            abandon(launch, LaunchRefusal(launch.parent == nil ? error : launch.loaded.told(error)))
        }
    }

    private func finish(_ launch: PendingLaunch, _ sandbox: Sandbox) {
        guard let connection = connections[launch.frontEnd],
            launch.parent?.phase ?? .running == .running
        else {
            sandbox.kill()
            return abandon(launch, LaunchRefusal("its parent ended"))
        }
        do throws(LaunchRefusal) {
            if let parent = launch.parent { try checkIdentity(of: parent) }
        } catch {
            sandbox.kill()
            return abandon(launch, error)
        }
        launch.watch = nil
        let agent = AgentNode(
            number: fresh(),
            argv: launch.order.argv,
            workspace: launch.order.workspace,
            lineage: launch.lineage,
            epoch: launch.epoch,
            policy: launch.policy,
            sandbox: sandbox,
            standIns: launch.standIns,
            found: launch.found,
            copies: launch.copies,
            approval: connection.approval?.grant,
            parent: launch.parent,
            frontEnd: launch.frontEnd
        )
        if launch.parent == nil, case .success(let identity)? = connection.identity {
            agent.held = HeldIdentity(identity: identity)
        } else if launch.parent == nil {
            agent.unproven = IdentityClaim.shortcoming(of: launch.order, identities.issuers)
        }
        do throws(SystemCallError) {
            try watch(agent)
        } catch {
            sandbox.kill()
            return abandon(launch, LaunchRefusal("the agent cannot be watched: \(error)"))
        }
        pending[launch.id] = nil
        connection.pending = nil
        commit(agent, launch, for: connection)
    }

    /// Gives a launch up, and tells whoever asked for it.
    func abandon(_ launch: PendingLaunch, _ refusal: LaunchRefusal) {
        guard pending.removeValue(forKey: launch.id) != nil else { return }
        launch.watch = nil
        standIns.release(launch.standIns)
        launch.copies?.cancel()
        count(-1, above: launch.parent)
        let connection = connections[launch.frontEnd]
        connection?.pending = nil
        refuse(refusal, order: launch.order, parent: launch.parent, for: connection)
    }

    /// Gives up what an agent that ends, or one below it, had asked for.
    func abandonLaunches(below agent: AgentNode) {
        for launch in Array(pending.values)
        where launch.parent?.chain.contains(where: { $0 === agent }) ?? false {
            abandon(launch, LaunchRefusal("its parent ended"))
        }
        for connection in Array(connections.values) where connection.question != nil {
            let parent = connection.caller.flatMap { agents[$0] }
            guard parent?.chain.contains(where: { $0 === agent }) ?? false else { continue }
            giveUpQuestion(of: connection, LaunchRefusal("its parent ended"), isHeard: true)
        }
    }

    /// Begins what waited, in its order, as far as there is room.
    func continueLine() {
        guard !line.isEmpty else { return }
        let waiting = line
        line = []
        for id in waiting {
            guard let connection = connections[id], let order = connection.waiting else { continue }
            connection.waiting = nil
            launch(order, for: connection)
        }
    }
}
