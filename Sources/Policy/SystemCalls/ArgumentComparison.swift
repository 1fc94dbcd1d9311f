/// One comparison of an argument, as libseccomp makes it.
package struct ArgumentComparison: Sendable, Hashable {
    package enum Test: Sendable, Hashable {
        /// The bits of the mask have this value; the mask is never 0.
        case masked(UInt64, equals: UInt64)
        /// The whole register is greater.
        case above(UInt64)
    }

    /// Position, from 0 to 5.
    package let argument: UInt32
    package let test: Test

    /// Whether whatever passes this comparison passes the other too, as far as the same bits say so.
    func implies(_ other: ArgumentComparison) -> Bool {
        guard argument == other.argument else { return false }
        return switch (test, other.test) {
        case (.masked(let mask, let value), .masked(let fewer, let expected)):
            mask & fewer == fewer && value & fewer == expected
        case (.above(let bound), .above(let lower)): bound >= lower
        case (.masked, .above), (.above, .masked): false
        }
    }
}

extension ArgumentTest {
    /// The test as comparisons of which one must hold.
    ///
    /// `isLast`: no comparison of a later argument follows. Only then is `above` used: libseccomp 2.5.4 gives what follows
    /// a "greater" two parents, and adding a further rule to such a tree may never return.
    func comparisons(isLast: Bool) -> [ArgumentComparison.Test] {
        switch self {
        case .low32(let values): values.map { .masked(0xffff_ffff, equals: $0) }
        case .none(let values):
            isLast
                ? Self.cubes(outside: values, within: Self.span(of: values), fixed: ~Self.span(of: values))
                    + [.above(Self.span(of: values))]
                : Self.cubes(outside: values, within: .max)
        case .anyBit(let mask): Self.bits(of: mask).map { .masked($0, equals: $0) }
        case .masked(let mask, let values): values.map { .masked(mask, equals: $0) }
        case .maskedNone(let mask, let values): Self.cubes(outside: values, within: mask)
        case .low32Mixed: (UInt64(0)..<32).map { Self.edge(at: $0) }
        }
    }

    /// Sets of numbers, each those that agree on some bits, that together are every number of the bits `left` but `values`:
    /// far fewer than those numbers.
    ///
    /// Splits on the highest bit that is left, until no excluded value remains in a half.
    private static func cubes(
        outside values: [UInt64],
        within left: UInt64,
        fixed: UInt64 = 0,
        at value: UInt64 = 0
    ) -> [ArgumentComparison.Test] {
        if values.isEmpty { return fixed == 0 ? [] : [.masked(fixed, equals: value)] }
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

    private static func bits(of mask: UInt64) -> [UInt64] {
        (UInt64(0)..<64).map { 1 << $0 }.filter { mask & $0 != 0 }
    }

    /// Bit `position` set and the next one, going round, clear: every mixed word has such a place.
    private static func edge(at position: UInt64) -> ArgumentComparison.Test {
        let bit: UInt64 = 1 << position
        return .masked(bit | 1 << ((position + 1) % 32), equals: bit)
    }
}
