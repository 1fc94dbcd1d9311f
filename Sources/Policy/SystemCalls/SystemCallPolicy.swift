/// Which system calls an agent may make: groups of rules, each with its reason.
///
/// Every agent runs under `default`; any other policy is asked only about what `default` lets through, so that none can
/// widen it. Foreign ABIs are killed and unknown numbers do not exist, whatever a policy says.
package struct SystemCallPolicy: Sendable, Hashable {
    /// What happens to a call that no rule names.
    package enum Rest: String, Sendable, Hashable, CaseIterable {
        /// Rules are refusals.
        case allowed = "allow"
        /// Rules are permissions.
        case notPermitted = "EPERM"
    }

    /// `default`, `strict`, or the name of a file of the operator's.
    package let name: String
    package let rest: Rest
    package let groups: [SystemCallGroup]
    /// SHA-256 of the rules' canonical text, lower-case hex: names and reasons of groups do not count.
    package let digest: String

    package init(name: String, rest: Rest, groups: [SystemCallGroup], digest: String) {
        self.name = name
        self.rest = rest
        self.groups = groups
        self.digest = digest
    }

    /// `strict`; with the digest for a file of the operator's.
    package var label: String {
        [Self.defaultName, Self.strictName].contains(name) ? name : "\(name) \(digest)"
    }

    package var rules: [SystemCallRule] { groups.flatMap(\.rules) }
}

/// A family of system calls, and why it is refused or allowed.
package struct SystemCallGroup: Sendable, Hashable {
    package let name: String
    package let reason: String
    package let rules: [SystemCallRule]

    package init(name: String, reason: String, rules: [SystemCallRule]) {
        self.name = name
        self.reason = reason
        self.rules = rules
    }
}

/// One rule: these calls, when every condition holds, get this answer.
package struct SystemCallRule: Sendable, Hashable {
    package let calls: [SystemCall]
    /// All must hold; none means always.
    package let conditions: [ArgumentCondition]
    package let answer: SystemCallAnswer

    package init(calls: [SystemCall], conditions: [ArgumentCondition], answer: SystemCallAnswer) {
        self.calls = calls
        self.conditions = conditions
        self.answer = answer
    }
}

/// A system call by its kernel name and its number on this architecture.
package struct SystemCall: Sendable, Hashable {
    package let name: String
    package let number: UInt32

    package init(name: String, number: UInt32) {
        self.name = name
        self.number = number
    }
}

/// What a rule does with a call.
package enum SystemCallAnswer: String, Sendable, Hashable, CaseIterable {
    /// Only where everything else is refused.
    case allowed = "allow"
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

    package init(argument: UInt32, test: ArgumentTest) {
        self.argument = argument
        self.test = test
    }
}

/// What an argument must be for a rule to apply.
package enum ArgumentTest: Sendable, Hashable {
    /// The low 32 bits are one of these: the kernel takes the argument as an `int` (CVE-2019-10063).
    case low32(in: [UInt64])
    /// The whole register is none of these.
    case none(of: [UInt64])
    /// At least one bit of the mask is set.
    case anyBit(of: UInt64)
    /// The masked argument is one of these.
    case masked(UInt64, in: [UInt64])
    /// The masked argument is none of these.
    case maskedNone(UInt64, of: [UInt64])
    /// The low 32 bits are neither all clear nor all set.
    case low32Mixed
}
