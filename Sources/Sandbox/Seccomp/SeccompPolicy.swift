/// The default system call policy: a list of refusals, as data.
///
/// Everything a rule does not name is allowed up to `lastReviewedCall`; newer calls do not exist for an agent.
/// Foreign ABIs (i386 by `int 0x80`, x32) are killed. `profiles/seccomp/x86_64.json` is this table as text.
package enum SeccompPolicy {
    /// The highest system call number that was looked at: `file_setattr` (Linux 6.17).
    ///
    /// Above it: ENOSYS.
    package static let lastReviewedCall: UInt32 = 469

    /// Numbers from here up are the x32 ABI (`__X32_SYSCALL_BIT`, asm/unistd.h); -1 is not one of them.
    package static let firstX32Call: UInt32 = 0x4000_0000

    package static let groups: [SeccompGroup] =
        namespaceGroups + processGroups + kernelGroups + fileGroups + socketGroups
}

extension SeccompGroup {
    /// A group whose calls are refused whatever their arguments.
    init(
        _ name: String,
        _ reason: String,
        _ answer: SeccompAnswer = .notPermitted,
        refuse calls: [SystemCall]
    ) {
        self.init(
            name: name,
            reason: reason,
            rules: [SeccompRule(calls: calls, conditions: [], answer: answer)]
        )
    }

    /// A group with rules of its own.
    init(_ name: String, _ reason: String, rules: [SeccompRule]) {
        self.init(name: name, reason: reason, rules: rules)
    }
}

extension SeccompRule {
    /// A refusal of `calls` where all of `conditions` hold.
    init(_ calls: SystemCall..., when conditions: ArgumentCondition..., answer: SeccompAnswer = .notPermitted)
    {
        self.init(calls: calls, conditions: conditions, answer: answer)
    }
}

extension SystemCall: ExpressibleByStringLiteral {
    /// A call that libseccomp knows by name.
    package init(stringLiteral name: String) {
        self.init(name: name, number: nil)
    }

    /// A call that libseccomp 2.5.4 does not know.
    init(_ name: String, _ number: Int32) {
        self.init(name: name, number: number)
    }
}

extension ArgumentCondition {
    /// A condition on the argument at `position`, counted from 0.
    static func argument(_ position: UInt32, _ test: ArgumentTest) -> Self {
        Self(argument: position, test: test)
    }
}
