internal import CSandbox
internal import Glibc
package import Linux

/// The small single-threaded process that clones agents, so that no copy of the supervisor's memory, threads or
/// descriptors is ever in one.
package final class Spawner: Sendable {
    /// Milliseconds that a launch may take before it is given up.
    static let patience: Int32 = 10_000

    private let socket: Int32

    private init(socket: Int32) {
        self.socket = socket
    }

    deinit {
        close(socket)
    }

    /// Forks it. Call while the process has one thread, which must live as long as the agents: the kernel ends the
    /// spawner with the thread that forked it (PR_SET_PDEATHSIG, prctl(2)).
    package static func start() throws(SystemCallError) -> Spawner {
        let socket = csb_spawner_start()
        guard socket >= 0 else { throw SystemCallError(stage: "fork", object: "spawner", errno: -socket) }
        return Spawner(socket: socket)
    }

    /// Makes an agent whose command waits for `Sandbox.start`. Takes a few milliseconds.
    package func prepare(
        _ request: LaunchRequest,
        under parent: Sandbox?,
        machine: Machine
    ) throws(LaunchFailure) -> Sandbox {
        let plan = try machine.plan(request, under: parent)
        var parts: SandboxParts
        do throws(SystemCallError) {
            parts = try SandboxParts(terminal: request.terminal)
            try send(plan, parts: parts, under: parent)
        } catch {
            throw LaunchFailure(error, remedy: "The machine may be out of descriptors or memory.")
        }
        parts.closeAgentSide()
        let reports = LaunchReports(parts.reports, patience: Self.patience)
        return try Sandbox(parts: parts, plan: plan, reports: reports, limits: HeldLimits.of(request.profile.limits))
    }

    private func send(_ plan: LaunchPlan, parts: borrowing SandboxParts, under parent: Sandbox?) throws(SystemCallError) {
        let memory = try SealedMemory(plan.encoded(), name: "bailey-plan")
        let streams = parts.agentStreams(orElse: memory.descriptor)
        let namespaces = parent.map { $0.namespaceDescriptors } ?? []
        try PacketSocket.send(
            [0],
            descriptors: [memory.descriptor, parts.agentReports, parts.agentChannel] + streams + namespaces,
            on: socket,
            waiting: true
        )
    }
}
