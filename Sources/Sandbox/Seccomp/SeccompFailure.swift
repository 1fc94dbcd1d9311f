/// The filter could not be built; without it nothing may run.
package struct SeccompFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was attempted: `seccomp_rule_add(clone3)`.
    package let step: String
    /// errno, or 0 where the library gives none.
    package let code: Int32
    /// What to do now.
    package let remedy: String

    package var description: String {
        let reason = code == 0 ? "refused" : "errno \(code)"
        return "system call filter: \(step): \(reason); \(remedy)"
    }
}
