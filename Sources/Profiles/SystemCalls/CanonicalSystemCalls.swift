internal import Crypto
internal import Model
internal import Policy

/// The text that a policy's digest is made of: everything that decides, one line for each rule, in order.
struct CanonicalSystemCalls {
    private(set) var text: String

    init(rest: SystemCallPolicy.Rest, rules: [SystemCallRule]) {
        let lines = rules.map { rule in
            let calls = rule.calls.map { "\($0.number)" }.joined(separator: ",")
            let conditions = rule.conditions.map { "\t\($0.argument) \(Self.text(of: $0.test))" }.joined()
            return "\(rule.answer.rawValue)\t\(calls)\(conditions)\n"
        }
        text = "bailey-system-calls\t1\t\(rest.rawValue)\n" + lines.joined()
    }

    /// SHA-256 in lower-case hex.
    var digest: String { SHA256.hash(data: Array(text.utf8)).hex }

    private static func text(of test: ArgumentTest) -> String {
        switch test {
        case .low32(let values): "low32 \(values)"
        case .none(let values): "none \(values)"
        case .anyBit(let mask): "anyBit \(mask)"
        case .masked(let mask, let values): "mask \(mask) in \(values)"
        case .maskedNone(let mask, let values): "mask \(mask) none \(values)"
        case .low32Mixed: "low32 mixed"
        }
    }
}
