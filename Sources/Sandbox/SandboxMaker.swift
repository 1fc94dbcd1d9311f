package import Linux
internal import Policy

/// Makes sandboxes, a few of them ahead: their namespaces, the system's part of their view and their network are the
/// same whatever is ordered, and most of a launch.
package final class SandboxMaker {
    private let spawner: Spawner
    private let machine: Machine
    private let account: Account
    private let ahead: Int
    /// The common part, and its plan as the interpreter reads it.
    private let common: ViewDraft
    private let commonPlan: OwnedDescriptor
    private var parked: [ParkedSandbox] = []
    /// Whether some of those that are to wait are missing, and it was not tried since the last was taken.
    package private(set) var isShort: Bool
    private var sight: MachineSight

    /// - Parameters:
    ///   - spawner: what clones.
    ///   - machine: what plans are made from.
    ///   - account: who all agents are.
    ///   - ahead: sandboxes that wait for an order.
    /// - Throws: when there is no memory for the common plan.
    package init(
        spawner: Spawner,
        machine: Machine,
        account: Account,
        ahead: Int
    ) throws(LaunchFailure) {
        self.spawner = spawner
        self.machine = machine
        self.account = account
        self.ahead = ahead
        isShort = ahead > 0
        let common = machine.common(for: account)
        self.common = common
        commonPlan = try Self.naming { () throws(SystemCallError) in
            try SealedMemory.holding(machine.plan(of: common).encoded(), name: "bailey-plan")
        }
        sight = MachineSight(of: machine.facts)
    }

    /// Begins what is missing of the sandboxes that wait; one that cannot be made is missed by nobody yet.
    package func makeAhead() {
        while parked.count < ahead, let sandbox = try? spawner.park(commonPlan) { parked.append(sandbox) }
        isShort = false
    }

    /// Begins an agent whose command will wait for `Sandbox.start`.
    package func prepare(
        _ request: LaunchRequest,
        filters: SeccompFilters,
        under parent: Sandbox?
    ) throws(LaunchFailure) -> Preparation {
        let plan = try machine.plan(
            request,
            filters: try Self.programs(filters, request.profile),
            under: parent,
            continuing: common
        )
        let limits = try HeldLimits.make(
            request.profile.limits,
            name: request.name,
            parent: parent?.group,
            degraded: request.degraded
        )
        do throws(LaunchFailure) {
            let parts = try Self.naming { () throws(SystemCallError) in
                try self.begin(plan, of: request, under: parent)
            }
            return Preparation(plan, parts: parts, limits: limits)
        } catch {
            limits.group?.remove()
            throw error
        }
    }

    private func begin(
        _ plan: LaunchPlan,
        of request: LaunchRequest,
        under parent: Sandbox?
    ) throws(SystemCallError) -> SandboxParts {
        let memory = try SealedMemory.holding(plan.encoded(), name: "bailey-plan")
        if let parent { return try spawner.nest(memory, of: request, under: parent) }
        return try takeParked().ordered(memory, of: request)
    }

    /// One that waits, or a new one where none does, or where those that do show what is no longer so.
    private func takeParked() throws(SystemCallError) -> ParkedSandbox {
        defer { isShort = parked.count < ahead }
        if sight.hasChanged(machine.facts) { parked = [] }
        while let sandbox = parked.popLast() {
            if sandbox.isWaiting { return sandbox }
        }
        return try spawner.park(commonPlan)
    }

    private static func programs(
        _ filters: SeccompFilters,
        _ profile: Profile
    ) throws(LaunchFailure) -> [[UInt8]] {
        do throws(SeccompFailure) {
            return try filters.programs(profile.systemCalls)
        } catch {
            throw LaunchFailure(
                step: "compile the seccomp filter",
                object: "\(error)",
                errno: 0,
                remedy:
                    "Run 'bailey doctor'; where it is a policy of your own, 'bailey profile check' on its file."
            )
        }
    }

    private static func naming<Value: ~Copyable>(
        _ work: () throws(SystemCallError) -> Value
    ) throws(LaunchFailure) -> Value {
        do throws(SystemCallError) {
            return try work()
        } catch {
            throw LaunchFailure(error, remedy: "The machine may be out of descriptors or memory.")
        }
    }
}
