internal import CSeccomp

extension ArgumentTest {
    /// The test as comparisons of which one must hold: a libseccomp rule is a conjunction in which each argument
    /// may stand once, so an "or" becomes several rules.
    func comparisons(on argument: UInt32) -> [scmp_arg_cmp] {
        switch self {
        case .low32(let values): values.map { masked(0xffff_ffff, $0, argument) }
        case .none(let values): others(than: values, argument) + [above(Self.span(of: values), argument)]
        case .anyBit(let mask): Self.bits(of: mask).map { masked($0, $0, argument) }
        case .masked(let mask, let values): values.map { masked(mask, $0, argument) }
        case .maskedNone(let mask, let values):
            Self.cubes(outside: values, within: mask, fixed: 0, at: 0).map {
                masked($0.mask, $0.value, argument)
            }
        case .low32Mixed: (UInt64(0)..<32).map { edge(at: $0, argument) }
        }
    }

    /// All numbers that agree with `value` on the bits of `mask`.
    private struct Cube {
        let mask: UInt64
        let value: UInt64
    }

    /// Cubes that together are every number of the bits `left` but `values`: far fewer than those numbers.
    ///
    /// Splits on the highest bit that is left, until no excluded value remains in a half.
    private static func cubes(
        outside values: [UInt64],
        within left: UInt64,
        fixed: UInt64,
        at value: UInt64
    ) -> [Cube] {
        if values.isEmpty { return [Cube(mask: fixed, value: value)] }
        guard left != 0 else { return [] }
        let bit: UInt64 = 1 << UInt64(63 - left.leadingZeroBitCount)
        let ones = values.filter { $0 & bit != 0 }
        let zeros = values.filter { $0 & bit == 0 }
        return cubes(outside: ones, within: left ^ bit, fixed: fixed | bit, at: value | bit)
            + cubes(outside: zeros, within: left ^ bit, fixed: fixed | bit, at: value)
    }

    /// The mask of as many low bits as the values need.
    private static func span(of values: [UInt64]) -> UInt64 {
        let largest = values.max() ?? 0
        return largest == 0 ? 0 : UInt64.max >> UInt64(largest.leadingZeroBitCount)
    }

    /// The numbers within the values' span; `above` refuses the rest by size.
    private func others(than values: [UInt64], _ argument: UInt32) -> [scmp_arg_cmp] {
        let span = Self.span(of: values)
        return Self.cubes(outside: values, within: span, fixed: ~span, at: 0).map {
            masked($0.mask, $0.value, argument)
        }
    }

    private static func bits(of mask: UInt64) -> [UInt64] {
        (UInt64(0)..<64).map { 1 << $0 }.filter { mask & $0 != 0 }
    }

    private func above(_ value: UInt64, _ argument: UInt32) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_GT, datum_a: value, datum_b: 0)
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
