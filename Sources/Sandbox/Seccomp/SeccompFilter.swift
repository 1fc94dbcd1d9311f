internal import CSeccomp
internal import Glibc
package import Policy

/// The compiled system call filters: classic BPF programs for `seccomp(SECCOMP_SET_MODE_FILTER)`.
///
/// Each is an array of `struct sock_filter` (8 bytes each), made by libseccomp from one policy by itself and loaded by the
/// launcher between clone and exec. Threat: the kernel's surface, from a program that is free to call anything.
///
/// What a profile adds is a filter of its own, loaded before the default's. The kernel asks both, newest first, and the
/// strictest answer stands; of equally strict ones the newest (kernel/seccomp.c, seccomp_run_filters). So a call needs the
/// leave of both, and where both refuse the answer is the default's: its ENOSYS has callers fall back.
package enum SeccompFilter {
    /// BPF_MAXINSNS (linux/bpf_common.h): the kernel takes no longer program.
    package static let maximumInstructions = 4096

    /// The filter of the policy that every agent runs under, as it was compiled when that policy was last changed.
    ///
    /// Compiling it takes as long as half of a launch. SeccompTwinTests compare it with the policy, call by call, and
    /// `make filters` writes it anew.
    package static var builtIn: [UInt8] { PackageResources.default_x86_64_bpf }

    /// The same, compiled now.
    package static func base(_ policy: SystemCallPolicy) throws(SeccompFailure) -> [UInt8] {
        try program(policy, after: SeccompPrologue.base)
    }

    /// The filter of a policy that is loaded before the base's.
    package static func narrower(_ policy: SystemCallPolicy) throws(SeccompFailure) -> [UInt8] {
        try program(policy, after: SeccompPrologue.narrower)
    }

    private static func program(
        _ policy: SystemCallPolicy,
        after prologue: [BPFInstruction]
    ) throws(SeccompFailure) -> [UInt8] {
        let program = prologue.flatMap(\.bytes) + (try SeccompCompilation.program(policy))
        guard program.count <= maximumInstructions * BPFInstruction.size else {
            throw SeccompFailure(policy: policy.name, step: "size of the program", code: E2BIG)
        }
        return program
    }

    /// libseccomp's version, as `2.5.4`.
    package static func libraryVersion() -> String? {
        guard let version = unsafe seccomp_version() else { return nil }
        let value = unsafe version.pointee
        return "\(value.major).\(value.minor).\(value.micro)"
    }
}
