/// A family of system calls that agents do not get, and why.
package struct SeccompGroup: Sendable, Hashable {
    package let name: String
    package let reason: String
    package let rules: [SeccompRule]
}

/// One refusal: these calls, when every condition holds, get this answer.
package struct SeccompRule: Sendable, Hashable {
    package let calls: [SystemCall]
    /// All must hold; none means always.
    package let conditions: [ArgumentCondition]
    package let answer: SeccompAnswer
}

/// A system call by its kernel name.
///
/// `number` is given for calls newer than libseccomp 2.5.4 knows; such numbers (424 and up) are the same on
/// every architecture.
package struct SystemCall: Sendable, Hashable {
    package let name: String
    package let number: Int32?
}

/// The error that a refused call returns.
package enum SeccompAnswer: String, Sendable, Hashable, CaseIterable {
    case notPermitted = "EPERM"
    /// For calls whose callers fall back when the kernel lacks them (glibc and `clone3`).
    case noSuchCall = "ENOSYS"
    case accessDenied = "EACCES"
    case familyNotSupported = "EAFNOSUPPORT"
    case protocolNotSupported = "EPROTONOSUPPORT"
}

/// A test on one argument, by value: a filter cannot follow pointers.
package struct ArgumentCondition: Sendable, Hashable {
    /// Position, from 0 to 5.
    package let argument: UInt32
    package let test: ArgumentTest
}

/// What an argument must be for a refusal to apply.
package enum ArgumentTest: Sendable, Hashable {
    /// The low 32 bits are one of these: the kernel takes the argument as an `int` (CVE-2019-10063).
    case low32(in: [UInt64])
    /// The whole register is none of these, which are small numbers.
    case none(of: [UInt64])
    /// At least one bit of the mask is set.
    case anyBit(of: UInt64)
    /// The masked argument is one of these.
    case masked(UInt64, in: [UInt64])
    /// The masked argument is none of these; the mask is at most 0xff, from bit 0.
    case maskedNone(UInt64, of: [UInt64])
    /// The low 32 bits are neither all clear nor all set.
    case low32Mixed
}
