/// An interpreter for the classic BPF that seccomp accepts, and of how the kernel asks several filters: the twin that the
/// data is compared with.
struct BPFMachine {
    /// In the order in which they are loaded.
    let programs: [[UInt8]]

    /// The kernel's answer; nil for an instruction that no filter should contain.
    ///
    /// kernel/seccomp.c, seccomp_run_filters: newest first, an answer counts when its action, as a signed number, is less.
    func run(call number: UInt32, arch: UInt32, arguments: [UInt64]) -> UInt32? {
        var strictest: UInt32 = 0x7fff_0000
        for program in programs.reversed() {
            let filter = BPFProgram(program: program)
            guard let answer = filter.run(call: number, arch: arch, arguments: arguments) else { return nil }
            if Self.action(answer) < Self.action(strictest) { strictest = answer }
        }
        return strictest
    }

    /// SECCOMP_RET_ACTION_FULL (linux/seccomp.h).
    private static func action(_ answer: UInt32) -> Int32 { Int32(bitPattern: answer & 0xffff_0000) }
}

/// One filter.
private struct BPFProgram {
    let program: [UInt8]

    /// What it answers; nil for an instruction it should not contain.
    func run(call number: UInt32, arch: UInt32, arguments: [UInt64]) -> UInt32? {
        var accumulator: UInt32 = 0
        var counter = 0
        while counter < program.count / 8 {
            let at = counter * 8
            let code = UInt16(program[at]) | UInt16(program[at + 1]) << 8
            let operand = word(at + 4)
            counter += 1
            switch code {
            case 0x20: accumulator = load(operand, number, arch, arguments)
            case 0x54: accumulator &= operand
            case 0x05: counter += Int(operand)
            case 0x45: counter += Int(program[at + (accumulator & operand != 0 ? 2 : 3)])
            case 0x15: counter += Int(program[at + (accumulator == operand ? 2 : 3)])
            case 0x25: counter += Int(program[at + (accumulator > operand ? 2 : 3)])
            case 0x35: counter += Int(program[at + (accumulator >= operand ? 2 : 3)])
            case 0x06: return operand
            default: return nil
            }
        }
        return nil
    }

    private func word(_ at: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(program[at + $1]) << (8 * UInt32($1)) }
    }

    /// A word of `struct seccomp_data`: nr, arch, instruction pointer, six arguments (low half first).
    private func load(_ offset: UInt32, _ number: UInt32, _ arch: UInt32, _ arguments: [UInt64]) -> UInt32 {
        switch offset {
        case 0: return number
        case 4: return arch
        case 16..<64:
            let argument = arguments[Int(offset - 16) / 8]
            return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
        default: return 0
        }
    }
}
