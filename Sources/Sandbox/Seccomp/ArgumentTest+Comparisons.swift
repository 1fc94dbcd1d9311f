internal import CSeccomp

extension ArgumentTest {
    /// The test as comparisons of which one must hold: a libseccomp rule is a conjunction in which each argument
    /// may stand once, so an "or" becomes several rules.
    func comparisons(on argument: UInt32) -> [scmp_arg_cmp] {
        switch self {
        case .low32(let values): values.map { masked(0xffff_ffff, $0, argument) }
        case .none(let values): Self.gaps(in: values).map { equal($0, argument) } + [above(values, argument)]
        case .anyBit(let mask): Self.bits(of: mask).map { masked($0, $0, argument) }
        case .masked(let mask, let values): values.map { masked(mask, $0, argument) }
        case .maskedNone(let mask, let values):
            (0...(mask & 0xff)).filter { !values.contains($0) }.map { masked(mask, $0, argument) }
        case .low32Mixed: (UInt64(0)..<32).map { edge(at: $0, argument) }
        }
    }

    /// The numbers below the largest value that are not in the list.
    private static func gaps(in values: [UInt64]) -> [UInt64] {
        (0..<(values.max() ?? 0)).filter { !values.contains($0) }
    }

    private static func bits(of mask: UInt64) -> [UInt64] {
        (UInt64(0)..<64).map { 1 << $0 }.filter { mask & $0 != 0 }
    }

    private func equal(_ value: UInt64, _ argument: UInt32) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
    }

    private func above(_ values: [UInt64], _ argument: UInt32) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_GT, datum_a: values.max() ?? 0, datum_b: 0)
    }

    private func masked(_ mask: UInt64, _ value: UInt64, _ argument: UInt32) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
    }

    /// Bit `position` set and the next one, going round, clear: every mixed word has such a place.
    private func edge(at position: UInt64, _ argument: UInt32) -> scmp_arg_cmp {
        let bit: UInt64 = 1 << position
        return masked(bit | 1 << ((position + 1) % 32), bit, argument)
    }
}
