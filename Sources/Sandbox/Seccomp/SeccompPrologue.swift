internal import Policy

/// Instructions before libseccomp's.
///
/// All jumps stay inside or lead to the first instruction after, so the program that follows is untouched.
enum SeccompPrologue {
    /// Foreign ABIs and numbers nobody has reviewed, whatever a policy says.
    ///
    /// libseccomp has no rule for "every number above N".
    static var base: [BPFInstruction] {
        let gaps = zip(SystemCallTable.runs, SystemCallTable.runs.dropFirst())
            .map { (from: $0.first + UInt32($0.names.count), to: $1.first) }
        let end = SystemCallTable.calls.last.map { $0.number + 1 } ?? 0
        // Instructions from the one after the loads: two for each gap, four for the end.
        let missing = UInt8(2 * gaps.count + 3)
        let checks = gaps.enumerated().flatMap { index, gap -> [BPFInstruction] in
            [
                .jumpIfAtLeast(gap.from, 0, 1),
                .jumpIfAtLeast(gap.to, 0, missing - UInt8(2 * index + 2)),
            ]
        }
        return [
            .load(SeccompData.architecture),
            .jumpIfEqual(SystemCallTable.auditArchitecture, 0, missing + 2),
            .load(SeccompData.number),
        ] + checks + [
            .jumpIfAtLeast(end, 0, 4),
            // -1 is what a tracer writes to skip a call.
            .jumpIfEqual(UInt32.max, 1, 0),
            .jumpIfAtLeast(SystemCallTable.firstForeign, 1, 0),
            .answer(SystemCallAnswer.noSuchCall.action),
            .answer(SeccompAction.killProcess),
        ]
    }

    /// Leaves `seccomp(SECCOMP_SET_MODE_FILTER, 0, …)` to the filter after: the launcher loads that one by it.
    ///
    /// A program may call it too, and gains nothing: filters only narrow, and nothing removes one. Other architectures need
    /// no test: the base kills them.
    static let narrower: [BPFInstruction] = [
        .load(SeccompData.number),
        .jumpIfEqual(SystemCallTable.number(of: "seccomp") ?? .max, 0, 5),
        .load(SeccompData.low(of: 0)),
        .jumpIfEqual(1, 0, 3),
        .load(SeccompData.low(of: 1)),
        .jumpIfEqual(0, 0, 1),
        .answer(SeccompAction.allow),
    ]
}
