internal import CSandbox
internal import Glibc
package import Linux
internal import Policy

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

    /// Forks it.
    ///
    /// Call while the process has one thread, which must live as long as the agents: the kernel ends the
    /// spawner with the thread that forked it (PR_SET_PDEATHSIG, prctl(2)).
    package static func start() throws(SystemCallError) -> Spawner {
        let socket = csb_spawner_start()
        guard socket >= 0 else { throw SystemCallError(stage: "fork", object: "spawner", errno: -socket) }
        return Spawner(socket: socket)
    }

    /// Makes an agent whose command waits for `Sandbox.start`.
    ///
    /// Takes a few milliseconds.
    package func prepare(
        _ request: LaunchRequest,
        under parent: Sandbox?,
        machine: Machine
    ) throws(LaunchFailure) -> Sandbox {
        let plan = try machine.plan(request, under: parent)
        let limits = try HeldLimits.make(
            request.profile.limits,
            name: request.name,
            parent: parent?.group,
            degraded: request.degraded
        )
        do throws(LaunchFailure) {
            return try launch(plan, of: request, limits: limits, under: parent)
        } catch {
            limits.group?.remove()
            throw error
        }
    }

    private func launch(
        _ plan: LaunchPlan,
        of request: LaunchRequest,
        limits: HeldLimits,
        under parent: Sandbox?
    ) throws(LaunchFailure) -> Sandbox {
        var parts = try Self.parts(terminal: request.terminal)
        try send(plan, parts: parts, files: request.extraFiles, under: parent)
        parts.closeAgentSide()
        let reports = LaunchReports(parts.reports, patience: Self.patience)
        return try Sandbox(parts: parts, plan: plan, reports: reports, limits: limits)
    }

    private static let exhausted = "The machine may be out of descriptors or memory."

    private static func parts(terminal: Bool) throws(LaunchFailure) -> SandboxParts {
        do throws(SystemCallError) {
            return try SandboxParts.made(terminal: terminal)
        } catch {
            throw LaunchFailure(error, remedy: exhausted)
        }
    }

    private func send(
        _ plan: LaunchPlan,
        parts: borrowing SandboxParts,
        files: ExtraFiles,
        under parent: Sandbox?
    ) throws(LaunchFailure) {
        do throws(SystemCallError) {
            let memory = try SealedMemory.holding(plan.encoded(), name: "bailey-plan")
            let own = [memory.rawValue, parts.agentReports, parts.agentChannel]
            let streams = parts.agentStreams(orElse: memory.rawValue)
            let namespaces = parent.map { $0.namespaceDescriptors } ?? []
            let descriptors = own + streams + [files.descriptor] + namespaces
            try PacketSocket.send([0], descriptors: descriptors, on: socket, waiting: true)
        } catch {
            throw LaunchFailure(error, remedy: Self.exhausted)
        }
    }
}
