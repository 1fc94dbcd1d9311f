/// One `struct sock_filter` (linux/filter.h); of its kinds those that come before libseccomp's own.
struct BPFInstruction: Hashable {
    /// Bytes of one.
    static let size = 8

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

/// Offsets in `struct seccomp_data` (linux/seccomp.h), on a little-endian machine.
enum SeccompData {
    static let number: UInt32 = 0
    static let architecture: UInt32 = 4

    static func low(of argument: UInt32) -> UInt32 { 16 + 8 * argument }
}
