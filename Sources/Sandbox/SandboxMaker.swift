internal import Glibc
package import Linux
internal import Policy

/// Makes sandboxes, a few of them ahead: their namespaces, the system's part of their view and their network are the
/// same whatever is ordered, and most of a launch.
package final class SandboxMaker {
    private let spawner: Spawner
    private let machine: Machine
    private let account: Account
    private let ahead: Int
    private var common: CommonPart
    private var parked: [ParkedSandbox] = []
    /// Whether some of those that are to wait are missing, and it was not tried since the last was taken.
    package private(set) var isShort: Bool
    private var sight: MachineSight
    private var isExpected = false

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
        common = try Self.naming { () throws(SystemCallError) in try CommonPart(machine, account, nil) }
        sight = MachineSight(of: machine.facts)
    }

    /// From now on these files are put into what is made ahead, and not only once an order is there.
    package func include(_ files: ExtraFiles) throws(LaunchFailure) {
        common = try Self.naming { () throws(SystemCallError) in try CommonPart(machine, account, files) }
    }

    /// Begins what is missing of the sandboxes that wait; one that cannot be made is missed by nobody yet.
    package func makeAhead() {
        while parked.count < ahead, let sandbox = try? spawner.park(common) { parked.append(sandbox) }
        isShort = false
    }

    /// A launch that the user asked for is about to be ordered: what waits and shows what is no longer so is thrown away,
    /// and where none waits, one makes itself while the launch is being planned.
    package func expect() {
        isExpected = true
        if sight.hasChanged(machine.facts) { parked = [] }
        while let last = parked.last, !last.isWaiting { parked.removeLast() }
        if parked.isEmpty, let sandbox = try? spawner.park(common) { parked.append(sandbox) }
    }

    /// What was expected was refused.
    package func expectNothing() {
        isExpected = false
        while parked.count > ahead { parked.removeLast() }
    }

    /// Begins an agent whose command will wait for `Sandbox.start`.
    package func prepare(
        _ request: LaunchRequest,
        filters: SeccompFilters,
        under parent: Sandbox?
    ) throws(LaunchFailure) -> Preparation {
        let programs = try Self.programs(filters, request.profile)
        let parked = try parent == nil ? Self.naming(takeParked) : nil
        let plan = try machine.plan(
            request,
            filters: programs,
            under: parent,
            continuing: (parked?.common ?? common).draft
        )
        let limits = try HeldLimits.make(
            request.profile.limits,
            name: request.name,
            parent: parent?.group,
            degraded: request.degraded
        )
        do throws(LaunchFailure) {
            let parts = try Self.naming { () throws(SystemCallError) in
                try self.begin(plan, of: request, under: parent, in: parked)
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
        under parent: Sandbox?,
        in parked: ParkedSandbox?
    ) throws(SystemCallError) -> SandboxParts {
        let memory = try SealedMemory.holding(plan.encoded(), name: "bailey-plan")
        if let parent { return try spawner.nest(memory, of: request, under: parent) }
        guard let parked else {
            throw SystemCallError(stage: "order", object: "a sandbox that is not there", errno: ESRCH)
        }
        return try parked.ordered(memory, of: request)
    }

    /// One that waits, or a new one.
    private func takeParked() throws(SystemCallError) -> ParkedSandbox {
        if !isExpected { expect() }
        defer { (isExpected, isShort) = (false, parked.count < ahead) }
        if let sandbox = parked.popLast() { return sandbox }
        return try spawner.park(common)
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
