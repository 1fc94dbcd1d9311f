internal import Linux
internal import Sandbox

/// What a supervisor waits for on its own behalf.
struct OwnWatches {
    var mailbox: Poller.Watch?
    var signals: Poller.Watch?
    /// Nil while no connection is taken.
    var listeners: Poller.Watch?
    /// Nil while no connection of the user's is taken, and without a socket.
    var server: Poller.Watch?
    /// The same of those who answer what rules ask.
    var approvers: Poller.Watch?
}

/// What a supervisor waits for of one agent.
struct AgentWatches {
    /// Its init's words; nil once its command's end is known.
    var status: Poller.Watch?
    let death: Poller.Watch
    /// Nil while no connection of its is taken.
    var listener: Poller.Watch?
}

extension Supervisor {
    /// Waits for an agent's descriptors from now on.
    func watch(_ agent: AgentNode) throws(SystemCallError) {
        agent.watches = AgentWatches(
            status: try poller.watch(agent.sandbox.channelDescriptor, .status(agent.id)),
            death: try poller.watch(agent.sandbox.processDescriptor, .death(agent.id)),
            listener: try listeners.watch(agent.sandbox.controlListenerDescriptor, .listener(agent.id))
        )
    }
}
