internal import CSandbox
internal import Glibc
package import Linux

/// A launch under way: its process isolates itself, and nobody waits for it.
///
/// Letting go of it ends it.
package final class Preparation {
    /// Milliseconds that a launch may take before it is given up.
    package static let patience: UInt64 = 10_000

    private let plan: LaunchPlan
    private var reports: LaunchReports
    private var parts: SandboxParts?
    private var limits: HeldLimits?

    init(_ plan: LaunchPlan, parts: consuming SandboxParts, limits: HeldLimits) {
        self.plan = plan
        self.limits = limits
        reports = LaunchReports(parts.takeReports())
        self.parts = consume parts
    }

    deinit {
        limits?.group?.remove()
    }

    /// For poll(2): readable when `sandbox` has more to say.
    package var descriptor: Int32 { reports.descriptor }

    /// The sandbox, its command waiting for `start`, once it is there; nil while it is not.
    package func sandbox() throws(LaunchFailure) -> Sandbox? {
        guard let ready = try ready(), let parts = parts.take(), let limits else { return nil }
        let sandbox = Sandbox(ready, parts: parts, plan: plan, limits: limits)
        self.limits = nil
        try sandbox.admit()
        return sandbox
    }

    private func ready() throws(LaunchFailure) -> LaunchReports.Ready? {
        do throws(LaunchReports.Failure) {
            return try reports.next()
        } catch {
            throw plan.failure(operation: error.operation, errno: error.errno)
        }
    }

    /// What there is to say of one that took too long.
    package static var overdue: LaunchFailure {
        LaunchFailure(
            step: "make the sandbox",
            object: "after \(patience / 1_000) s",
            errno: ETIMEDOUT,
            remedy:
                "A path that the profile names, or a folder of PATH, may be on a file system that does not answer."
        )
    }
}
