import Policy
import Testing

/// A child's filter is not stacked on its parent's: what the child may call is what its own profile says.
struct SystemCallExcessTests {
    private func call(_ name: String) -> SystemCall {
        SystemCall(name: name, number: SystemCallTable.number(of: name) ?? .max)
    }

    private func policy(
        _ name: String,
        _ rest: SystemCallPolicy.Rest,
        _ rules: [(String, [ArgumentCondition])]
    ) -> SystemCallPolicy {
        let answer: SystemCallAnswer = rest == .allowed ? .notPermitted : .allowed
        let group = SystemCallGroup(
            name: "g",
            reason: "r",
            rules: rules.map { SystemCallRule(calls: [call($0)], conditions: $1, answer: answer) }
        )
        return SystemCallPolicy(name: name, rest: rest, groups: [group], digest: "\(rest) \(rules)")
    }

    private func what(_ child: SystemCallPolicy?, under parent: SystemCallPolicy?) -> [String] {
        excess(
            of: Profile(name: "child", systemCalls: child),
            over: Profile(name: "parent", systemCalls: parent)
        ).map(\.what)
    }

    private let low = ArgumentCondition(argument: 1, test: .low32(in: [1]))
    private let high = ArgumentCondition(argument: 2, test: .anyBit(of: 8))

    @Test("What a profile leaves out is its parent's, and anything is within default alone")
    func leftOut() {
        let strict = policy("strict", .notPermitted, [("read", [])])
        #expect(what(nil, under: strict) == [])
        #expect(what(strict, under: nil) == [])
        var child = Profile(name: "child")
        child.complete(by: Profile(name: "parent", limits: Limits(memory: 5), systemCalls: strict))
        #expect(child.systemCalls == strict && child.limits.memory == 5)
        var own = Profile(name: "child", systemCalls: policy("own", .allowed, []))
        own.complete(by: Profile(name: "parent", systemCalls: strict))
        #expect(own.systemCalls?.name == "own")
    }

    @Test("default is wider than strict, and than a policy that refuses anything")
    func standard() {
        let standard = policy("default", .allowed, [])
        #expect(
            what(standard, under: policy("strict", .notPermitted, [("read", [])])) == ["syscalls default"]
        )
        #expect(
            what(standard, under: policy("web", .allowed, [("splice", []), ("tee", [low])]))
                == ["syscalls default: splice", "syscalls default: tee"]
        )
        #expect(what(policy("strict", .notPermitted, [("read", [])]), under: standard) == [])
        #expect(what(policy("web", .allowed, [("splice", [])]), under: standard) == [])
    }

    @Test("A policy is within one that refuses less, on fewer calls or more conditions")
    func refusals() {
        let parent = policy("p", .allowed, [("splice", [low])])
        #expect(what(policy("c", .allowed, [("splice", [low]), ("tee", [])]), under: parent) == [])
        #expect(what(policy("c", .allowed, [("splice", [])]), under: parent) == [])
        #expect(
            what(policy("c", .allowed, [("splice", [low, high])]), under: parent) == ["syscalls c: splice"]
        )
        #expect(what(policy("c", .allowed, [("tee", [])]), under: parent) == ["syscalls c: splice"])
    }

    @Test(
        "A list of permissions is within one that permits as much, and within refusals of what it leaves out"
    )
    func permissions() {
        let parent = policy("p", .notPermitted, [("read", []), ("ioctl", [low])])
        #expect(
            what(policy("c", .notPermitted, [("read", [low]), ("ioctl", [high, low])]), under: parent) == []
        )
        #expect(what(policy("c", .notPermitted, [("ioctl", [])]), under: parent) == ["syscalls c: ioctl"])
        #expect(what(policy("c", .notPermitted, [("write", [])]), under: parent) == ["syscalls c: write"])
        let refusing = policy("p", .allowed, [("splice", []), ("ioctl", [low])])
        #expect(what(policy("c", .notPermitted, [("read", [])]), under: refusing) == [])
        // Whether the two conditions meet is not decided: it counts as wider.
        #expect(
            what(policy("c", .notPermitted, [("ioctl", [high])]), under: refusing) == ["syscalls c: ioctl"]
        )
    }

    @Test("The same rules under another name are no wider")
    func sameDigest() {
        let rules = [("splice", [low])]
        let other = policy("other", .allowed, rules)
        #expect(what(policy("c", .allowed, rules), under: other) == [])
    }

    /// Whatever the comparison lets pass, no single call may show a difference.
    @Test(
        "What counts as no wider allows nothing that the parent refuses",
        arguments: 1...40 as ClosedRange<UInt64>
    )
    func property(seed: UInt64) {
        var random = Chance(state: seed)
        var passed = 0
        for _ in 0..<400 {
            let parent = random.policy("p")
            let child = random.below(3) == 0 ? random.narrowed(parent) : random.policy("c")
            guard what(child, under: parent).isEmpty else { continue }
            passed += 1
            for _ in 0..<60 {
                let number = UInt32(random.below(4))
                let arguments = (0..<6).map { _ in UInt64(random.below(4)) }
                let escapes = child.allows(number, arguments) && !parent.allows(number, arguments)
                guard !escapes else {
                    Issue.record("call \(number) \(arguments): \(child) under \(parent)")
                    return
                }
            }
        }
        #expect(passed > 10)
    }
}

extension SystemCallPolicy {
    fileprivate func allows(_ number: UInt32, _ arguments: [UInt64]) -> Bool {
        let matches = rules.contains { rule in
            rule.calls.contains { $0.number == number }
                && rule.conditions.allSatisfy { $0.test.holds(arguments[Int($0.argument)]) }
        }
        return matches == (rest == .notPermitted)
    }
}

extension ArgumentTest {
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
}

/// Small policies over four calls and small arguments, so that they meet often.
private struct Chance {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ mixed >> 31) % UInt64(bound))
    }

    mutating func policy(_ name: String) -> SystemCallPolicy {
        let rest: SystemCallPolicy.Rest = below(2) == 0 ? .allowed : .notPermitted
        return made(name, rest, (0..<1 + below(3)).map { _ in rule(rest) })
    }

    /// The same rules with one more: of refusals that is narrower, of permissions a part of one is.
    mutating func narrowed(_ policy: SystemCallPolicy) -> SystemCallPolicy {
        guard policy.rest == .notPermitted else {
            return made("c", policy.rest, policy.rules + [rule(policy.rest)])
        }
        let rules = policy.rules.map { rule in
            SystemCallRule(
                calls: rule.calls,
                conditions: rule.conditions + (below(2) == 0 ? [] : [condition()]),
                answer: rule.answer
            )
        }
        return made("c", policy.rest, rules)
    }

    private func made(
        _ name: String,
        _ rest: SystemCallPolicy.Rest,
        _ rules: [SystemCallRule]
    ) -> SystemCallPolicy {
        let group = SystemCallGroup(name: "g", reason: "r", rules: rules)
        return SystemCallPolicy(name: name, rest: rest, groups: [group], digest: "\(rest) \(rules)")
    }

    private mutating func rule(_ rest: SystemCallPolicy.Rest) -> SystemCallRule {
        let number = UInt32(below(4))
        return SystemCallRule(
            calls: [SystemCall(name: "call-\(number)", number: number)],
            conditions: (0..<below(3)).map { _ in condition() },
            answer: rest == .allowed ? .notPermitted : .allowed
        )
    }

    private mutating func condition() -> ArgumentCondition {
        let value = UInt64(below(4))
        let test: ArgumentTest =
            switch below(4) {
            case 0: .low32(in: [value])
            case 1: .none(of: [value])
            case 2: .anyBit(of: value | 1)
            default: .masked(3, in: [value])
            }
        return ArgumentCondition(argument: UInt32(below(2)), test: test)
    }
}
