internal import CSeccomp

/// Instructions before libseccomp's: foreign ABIs and numbers nobody has reviewed.
///
/// libseccomp has no rule for "every number above N". All jumps stay inside or lead to the first instruction
/// after, so the program that follows is untouched.
enum SeccompPrologue {
    static var bytes: [UInt8] {
        instructions.flatMap { $0.bytes }
    }

    /// Offsets of `nr` and `arch` in `struct seccomp_data` (linux/seccomp.h).
    private static let numberOffset: UInt32 = 0
    private static let architectureOffset: UInt32 = 4

    private static var instructions: [BPFInstruction] {
        [
            .load(architectureOffset),
            .jumpIfEqual(seccomp_arch_native(), 0, 5),
            .load(numberOffset),
            .jumpIfAtLeast(SeccompPolicy.lastReviewedCall + 1, 0, 4),
            // -1 is what a tracer writes to skip a call.
            .jumpIfEqual(UInt32.max, 1, 0),
            .jumpIfAtLeast(SeccompPolicy.firstX32Call, 1, 0),
            .answer(SeccompAction.errno(SeccompAnswer.noSuchCall.errno)),
            .answer(SeccompAction.killProcess),
        ]
    }
}

/// One `struct sock_filter` (linux/filter.h).
struct BPFInstruction {
    let code: UInt16
    let whenTrue: UInt8
    let whenFalse: UInt8
    let operand: UInt32

    /// BPF_LD | BPF_W | BPF_ABS.
    static func load(_ offset: UInt32) -> Self {
        Self(code: 0x20, whenTrue: 0, whenFalse: 0, operand: offset)
    }

    /// BPF_JMP | BPF_JEQ | BPF_K; targets count instructions after this one.
    static func jumpIfEqual(_ value: UInt32, _ yes: UInt8, _ no: UInt8) -> Self {
        Self(code: 0x15, whenTrue: yes, whenFalse: no, operand: value)
    }

    /// BPF_JMP | BPF_JGE | BPF_K.
    static func jumpIfAtLeast(_ value: UInt32, _ yes: UInt8, _ no: UInt8) -> Self {
        Self(code: 0x35, whenTrue: yes, whenFalse: no, operand: value)
    }

    /// BPF_RET | BPF_K.
    static func answer(_ action: UInt32) -> Self {
        Self(code: 0x06, whenTrue: 0, whenFalse: 0, operand: action)
    }

    var bytes: [UInt8] {
        let head = unsafe withUnsafeBytes(of: code) { unsafe Array($0) }
        let tail = unsafe withUnsafeBytes(of: operand) { unsafe Array($0) }
        return head + [whenTrue, whenFalse] + tail
    }
}
