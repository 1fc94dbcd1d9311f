import Sandbox
import Testing

/// The compiled filter against the table it was made from, on arguments near every value the table names.
struct SeccompTwinTests {
    /// AUDIT_ARCH_X86_64 and AUDIT_ARCH_I386 (linux/audit.h).
    private static let native: UInt32 = 0xc000_003e
    private static let foreign: UInt32 = 0x4000_0003
    private static let allow: UInt32 = 0x7fff_0000
    private static let kill: UInt32 = 0x8000_0000
    private static let noSuchCall: UInt32 = 0x0005_0000 | 38

    private let machine: BPFMachine
    private let rules: [Int32: [SeccompRule]]

    init() throws {
        machine = BPFMachine(program: try SeccompFilter.standard())
        var byNumber: [Int32: [SeccompRule]] = [:]
        for rule in SeccompPolicy.groups.flatMap(\.rules) {
            for call in rule.calls { byNumber[try call.resolved(), default: []].append(rule) }
        }
        rules = byNumber
    }

    @Test func `Every call number without arguments is answered as the table says`() {
        for number in 0...SeccompPolicy.lastReviewedCall {
            check(number, [0, 0, 0, 0, 0, 0])
        }
    }

    @Test func `S05: numbers that nobody reviewed do not exist`() {
        for number in [SeccompPolicy.lastReviewedCall + 1, 600, 0x3fff_ffff, UInt32.max] {
            #expect(answer(number) == Self.noSuchCall, "\(number)")
        }
    }

    @Test func `N13: every x32 number is killed`() {
        for number in [0x4000_0000, 0x4000_0027, 0x4000_0208, 0x8000_0000, UInt32.max - 1] {
            #expect(answer(number) == Self.kill, "\(number)")
        }
    }

    @Test func `N12, S19: a foreign architecture is killed whatever it calls`() {
        for number in 0...SeccompPolicy.lastReviewedCall + 1 {
            #expect(machine.run(call: number, arch: Self.foreign, arguments: .zeros) == Self.kill)
        }
    }

    @Test func `Arguments near every value of the table are answered as the table says`() {
        var random = SplitMix(state: 20_260_101)
        for (number, rules) in rules where number >= 0 {
            let interesting = rules.flatMap(\.conditions).flatMap(\.test.interestingValues) + [0, 1, .max]
            for _ in 0..<4_000 {
                check(UInt32(number), (0..<6).map { _ in near(interesting, &random) })
            }
        }
    }

    private func answer(_ number: UInt32) -> UInt32? {
        machine.run(call: number, arch: Self.native, arguments: .zeros)
    }

    private func near(_ values: [UInt64], _ random: inout SplitMix) -> UInt64 {
        let value = values[Int(random.next() % UInt64(values.count))]
        switch random.next() % 8 {
        case 0: return value ^ 1 << (random.next() % 64)
        case 1: return value &+ 1
        case 2: return value | random.next() << 32
        case 3: return random.next()
        case 4: return value | values[Int(random.next() % UInt64(values.count))]
        default: return value
        }
    }

    /// A call that several rules refuse gets the answer of one of them.
    private func check(_ number: UInt32, _ arguments: [UInt64]) {
        let matching = (rules[Int32(number)] ?? []).filter { rule in
            rule.conditions.allSatisfy { $0.test.holds(arguments[Int($0.argument)]) }
        }
        let expected = matching.map { 0x0005_0000 | UInt32($0.answer.errno) }
        let actual = machine.run(call: number, arch: Self.native, arguments: arguments)
        let agrees = expected.isEmpty ? actual == Self.allow : expected.contains(actual ?? 0)
        #expect(agrees, "call \(number) with \(arguments): \(String(describing: actual)), table: \(expected)")
    }
}

/// A reproducible stream of numbers (SplitMix64).
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

extension [UInt64] {
    fileprivate static var zeros: Self { Self(repeating: 0, count: 6) }
}

extension ArgumentTest {
    /// The meaning of the test, written without libseccomp's operators.
    fileprivate func holds(_ value: UInt64) -> Bool {
        switch self {
        case .low32(let values): values.contains(value & 0xffff_ffff)
        case .none(let values): !values.contains(value)
        case .anyBit(let mask): value & mask != 0
        case .masked(let mask, let values): values.contains(value & mask)
        case .maskedNone(let mask, let values): !values.contains(value & mask)
        case .low32Mixed: ![0, 0xffff_ffff].contains(value & 0xffff_ffff)
        }
    }

    fileprivate var interestingValues: [UInt64] {
        switch self {
        case .low32(let values), .none(let values): values
        case .anyBit(let mask): [mask, mask & (~mask &+ 1)]
        case .masked(let mask, let values), .maskedNone(let mask, let values): values + [mask]
        case .low32Mixed: [0xffff_ffff, 8, 0x0004_0000]
        }
    }
}
