internal import Gateway
internal import Glibc
internal import Linux
internal import Model
internal import Sandbox

extension Supervisor {
    /// Ends an agent now, and with it, by the kernel, every agent below: their pid namespaces are nested.
    func kill(_ agent: AgentNode, cause: String) {
        agent.deadline = nil
        agent.cause = agent.cause ?? cause
        for other in agents.values where other !== agent && other.chain.contains(where: { $0 === agent }) {
            other.deadline = nil
            other.cause = other.cause ?? "parent ended"
        }
        gateway.close(agent.id)
        agent.sandbox.kill()
    }

    /// Reads what an agent's init says about its command.
    func readStatus(of agent: AgentNode) {
        switch agent.sandbox.status() {
        case .pending: return
        case .exited(let code): end(agent, code: code, failure: nil)
        case .signalled(let number): end(agent, code: 128 + number, failure: nil)
        case .execFailed(let error): end(agent, code: error == ENOENT ? 127 : 126, failure: error)
        case .gone: end(agent, code: 128 + SIGKILL, failure: nil)
        }
    }

    /// Takes an agent whose command has ended out of the tree, cuts its traffic off and tells its front-end.
    private func end(_ agent: AgentNode, code: Int32, failure: Int32?) {
        guard agent.phase != .ended else { return }
        agent.phase = .ended
        agent.cause = agent.cause ?? inheritedCause(of: agent)
        gateway.close(agent.id)
        agent.sandbox.kill()
        for connection in connections.values where connection.caller == agent.id { drop(connection) }
        agents[agent.id] = nil
        let status = agent.cause == "time limit" ? 124 : code
        record(.exit(ExitRecord(lineage: agent.lineage, status: status, cause: agent.cause))) { [self] _ in
            finish(agent, code: status, failure: failure)
        }
    }

    private func inheritedCause(of agent: AgentNode) -> String? {
        guard let parent = agent.parent, parent.phase == .ended || agents[parent.id] == nil else {
            return nil
        }
        return "parent ended"
    }

    private func finish(_ agent: AgentNode, code: Int32, failure: Int32?) {
        guard let connection = connections[agent.frontEnd] else { return }
        connection.launched = nil
        let note: String? =
            if let failure {
                "cannot run \(agent.sandbox.programPath): \(SystemCallError.text(failure))"
            } else if let cause = agent.cause {
                "\(agent.lineage.agent.name) was ended: \(cause)"
            } else {
                nil
            }
        reply(.exited(code: code, note: note), to: connection)
        connections[connection.id] = nil
    }
}
