import Foundation
import Policy
import Profiles

/// Policies as an operator might write them, from a seed: rules by chance, less those that the parser refuses.
struct RandomPolicy {
    private var random: SplitMix
    /// Rules with conditions that were kept, and those of them with several.
    private(set) var conditional = 0
    private(set) var several = 0

    init(seed: UInt64) {
        random = SplitMix(state: seed &* 1_000_003)
    }

    /// The policy's text.
    mutating func json(isPermissions: Bool) throws -> Data {
        var kept: [[String: Any]] = []
        for _ in 0..<8 + random.below(16) {
            let rule = rule(isPermissions)
            guard Self.isRead(try Self.text(kept + [rule], isPermissions)) else { continue }
            kept.append(rule)
            let count = (rule["when"] as? [Any] ?? []).count
            if count > 0 { conditional += 1 }
            if count > 1 { several += 1 }
        }
        return try Self.text(kept, isPermissions)
    }

    private static func text(_ rules: [[String: Any]], _ isPermissions: Bool) throws -> Data {
        let top: [String: Any] = [
            "bailey": 1, "architecture": "x86_64", "default": isPermissions ? "EPERM" : "allow",
            "groups": [["name": "group", "reason": "By chance.", "rules": rules]],
        ]
        return try JSONSerialization.data(withJSONObject: top, options: .sortedKeys)
    }

    private static func isRead(_ text: Data) -> Bool {
        (try? SystemCallPolicies.parse(String(decoding: text, as: UTF8.self), name: "n", file: "n.json"))
            != nil
    }

    private mutating func rule(_ isPermissions: Bool) -> [String: Any] {
        var rule: [String: Any] = ["calls": (0..<1 + random.below(isPermissions ? 8 : 4)).map { _ in call() }]
        let answers = ["EPERM", "ENOSYS", "EACCES", "EAFNOSUPPORT", "EPROTONOSUPPORT"]
        rule["answer"] = isPermissions ? "allow" : answers[random.below(answers.count)]
        let count = [0, 1, 1, 1, 2, 2, 2, 3][random.below(8)]
        if count > 0 {
            let first = random.below(6)
            rule["when"] = (0..<count).map { condition(at: (first + $0) % 6, isPermissions) }
        }
        return rule
    }

    /// By name where the library knows it, else with its number; half of them the same few, so that rules meet.
    private mutating func call() -> Any {
        let calls = SystemCallTable.calls
        let call = calls[random.below(2) == 0 ? random.below(6) : random.below(calls.count)]
        return ["name": call.name, "number": Int(call.number)] as [String: Any]
    }

    private mutating func condition(at argument: Int, _ isPermissions: Bool) -> [String: Any] {
        var condition: [String: Any] = ["argument": argument]
        switch random.below(isPermissions ? 5 : 6) {
        case 0: condition["low32"] = values(within: 0xffff_ffff)
        case 1: condition["low32"] = "mixed"
        case 2: condition["anyBit"] = text(mask() | 1)
        case 3, 4:
            let mask = mask() | 0x3
            condition["mask"] = text(mask)
            condition[random.below(2) == 0 ? "in" : "none"] = values(within: mask)
        default: condition["none"] = values(within: 0x3f)
        }
        return condition
    }

    /// Up to eight bits anywhere.
    private mutating func mask() -> UInt64 {
        (0..<1 + random.below(8)).reduce(0) { mask, _ in mask | 1 << (random.next() % 64) }
    }

    private mutating func values(within mask: UInt64) -> [String] {
        (0..<1 + random.below(4)).map { _ in text(random.next() & mask & (random.below(2) == 0 ? 0xff : .max))
        }
    }

    private func text(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
