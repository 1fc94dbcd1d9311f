internal import CSeccomp
internal import Glibc

/// The compiled system call filter: a classic BPF program for `seccomp(SECCOMP_SET_MODE_FILTER)`.
///
/// An array of `struct sock_filter` (8 bytes each), made once by libseccomp and loaded by the launcher between
/// clone and exec. Threat: the kernel's surface, from a program that is free to call anything.
package struct SeccompFilter: Sendable, Hashable {
    /// BPF_MAXINSNS (linux/bpf_common.h): the kernel takes no longer program.
    package static let maximumInstructions = 4096

    /// The filter for `SeccompPolicy.groups`.
    package static func standard() throws(SeccompFailure) -> [UInt8] {
        let compilation = try SeccompCompilation.allowing()
        for group in SeccompPolicy.groups {
            for rule in group.rules { try compilation.add(rule) }
        }
        let program = SeccompPrologue.bytes + (try compilation.exported())
        guard program.count <= maximumInstructions * 8 else {
            throw SeccompFailure(step: "program size", code: E2BIG, remedy: "make the policy shorter")
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
