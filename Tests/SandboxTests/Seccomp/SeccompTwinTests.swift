import Foundation
import Policy
import Profiles
import Sandbox
import Testing

/// The compiled filters, asked together as the kernel does, against the data they were made from: on numbers and arguments near every value of the data.
struct SeccompTwinTests {
    /// AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 and AUDIT_ARCH_AARCH64 (linux/audit.h).
    private static let native: UInt32 = 0xc000_003e
    private static let foreign: [UInt32] = [0x4000_0003, 0xc000_00b7, 0, .max, 0xc000_003f]
    private static let actions: [String: UInt32] = [
        "allow": 0x7fff_0000, "EPERM": 0x0005_0001, "ENOSYS": 0x0005_0026, "EACCES": 0x0005_000d,
        "EAFNOSUPPORT": 0x0005_0061, "EPROTONOSUPPORT": 0x0005_005d,
    ]
    private static let kill: UInt32 = 0x8000_0000
    private static let allow: UInt32 = 0x7fff_0000
    /// Numbers where something begins or ends: the table, its gap, x32, the sign.
    private static let edges: [UInt32] = [
        336, 337, 340, 423, 424, 471, 472, 511, 512, 547, 600, 0x3fff_ffff, 0x4000_0000, 0x4000_0027,
        0x4000_0208, 0x7fff_ffff, 0x8000_0000, .max - 1, .max,
    ]

    /// One filter and the data that it has to agree with.
    private struct Twin {
        let machine: BPFMachine
        let base: PolicyData
        let narrowed: PolicyData?

        /// The twin of the default, and of a policy's JSON on top of it.
        init(narrowed text: Data?) throws {
            let policy = try text.map {
                try SystemCallPolicies.parse(String(decoding: $0, as: UTF8.self), name: "n", file: "n.json")
            }
            machine = BPFMachine(programs: try Self.filters(policy))
            base = try PolicyData(Data(contentsOf: PolicyData.file("x86_64")))
            narrowed = try text.map(PolicyData.init)
        }

        /// What is loaded for the default and a policy on top of it.
        static func filters(_ policy: SystemCallPolicy?) throws -> [[UInt8]] {
            try SeccompFilters().programs(policy)
        }

        /// The actions that the data gives, of which the filters give one.
        func expected(_ number: UInt32, _ arch: UInt32, _ arguments: [UInt64]) -> [UInt32] {
            guard arch == native else { return [kill] }
            if number >= 0x4000_0000, number != .max { return [kill] }
            if number > 471 || (337...423).contains(number) { return [0x0005_0026] }
            let first = base.answers(number, arguments)
            guard first == ["allow"], let narrowed else { return first.compactMap { actions[$0] } }
            // What loads the second filter is left to it.
            let isLoading = number == 317 && arguments[0] << 32 == 1 << 32 && arguments[1] << 32 == 0
            return isLoading ? [allow] : narrowed.answers(number, arguments).compactMap { actions[$0] }
        }

        /// Reports a disagreement.
        func check(_ number: UInt32, _ arch: UInt32, _ arguments: [UInt64]) {
            let wanted = expected(number, arch, arguments)
            let actual = machine.run(call: number, arch: arch, arguments: arguments)
            // Not a macro for each: there are hundreds of thousands.
            if let actual, wanted.contains(actual) { return }
            Issue.record("call \(number) of \(arch) with \(arguments): \(actual ?? 0), data: \(wanted)")
        }

        func conditions(_ number: UInt32) -> [PolicyData.Condition] {
            [base, narrowed].compactMap(\.self).flatMap { $0.rules[number] ?? [] }.flatMap(\.conditions)
        }

        var ruled: [UInt32] {
            Set([base, narrowed].compactMap(\.self).flatMap(\.rules.keys)).filter { $0 < 600 }.sorted()
        }
    }

    private static let strict = Result { try Data(contentsOf: PolicyData.file("strict-x86_64")) }

    @Test func `The default filter is what its data says`() throws {
        compare(try Twin(narrowed: nil), seed: 20_260_101, rounds: 4_000)
    }

    @Test func `The strict filter is what its data and the default's say`() throws {
        compare(try Twin(narrowed: try Self.strict.get()), seed: 20_260_102, rounds: 3_000)
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `A policy of an operator's is what its data and the default's say`(seed: UInt64) throws {
        var made = RandomPolicy(seed: seed)
        let text = try made.json(isPermissions: seed % 2 == 0)
        compare(try Twin(narrowed: text), seed: seed, rounds: 300)
    }

    @Test func `The random policies have conditions, several in one rule and different answers of one call`()
        throws
    {
        var (conditional, several, mixed) = (0, 0, 0)
        for seed: UInt64 in 1...100 {
            var made = RandomPolicy(seed: seed)
            let data = try PolicyData(try made.json(isPermissions: seed % 2 == 0))
            conditional += made.conditional
            several += made.several
            mixed += data.rules.values.count { Set($0.map(\.answer)).count > 1 }
        }
        #expect(conditional > 500 && several > 100 && mixed > 50, "\(conditional) \(several) \(mixed)")
    }

    @Test func `No policy on top of the default allows what the default refuses`() throws {
        let base = BPFMachine(programs: try Twin.filters(nil))
        let everything = SystemCallRule(calls: SystemCallTable.calls, conditions: [], answer: .allowed)
        let open = SystemCallPolicy(
            name: "open",
            rest: .notPermitted,
            groups: [SystemCallGroup(name: "all", reason: "Everything.", rules: [everything])],
            digest: "open"
        )
        let machine = BPFMachine(programs: try Twin.filters(open))
        var random = SplitMix(state: 7)
        let data = try PolicyData(Data(contentsOf: PolicyData.file("x86_64")))
        for number in Array(0...600) + Self.edges {
            let values = (data.rules[number] ?? []).flatMap(\.conditions).flatMap(\.values) + [0, 1, .max]
            for _ in 0..<200 {
                let arguments = (0..<6).map { _ in random.near(values) }
                let isSame =
                    machine.run(call: number, arch: Self.native, arguments: arguments)
                    == base.run(call: number, arch: Self.native, arguments: arguments)
                if !isSame { Issue.record("call \(number) with \(arguments)") }
            }
        }
    }

    @Test func `The comparison would notice a filter of another policy`() throws {
        let strict = try Twin(narrowed: try Self.strict.get())
        let plain = BPFMachine(programs: try Twin.filters(nil))
        let differing = (0...471 as ClosedRange<UInt32>).filter { number in
            let actual = plain.run(call: number, arch: Self.native, arguments: .zeros)
            return actual.map { strict.expected(number, Self.native, .zeros).contains($0) } != true
        }
        #expect(differing.count > 50)
    }

    @Test func `The comparison would notice the order of loading and a filter that is not loaded`() throws {
        let strict = try Twin(narrowed: try Self.strict.get())
        let filters = try Twin.filters(try SystemCallPolicies.strict())
        #expect(filters.count == 2)
        func answer(_ programs: [[UInt8]], _ number: UInt32) throws -> Bool {
            let machine = BPFMachine(programs: programs)
            let actual = try #require(machine.run(call: number, arch: Self.native, arguments: .zeros))
            return strict.expected(number, Self.native, .zeros).contains(actual)
        }
        // clone3, which both refuse: default with ENOSYS; personality, which strict alone refuses; mount of default's.
        for number: UInt32 in [435, 135, 165] { #expect(try answer(filters, number)) }
        #expect(try !answer(filters.reversed(), 435))
        #expect(try !answer([filters[1]], 135))
        #expect(try !answer([filters[0]], 435))
    }

    private func compare(_ twin: Twin, seed: UInt64, rounds: Int) {
        var random = SplitMix(state: seed)
        for number in Array(0...600) + Self.edges {
            twin.check(number, Self.native, .zeros)
            twin.check(number, Self.native, (0..<6).map { _ in random.next() })
            for arch in Self.foreign { twin.check(number, arch, .zeros) }
        }
        for number in twin.ruled {
            let values = twin.conditions(number).flatMap(\.values)
            let count = values.isEmpty ? 20 : rounds
            for _ in 0..<count {
                twin.check(number, Self.native, (0..<6).map { _ in random.near(values + [0, 1, .max]) })
            }
        }
        for _ in 0..<rounds {
            let number = UInt32(truncatingIfNeeded: random.next())
            twin.check(number, Self.native, (0..<6).map { _ in random.next() })
            twin.check(number % 600, Self.native, (0..<6).map { _ in random.next() })
        }
    }
}

/// A reproducible stream of numbers (SplitMix64).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// One of the values, or a number that differs from it a little, or in its high half only.
    mutating func near(_ values: [UInt64]) -> UInt64 {
        let value = values[below(values.count)]
        switch below(8) {
        case 0: return value ^ 1 << (next() % 64)
        case 1: return value &+ 1
        case 2: return value | next() << 32
        case 3: return next()
        case 4: return value | values[below(values.count)]
        default: return value
        }
    }
}

extension [UInt64] {
    fileprivate static var zeros: Self { Self(repeating: 0, count: 6) }
}
