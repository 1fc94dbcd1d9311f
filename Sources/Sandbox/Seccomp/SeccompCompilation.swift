internal import CSandbox
internal import CSeccomp
internal import Glibc

/// A libseccomp filter context, released with its owner.
@safe struct SeccompCompilation: ~Copyable {
    private let context: scmp_filter_ctx

    private init(owning context: scmp_filter_ctx) {
        unsafe self.context = unsafe context
    }

    /// An empty filter that allows.
    static func allowing() throws(SeccompFailure) -> SeccompCompilation {
        guard let context = unsafe seccomp_init(SeccompAction.allow) else {
            throw failed("seccomp_init", ENOMEM)
        }
        let made = unsafe SeccompCompilation(owning: context)
        try made.set(SCMP_FLTATR_ACT_BADARCH, to: SeccompAction.killProcess, named: "SCMP_FLTATR_ACT_BADARCH")
        // 2 is a binary tree over the numbers: a dozen instructions per call instead of a hundred.
        try made.set(SCMP_FLTATR_CTL_OPTIMIZE, to: 2, named: "SCMP_FLTATR_CTL_OPTIMIZE")
        return made
    }

    deinit { unsafe seccomp_release(context) }

    /// Adds one refusal for each of its calls.
    func add(_ rule: SeccompRule) throws(SeccompFailure) {
        var alternatives: [[scmp_arg_cmp]] = [[]]
        for condition in rule.conditions {
            let choices = condition.test.comparisons(on: condition.argument)
            alternatives = alternatives.flatMap { row in choices.map { row + [$0] } }
        }
        for call in rule.calls {
            let number = try call.resolved()
            for row in alternatives {
                try add(number, row, rule.answer, name: call.name)
            }
        }
    }

    private func add(
        _ number: Int32,
        _ comparisons: [scmp_arg_cmp],
        _ answer: SeccompAnswer,
        name: String
    ) throws(SeccompFailure) {
        let action = SeccompAction.errno(answer.errno)
        let result = unsafe comparisons.withUnsafeBufferPointer { row in
            unsafe seccomp_rule_add_array(context, action, number, UInt32(row.count), row.baseAddress)
        }
        guard result == 0 else {
            throw Self.failed("seccomp_rule_add(\(name))", -result)
        }
    }

    private func set(
        _ attribute: scmp_filter_attr,
        to value: UInt32,
        named name: String
    ) throws(SeccompFailure) {
        let result = unsafe seccomp_attr_set(context, attribute, value)
        guard result == 0 else {
            throw Self.failed("seccomp_attr_set(\(name))", -result)
        }
    }

    /// The program as bytes, by way of a memory file: libseccomp 2.5 writes to descriptors only.
    func exported() throws(SeccompFailure) -> [UInt8] {
        let file = unsafe csb_probe_memfd("bailey-seccomp")
        guard file >= 0 else { throw Self.failed("memfd_create", -file) }
        defer { close(file) }
        let result = unsafe seccomp_export_bpf(context, file)
        guard result == 0 else { throw Self.failed("seccomp_export_bpf", -result) }
        let size = lseek(file, 0, SEEK_END)
        guard size > 0, size <= SeccompFilter.maximumInstructions * 8 else {
            throw Self.failed("size of the exported program", E2BIG)
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count else { throw Self.failed("pread of the exported program", EIO) }
        return bytes
    }

    private static let remedy = "install libseccomp 2.5 or newer (libseccomp2)"

    private static func failed(_ step: String, _ code: Int32) -> SeccompFailure {
        SeccompFailure(step: step, code: code, remedy: remedy)
    }
}

/// Return values of a filter (linux/seccomp.h).
enum SeccompAction {
    static let allow: UInt32 = 0x7fff_0000
    static let killProcess: UInt32 = 0x8000_0000

    /// SECCOMP_RET_ERRNO with its value in the low half.
    static func errno(_ code: Int32) -> UInt32 {
        0x0005_0000 | UInt32(truncatingIfNeeded: code & 0xffff)
    }
}

extension SeccompAnswer {
    /// The number on this architecture.
    package var errno: Int32 {
        switch self {
        case .notPermitted: EPERM
        case .noSuchCall: ENOSYS
        case .accessDenied: EACCES
        case .familyNotSupported: EAFNOSUPPORT
        case .protocolNotSupported: EPROTONOSUPPORT
        }
    }
}

extension SystemCall {
    /// The number here: libseccomp's, else our own; a name that neither knows is an error, never skipped.
    ///
    /// Below -1 are libseccomp's stand-ins for calls that this architecture never had.
    package func resolved() throws(SeccompFailure) -> Int32 {
        let known = unsafe seccomp_syscall_resolve_name(name)
        if known != -1 { return known }
        guard let number else {
            throw SeccompFailure(
                step: "seccomp_syscall_resolve_name(\(name))",
                code: 0,
                remedy: "give the call's number in the policy"
            )
        }
        return number
    }
}
