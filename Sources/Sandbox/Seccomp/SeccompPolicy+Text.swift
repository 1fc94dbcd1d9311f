extension SeccompPolicy {
    /// The policy as JSON, for readers and for `profiles/seccomp/x86_64.json`: one rule per line.
    ///
    /// Names and reasons are constants of this module without characters that JSON escapes.
    package static func json() -> String {
        """
        {
          "default": "allow",
          "otherArchitectures": "kill",
          "above": { "call": \(lastReviewedCall), "answer": "ENOSYS", "x32": "kill" },
          "groups": [
        \(groups.map(\.json).joined(separator: ",\n"))
          ]
        }

        """
    }
}

extension SeccompGroup {
    fileprivate var json: String {
        """
            {
              "name": "\(name)",
              "reason": "\(reason)",
              "rules": [
        \(rules.map { "        \($0.json)" }.joined(separator: ",\n"))
              ]
            }
        """
    }
}

extension SeccompRule {
    fileprivate var json: String {
        let conditions = conditions.map(\.json).joined(separator: ", ")
        let when = conditions.isEmpty ? "" : ", \"when\": [\(conditions)]"
        let calls = calls.map(\.json).joined(separator: ", ")
        return "{ \"calls\": [\(calls)]\(when), \"answer\": \"\(answer.rawValue)\" }"
    }
}

extension SystemCall {
    fileprivate var json: String {
        guard let number else { return "\"\(name)\"" }
        return "{ \"name\": \"\(name)\", \"number\": \(number) }"
    }
}

extension ArgumentCondition {
    fileprivate var json: String {
        "{ \"argument\": \(argument), \(test.json) }"
    }
}

extension ArgumentTest {
    fileprivate var json: String {
        switch self {
        case .low32(let values): "\"low32\": \(Self.list(values))"
        case .none(let values): "\"none\": \(Self.list(values))"
        case .anyBit(let mask): "\"anyBit\": \(Self.hexadecimal(mask))"
        case .masked(let mask, let values):
            "\"mask\": \(Self.hexadecimal(mask)), \"in\": \(Self.list(values))"
        case .maskedNone(let mask, let values):
            "\"mask\": \(Self.hexadecimal(mask)), \"none\": \(Self.list(values))"
        case .low32Mixed: "\"low32\": \"mixed\""
        }
    }

    private static func list(_ values: [UInt64]) -> String {
        "[\(values.map(hexadecimal).joined(separator: ", "))]"
    }

    /// A JSON string: the format has no hexadecimal numbers, and these are read as bits.
    private static func hexadecimal(_ value: UInt64) -> String {
        "\"0x\(String(value, radix: 16))\""
    }
}
