/// An interpreter for the classic BPF that seccomp accepts: the twin that the filter is compared with.
struct BPFMachine {
    let program: [UInt8]

    /// What the filter answers to a call of architecture `arch`; nil for an instruction it should not contain.
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
