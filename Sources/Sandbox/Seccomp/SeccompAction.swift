internal import Glibc
internal import Policy

/// Return values of a filter (linux/seccomp.h).
enum SeccompAction {
    static let allow: UInt32 = 0x7fff_0000
    static let killProcess: UInt32 = 0x8000_0000

    /// SECCOMP_RET_ERRNO with its value in the low half.
    static func errno(_ code: Int32) -> UInt32 {
        0x0005_0000 | UInt32(truncatingIfNeeded: code & 0xffff)
    }
}

extension SystemCallAnswer {
    /// The return value of a filter.
    var action: UInt32 {
        switch self {
        case .allowed: SeccompAction.allow
        case .notPermitted: SeccompAction.errno(EPERM)
        case .noSuchCall: SeccompAction.errno(ENOSYS)
        case .accessDenied: SeccompAction.errno(EACCES)
        case .familyNotSupported: SeccompAction.errno(EAFNOSUPPORT)
        case .protocolNotSupported: SeccompAction.errno(EPROTONOSUPPORT)
        }
    }
}

extension SystemCallPolicy.Rest {
    /// The return value for a call that no rule decides.
    var action: UInt32 {
        switch self {
        case .allowed: SeccompAction.allow
        case .notPermitted: SeccompAction.errno(EPERM)
        }
    }
}
