import Foundation

/// An interpreter of a policy's JSON: the twin that the compiled filter is compared with.
///
/// It shares nothing with what reads and compiles policies: JSON by Foundation, numbers by the C library's headers or as
/// the data gives them, tests by arithmetic.
struct PolicyData {
    /// A rule, applied to one call.
    struct Rule {
        let answer: String
        let conditions: [Condition]
    }

    struct Condition {
        let argument: Int
        let values: [UInt64]
        let holds: (UInt64) -> Bool
    }

    struct Malformed: Error {}

    let isPermissions: Bool
    let rules: [UInt32: [Rule]]

    static func file(_ name: String) -> URL {
        URL(filePath: #filePath).appending(path: "../../../../profiles/seccomp/\(name).json").standardized
    }

    init(_ text: Data) throws {
        guard let top = try JSONSerialization.jsonObject(with: text) as? [String: Any],
            let rest = top["default"] as? String, let groups = top["groups"] as? [[String: Any]]
        else { throw Malformed() }
        isPermissions = rest == "EPERM"
        var rules: [UInt32: [Rule]] = [:]
        for rule in groups.flatMap({ $0["rules"] as? [[String: Any]] ?? [] }) {
            guard let answer = rule["answer"] as? String, let calls = rule["calls"] as? [Any] else {
                throw Malformed()
            }
            let conditions = try (rule["when"] as? [[String: Any]] ?? []).map(Self.condition)
            for call in calls {
                rules[try Self.number(call), default: []].append(Rule(answer: answer, conditions: conditions))
            }
        }
        self.rules = rules
    }

    /// The answers of the rules that hold, of which the filter gives one; `allow` for what is let through.
    func answers(_ number: UInt32, _ arguments: [UInt64]) -> [String] {
        let holding = (rules[number] ?? []).filter { rule in
            rule.conditions.allSatisfy { $0.holds(arguments[$0.argument]) }
        }
        return holding.isEmpty ? [isPermissions ? "EPERM" : "allow"] : holding.map(\.answer)
    }

    private static func number(_ call: Any) throws -> UInt32 {
        if let pair = call as? [String: Any], let number = pair["number"] as? UInt32 { return number }
        guard let name = call as? String, let number = headerNumbers[name] else { throw Malformed() }
        return number
    }

    /// The numbers of asm/unistd_64.h; what is newer than the header stands with its number in the data.
    static let headerNumbers: [String: UInt32] = {
        let file = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        let lines = text.matches(of: /#define __NR_(\w+) (\d+)/)
        return Dictionary(lines.map { (String($0.output.1), UInt32($0.output.2) ?? .max) }) { first, _ in
            first
        }
    }()

    private static func condition(_ object: [String: Any]) throws -> Condition {
        guard let argument = object["argument"] as? Int else { throw Malformed() }
        func numbers(_ key: String) -> [UInt64] { (object[key] as? [String] ?? []).compactMap(hexadecimal) }
        let mask = (object["mask"] as? String).flatMap(hexadecimal)
        let holds: (UInt64) -> Bool
        var values: [UInt64]
        if object["low32"] as? String == "mixed" {
            values = [0xffff_ffff, 8, 0x0004_0000]
            holds = { $0 << 32 != 0 && ~$0 << 32 != 0 }
        } else if object["low32"] != nil {
            let listed = numbers("low32")
            values = listed
            holds = { value in listed.contains { $0 == value % 0x1_0000_0000 } }
        } else if let bits = (object["anyBit"] as? String).flatMap(hexadecimal) {
            values = [bits, bits & (~bits &+ 1), 1 << UInt64(63 - bits.leadingZeroBitCount)]
            holds = { $0 & bits != 0 }
        } else if let listed = object["in"] as? [String], let mask {
            values = listed.compactMap(hexadecimal)
            holds = { [values] value in values.contains { $0 ^ (value & mask) == 0 } }
        } else {
            values = numbers("none")
            let mask = mask ?? .max
            holds = { [values] value in values.allSatisfy { $0 ^ (value & mask) != 0 } }
        }
        if let mask { values.append(mask) }
        return Condition(argument: argument, values: values, holds: holds)
    }

    private static func hexadecimal(_ text: String) -> UInt64? { UInt64(text.dropFirst(2), radix: 16) }
}
