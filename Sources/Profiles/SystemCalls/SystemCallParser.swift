internal import Model
internal import Policy

/// Reads a policy file (`profiles/seccomp/README.md`); every error goes to `errors`, and the result counts only when
/// there is none.
struct SystemCallParser {
    static let version = 1
    static let keys = ["bailey", "architecture", "description", "default", "unknown", "foreign", "groups"]

    var errors: Diagnostics
    private var rest = SystemCallPolicy.Rest.allowed
    private var known = RulesOfCalls()

    init(file: String) {
        errors = Diagnostics(file: file)
    }

    /// The policy in this text.
    static func parse(_ text: String, name: String, file: String) throws(ProfileError) -> SystemCallPolicy {
        let document = try JSONDocument(text, file: file)
        var parser = SystemCallParser(file: file)
        let policy = parser.policy(document.root, name: name)
        try parser.errors.check()
        return policy
    }

    private mutating func policy(_ root: YAMLNode, name: String) -> SystemCallPolicy {
        var groups: [SystemCallGroup] = []
        if let top = root.mapping("the policy", keys: Self.keys, &errors) {
            readHead(top)
            let nodes = required("groups", of: top)?.list("groups", &errors) ?? []
            groups = nodes.compactMap { group($0) }
            checkNames(groups, at: root.position)
        }
        let text = CanonicalSystemCalls(rest: rest, rules: groups.flatMap(\.rules))
        return SystemCallPolicy(name: name, rest: rest, groups: groups, digest: text.digest)
    }

    private mutating func readHead(_ top: YAMLMapping) {
        _ = required("bailey", of: top)?
            .integer("bailey, the version of the format,", Self.version...Self.version, &errors)
        _ = required("architecture", of: top)?
            .word("architecture", of: [SystemCallTable.architecture], &errors)
        _ = top["description"]?.text("description", &errors)
        // What they say cannot be changed; they stand in a file for its reader.
        _ = top["unknown"]?.word("unknown", of: [SystemCallAnswer.noSuchCall.rawValue], &errors)
        _ = top["foreign"]?.word("foreign", of: ["kill"], &errors)
        let words = SystemCallPolicy.Rest.allCases.map(\.rawValue)
        rest =
            required("default", of: top)?.word("default", of: words, &errors)
            .flatMap(SystemCallPolicy.Rest.init(rawValue:)) ?? .notPermitted
    }

    private mutating func required(_ key: String, of mapping: YAMLMapping) -> YAMLNode? {
        if let node = mapping[key] { return node }
        errors.report("\"\(key)\" is missing", at: mapping.position)
        return nil
    }

    private mutating func checkNames(_ groups: [SystemCallGroup], at position: TextPosition) {
        var seen: Set<String> = []
        for group in groups where !seen.insert(group.name).inserted {
            errors.report("two groups are called \"\(group.name)\"", at: position)
        }
    }

    private mutating func group(_ node: YAMLNode) -> SystemCallGroup? {
        guard let group = node.mapping("a group", keys: ["name", "reason", "rules"], &errors) else {
            return nil
        }
        let name = required("name", of: group)?.text("name of a group", &errors) ?? ""
        let reason = required("reason", of: group)?.text("reason of a group", &errors) ?? ""
        if reason.isEmpty { errors.report("a group without a reason", at: node.position) }
        let rules = required("rules", of: group)?.list("rules", &errors) ?? []
        return SystemCallGroup(name: name, reason: reason, rules: rules.compactMap { rule($0) })
    }

    private mutating func rule(_ node: YAMLNode) -> SystemCallRule? {
        guard let rule = node.mapping("a rule", keys: ["calls", "when", "answer"], &errors) else {
            return nil
        }
        let nodes = required("calls", of: rule)?.list("calls", &errors) ?? []
        if nodes.isEmpty { errors.report("a rule without calls", at: node.position) }
        let conditions = conditions(rule)
        guard let answer = answer(rule) else { return nil }
        let calls = nodes.map { (call($0), $0.position) }
        let read = SystemCallRule(calls: calls.compactMap(\.0), conditions: conditions ?? [], answer: answer)
        // What was not understood is reported already.
        guard conditions != nil else { return read }
        for case (let call?, let position) in calls {
            if let problem = known.problem(adding: read, to: call) { errors.report(problem, at: position) }
        }
        return read
    }

    /// Nil when one of them was not understood.
    private mutating func conditions(_ rule: YAMLMapping) -> [ArgumentCondition]? {
        let nodes = rule["when"]?.list("when", &errors) ?? []
        let conditions = nodes.compactMap { condition($0) }
        var seen: Set<UInt32> = []
        for condition in conditions where !seen.insert(condition.argument).inserted {
            errors.report(
                "argument \(condition.argument) has two conditions in one rule",
                at: rule.position
            )
            return nil
        }
        return conditions.count == nodes.count ? conditions : nil
    }

    /// A list of permissions holds nothing but permissions, a list of refusals nothing but refusals.
    private mutating func answer(_ rule: YAMLMapping) -> SystemCallAnswer? {
        guard let node = required("answer", of: rule) else { return nil }
        let words = SystemCallAnswer.allCases.filter { ($0 == .allowed) == (rest == .notPermitted) }
        return node.word(
            "answer, in a policy whose default is \(rest.rawValue),",
            of: words.map(\.rawValue),
            &errors
        )
        .flatMap(SystemCallAnswer.init(rawValue:))
    }

    private mutating func call(_ node: YAMLNode) -> SystemCall? {
        guard case .mapping = node.content else {
            return node.text("a call", &errors).flatMap { named($0, at: node.position) }
        }
        guard let call = node.mapping("a call", keys: ["name", "number"], &errors),
            let name = required("name", of: call)?.text("name of a call", &errors),
            let number = required("number", of: call)?
                .integer("number of a call", 0...Int(SystemCallTable.firstForeign) - 1, &errors)
        else { return nil }
        return numbered(name, UInt32(number), at: node.position)
    }

    private mutating func named(_ name: String, at position: TextPosition) -> SystemCall? {
        guard let number = SystemCallTable.number(of: name) else {
            errors.report(
                "unknown system call \"\(name)\"; one that Bailey does not know is written with its number,"
                    + " {\"name\": …, \"number\": …}",
                at: position,
                suggestion: NearestWord.nearest(to: name, in: SystemCallTable.calls.lazy.map(\.name))
            )
            return nil
        }
        return SystemCall(name: name, number: number)
    }

    private mutating func numbered(_ name: String, _ number: UInt32, at position: TextPosition) -> SystemCall?
    {
        if let known = SystemCallTable.number(of: name), known != number {
            errors.report("\"\(name)\" has the number \(known), not \(number)", at: position)
            return nil
        }
        if let known = SystemCallTable.name(of: number), known != name {
            errors.report("\(number) is the number of \"\(known)\", not of \"\(name)\"", at: position)
            return nil
        }
        return SystemCall(name: name, number: number)
    }

    private mutating func condition(_ node: YAMLNode) -> ArgumentCondition? {
        let keys = ["argument", "low32", "none", "anyBit", "mask", "in"]
        guard let condition = node.mapping("a condition", keys: keys, &errors),
            let argument = required("argument", of: condition)?.integer("argument", 0...5, &errors)
        else { return nil }
        return test(condition).map { ArgumentCondition(argument: UInt32(argument), test: $0) }
    }

    private mutating func test(_ condition: YAMLMapping) -> ArgumentTest? {
        let keys = condition.entries.map(\.key).filter { $0 != "argument" }.sorted()
        switch keys {
        case ["low32"]:
            if case .scalar("mixed", quoted: true)? = condition["low32"]?.content { return .low32Mixed }
            return numbers(condition, "low32", within: 0xffff_ffff).map { .low32(in: $0) }
        case ["none"]:
            guard rest == .allowed else { return unbounded(condition) }
            return numbers(condition, "none").map { .none(of: $0) }
        case ["anyBit"]:
            return mask(condition, "anyBit").map { .anyBit(of: $0) }
        case ["in", "mask"]:
            guard let mask = mask(condition, "mask") else { return nil }
            return numbers(condition, "in", within: mask).map { .masked(mask, in: $0) }
        case ["mask", "none"]:
            guard let mask = mask(condition, "mask") else { return nil }
            return numbers(condition, "none", within: mask).map { .maskedNone(mask, of: $0) }
        default:
            errors.report(
                "a condition has one test: low32, none, anyBit, mask with in, or mask with none",
                at: condition.position
            )
            return nil
        }
    }

    /// The kernel reads an `int` from the low half of a register whose other half the caller fills as it likes.
    private mutating func unbounded(_ condition: YAMLMapping) -> ArgumentTest? {
        errors.report(
            "none without mask would allow any value with other high bits; write \"mask\": \"0xffffffff\" with it",
            at: condition.position
        )
        return nil
    }

    private mutating func numbers(
        _ condition: YAMLMapping,
        _ key: String,
        within mask: UInt64 = .max
    ) -> [UInt64]? {
        guard let node = condition[key], let nodes = node.list(key, &errors) else { return nil }
        guard (1...SystemCallLimits.valuesOfCondition).contains(nodes.count) else {
            errors.report("\(key) takes 1 to \(SystemCallLimits.valuesOfCondition) values", at: node.position)
            return nil
        }
        let values = nodes.compactMap { number($0, key) }
        if Set(values).count < values.count { errors.report("\(key) has a value twice", at: node.position) }
        if let value = values.first(where: { $0 & ~mask != 0 }) {
            errors.report(
                "0x\(String(value, radix: 16)) has bits that are not looked at (0x\(String(mask, radix: 16)))",
                at: node.position
            )
        }
        return values.count == nodes.count ? values : nil
    }

    /// Bits to look at, of which there is one at least.
    private mutating func mask(_ condition: YAMLMapping, _ key: String) -> UInt64? {
        guard let node = condition[key], let mask = number(node, key) else { return nil }
        if mask == 0 { errors.report("\(key) looks at no bit", at: node.position) }
        return mask == 0 ? nil : mask
    }

    /// A JSON text, since the format has no hexadecimal numbers and these are read as bits.
    private mutating func number(_ node: YAMLNode, _ what: String) -> UInt64? {
        guard let text = node.text(what, &errors) else { return nil }
        if text.begins(with: "0x"), text.utf8.count > 2, !text.utf8.contains(UInt8(ascii: "+")),
            let value = UInt64(text.dropFirst(bytes: 2), radix: 16)
        {
            return value
        }
        errors.report(
            "\(what) takes hexadecimal numbers as texts, \"0x5412\", not \"\(text)\"",
            at: node.position
        )
        return nil
    }
}
