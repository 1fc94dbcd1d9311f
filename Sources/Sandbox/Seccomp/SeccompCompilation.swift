internal import CSandbox
internal import CSeccomp
internal import Glibc
internal import Policy

/// A libseccomp filter context, released with its owner.
@safe struct SeccompCompilation: ~Copyable {
    private let context: scmp_filter_ctx
    private let policy: String

    private init(owning context: scmp_filter_ctx, policy: String) {
        unsafe self.context = unsafe context
        self.policy = policy
    }

    deinit { unsafe seccomp_release(context) }

    /// The program for one policy by itself.
    static func program(_ policy: SystemCallPolicy) throws(SeccompFailure) -> [UInt8] {
        let compilation = try empty(policy)
        let calls = numbered(policy)
        guard calls.count <= SystemCallLimits.callsOfPolicy else { throw compilation.failed("calls", E2BIG) }
        var left = SystemCallLimits.comparisonsOfPolicy
        for (number, rules) in calls { try compilation.add(rules, to: number, &left) }
        return try compilation.exported()
    }

    /// The rules of each call, in order of numbers.
    private static func numbered(_ policy: SystemCallPolicy) -> [(UInt32, [SystemCallRule])] {
        var numbered: [UInt32: [SystemCallRule]] = [:]
        for rule in policy.rules {
            for call in rule.calls { numbered[call.number, default: []].append(rule) }
        }
        return numbered.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private static func empty(_ policy: SystemCallPolicy) throws(SeccompFailure) -> SeccompCompilation {
        guard let context = unsafe seccomp_init(policy.rest.action) else {
            throw SeccompFailure(policy: policy.name, step: "seccomp_init", code: ENOMEM)
        }
        let made = unsafe SeccompCompilation(owning: context, policy: policy.name)
        try made.set(SCMP_FLTATR_ACT_BADARCH, to: SeccompAction.killProcess, named: "SCMP_FLTATR_ACT_BADARCH")
        // 2 is a binary tree over the numbers: a dozen instructions per call instead of a hundred.
        try made.set(SCMP_FLTATR_CTL_OPTIMIZE, to: 2, named: "SCMP_FLTATR_CTL_OPTIMIZE")
        return made
    }

    /// All rules of a call; of rules that hold for the same arguments one answers.
    ///
    /// `left` is how many comparisons the policy may still have.
    private func add(_ rules: [SystemCallRule], to number: UInt32, _ left: inout Int) throws(SeccompFailure) {
        let name = SystemCallTable.name(of: number) ?? "\(number)"
        guard rules.allSatisfy({ $0.alternativeCount <= SystemCallLimits.alternativesOfCall }) else {
            throw failed("rules of \(name)", E2BIG)
        }
        var answers: [SystemCallAlternative: SystemCallAnswer] = [:]
        let alternatives = rules.flatMap { rule in
            let own = rule.alternatives
            for row in own where answers[row] == nil { answers[row] = rule.answer }
            return own
        }
        left -= alternatives.comparisons
        guard alternatives.count <= SystemCallLimits.alternativesOfCall, left >= 0 else {
            throw failed("rules of \(name)", E2BIG)
        }
        for row in alternatives.inOrder {
            guard let answer = answers[row] else { continue }
            try add(row, answer, to: number, named: name)
        }
    }

    /// By number, since libseccomp 2.5.4 does not know the names of newer calls.
    private func add(
        _ row: SystemCallAlternative,
        _ answer: SystemCallAnswer,
        to number: UInt32,
        named name: String
    ) throws(SeccompFailure) {
        let comparisons = row.map(\.comparison)
        let result = unsafe comparisons.withUnsafeBufferPointer { row in
            unsafe seccomp_rule_add_array(
                context,
                answer.action,
                Int32(truncatingIfNeeded: number),
                UInt32(row.count),
                row.baseAddress
            )
        }
        guard result == 0 else { throw failed("seccomp_rule_add(\(name))", -result) }
    }

    private func set(
        _ attribute: scmp_filter_attr,
        to value: UInt32,
        named name: String
    ) throws(SeccompFailure) {
        let result = unsafe seccomp_attr_set(context, attribute, value)
        guard result == 0 else { throw failed("seccomp_attr_set(\(name))", -result) }
    }

    /// The program as bytes, by way of a memory file: libseccomp 2.5 writes to descriptors only.
    private func exported() throws(SeccompFailure) -> [UInt8] {
        let file = unsafe csb_probe_memfd("bailey-seccomp")
        guard file >= 0 else { throw failed("memfd_create", -file) }
        defer { close(file) }
        let result = unsafe seccomp_export_bpf(context, file)
        guard result == 0 else { throw failed("seccomp_export_bpf", -result) }
        let size = lseek(file, 0, SEEK_END)
        guard size > 0, size <= SeccompFilter.maximumInstructions * BPFInstruction.size else {
            throw failed("size of the exported program", E2BIG)
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count else { throw failed("pread of the exported program", EIO) }
        return bytes
    }

    private func failed(_ step: String, _ code: Int32) -> SeccompFailure {
        SeccompFailure(policy: policy, step: step, code: code)
    }
}

extension ArgumentComparison {
    fileprivate var comparison: scmp_arg_cmp {
        switch test {
        case .masked(let mask, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
        case .above(let bound): scmp_arg_cmp(arg: argument, op: SCMP_CMP_GT, datum_a: bound, datum_b: 0)
        }
    }
}
