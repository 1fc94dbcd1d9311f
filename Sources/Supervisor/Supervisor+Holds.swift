internal import Linux
internal import Model
internal import Sandbox

/// Whose connections are left waiting for a moment, since what they have sent is still being closed.
struct Holds {
    var agents: Set<AgentID> = []
    /// All who come to answer what rules ask: who connects is known only of a connection that was accepted.
    var approvers = false
    /// When they are tried again; nil without any.
    var until: UInt64?
}

/// Descriptors that nobody asked for cost who sent them: before Linux 6.16 the kernel queues them, and they
/// go with their connection.
extension Supervisor {
    /// What becomes of the next connection of an agent's.
    func answer(to agent: AgentNode) -> ConnectionPlaces.Answer {
        let places = ConnectionPlaces(ofAll: maximumAgentConnections, ofOne: Self.maximumConnectionsPerAgent)
        let closing = OwnedDescriptor.waitingAside(of: 0)
        let others = closing > 0 ? OwnedDescriptor.waitingAside(of: ApproverSocket.sender) : 0
        let own = closing > 0 ? OwnedDescriptor.waitingAside(of: agent.number) : 0
        return places.answer(
            to: ConnectionPlaces.Count(open: agent.connections.count, closing: own),
            of: ConnectionPlaces.Count(open: agentConnections, closing: max(0, closing - others))
        )
    }

    /// Takes no connection of one agent's for a moment.
    func hold(_ agent: AgentNode) {
        agent.watches?.listener = nil
        holds.agents.insert(agent.id)
        setHoldsEnd()
    }

    /// Takes no connection of those who answer for a moment.
    func holdApprovers() {
        holds.approvers = true
        setHoldsEnd()
    }

    private func setHoldsEnd() {
        guard holds.until == nil else { return }
        holds.until = Poller.now().addingReportingOverflow(Self.starvationPause).partialValue
    }

    /// Takes them again when their moment is over; what cannot be watched now is tried again in another.
    func endHolds() {
        guard let until = holds.until, until <= Poller.now() else { return }
        let agents = holds.agents.compactMap { self.agents[$0] }
        holds = Holds()
        for agent in agents where agent.watches != nil {
            do throws(SystemCallError) {
                agent.watches?.listener = try listeners.watch(
                    agent.sandbox.controlListenerDescriptor,
                    .listener(agent.id)
                )
            } catch {
                hold(agent)
            }
        }
    }
}
