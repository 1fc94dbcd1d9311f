internal import Glibc

/// The filter could not be built; without it nothing may run.
package struct SeccompFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The policy's name.
    package let policy: String
    /// What was attempted: `seccomp_rule_add(clone3)`.
    package let step: String
    /// errno.
    package let code: Int32

    package var description: String {
        "system call policy \(policy): \(step): errno \(code); \(remedy)"
    }

    /// What to do now.
    package var remedy: String {
        code == E2BIG
            ? "a filter has \(SeccompFilter.maximumInstructions) instructions at most: give its rules fewer calls,"
                + " conditions or values"
            : "install libseccomp 2.5 or newer (libseccomp2)"
    }
}
