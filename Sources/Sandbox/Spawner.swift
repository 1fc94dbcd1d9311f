internal import CSandbox
internal import Glibc
package import Linux

/// The small single-threaded process that clones agents, so that no copy of the supervisor's memory, threads or
/// descriptors is ever in one.
package final class Spawner: Sendable {
    private let socket: Int32

    private init(socket: Int32) {
        self.socket = socket
    }

    deinit {
        close(socket)
    }

    /// Forks it.
    ///
    /// Call while the process has one thread, which must live as long as the agents: the kernel ends the
    /// spawner with the thread that forked it (PR_SET_PDEATHSIG, prctl(2)).
    package static func start() throws(SystemCallError) -> Spawner {
        let socket = csb_spawner_start()
        guard socket >= 0 else { throw SystemCallError(stage: "fork", object: "spawner", errno: -socket) }
        return Spawner(socket: socket)
    }

    /// Begins a sandbox that waits for its order.
    ///
    /// What goes wrong in it is in its reports.
    func park(_ common: CommonPart) throws(SystemCallError) -> ParkedSandbox {
        var parts = try SandboxParts.made()
        var order = try PacketSocket.pair()
        let descriptors = [
            parts.agentReports, parts.agentChannel, common.plan.rawValue, order.second.rawValue,
        ]
        try ask(CSB_PARK, descriptors)
        parts.closeAgentSockets()
        order.second = OwnedDescriptor(-1)
        return ParkedSandbox(parts: parts, order: order.first.take(), common: common)
    }

    /// Begins a sandbox in another's view.
    func nest(
        _ plan: borrowing OwnedDescriptor,
        of request: LaunchRequest,
        under parent: Sandbox
    ) throws(SystemCallError) -> SandboxParts {
        var parts = try SandboxParts.made()
        if !request.terminal { try parts.addPipes() }
        let own = [parts.agentReports, parts.agentChannel, plan.rawValue]
        let streams = parts.agentStreams(orElse: plan.rawValue)
        try ask(CSB_NEST, own + streams + [request.extraFiles.descriptor] + parent.namespaceDescriptors)
        parts.closeAgentSockets()
        parts.closeAgentStreams()
        return parts
    }

    private func ask(_ request: csb_request, _ descriptors: [Int32]) throws(SystemCallError) {
        try PacketSocket.send(
            [UInt8(clamping: request.rawValue)],
            descriptors: descriptors,
            on: socket,
            waiting: true
        )
    }
}
