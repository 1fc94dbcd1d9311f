internal import Model
internal import Policy

/// `env` and `egress`.
extension ProfileParser {
    /// Levels below a root agent; the process limit ends a chain before this does.
    static let maximumDepth = 32
    /// Live descendants of one agent.
    static let maximumCount = 10_000
    /// Bytes of a variable's name, as of a file's (NAME_MAX); no program is known to ask for longer ones.
    static let maximumVariable = 255

    mutating func read(environment node: YAMLNode, into fragment: inout ProfileFragment) {
        guard let environment = node.mapping("env", keys: ["pass", "set"], &errors) else { return }
        for item in environment["pass"]?.texts("env.pass", &errors) ?? [] {
            guard has(roomFor: 1, of: .passed, at: item.position) else { break }
            if isVariable(item.text, allowing: "*") {
                fragment.pass.append(Sourced(value: item.text, source: source(item.position)))
            } else {
                errors.report(
                    "env.pass: \"\(item.text)\" is not a variable's name or a glob over one",
                    at: item.position
                )
            }
        }
        for entry in environment["set"]?.entries("env.set", &errors) ?? [] {
            guard has(roomFor: 1, of: .set, at: entry.keyPosition) else { break }
            guard isVariable(entry.key, allowing: "") else {
                errors.report("env.set: \"\(entry.key)\" is not a variable's name", at: entry.keyPosition)
                continue
            }
            guard let text = entry.value.text("env.set \(entry.key)", &errors) else { continue }
            fragment.set[entry.key] = Sourced(value: text, source: source(entry.keyPosition))
        }
    }

    private func isVariable(_ name: String, allowing extra: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first),
            name.utf8.count <= Self.maximumVariable
        else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
            default: extra.utf8.contains(byte)
            }
        }
    }

    mutating func read(egress node: YAMLNode, into fragment: inout ProfileFragment) {
        var places: [TextPosition] = []
        for item in node.list("egress", &errors) ?? [] {
            guard has(roomFor: 1, of: .rules, at: item.position) else { break }
            guard let rule = rule(item) else { continue }
            fragment.egress.append(rule)
            places.append(item.position)
        }
        if let index = DecisionWork.firstExcessive(in: fragment.egress) {
            errors.report(DecisionWork.complaint, at: places[index])
        }
    }

    private mutating func rule(_ node: YAMLNode) -> EgressRule? {
        let keys =
            ["to", "allow", "ask", "deny", "approval", "private", "credential", "mask", "send", "for"]
            + DatabaseText.keys
        guard let rule = node.mapping("a rule of egress", keys: keys, &errors) else {
            return nil
        }
        guard let to = rule["to"] else {
            errors.report("\"to\" is missing: the URL pattern that the rule is about", at: rule.position)
            return nil
        }
        let isPrivate = rule["private"]?.boolean("private", &errors) ?? false
        let credential = credential(rule)
        guard let (pattern, name) = target(to) else { return nil }
        if credential != nil, pattern.scheme != .https, name == nil, let node = rule["credential"] {
            errors.report(
                "a credential is put in over https and postgres only, not \(pattern.scheme.rawValue)",
                at: node.position
            )
        }
        var database = database(rule, name, pattern.scheme)
        let masks = kinds(rule, "mask", of: MaskKind.words, pattern.scheme) { MaskKind.kinds(of: $0) }
        database?.columns = columns(rule)
        let sends = kinds(rule, "send", of: Sending.words.map(\.rawValue), pattern.scheme) { word in
            Sending.words.first { $0.rawValue == word }.map { [$0] }
        }
        return EgressRule(
            to: pattern,
            privateAddresses: isPrivate,
            allow: actions(rule, .allow, pattern.scheme),
            ask: actions(rule, .ask, pattern.scheme),
            deny: actions(rule, .deny, pattern.scheme),
            credential: credential,
            masks: masks,
            sends: sends,
            database: database,
            principals: rule["for"].flatMap { principals(of: $0, "for") },
            approval: approval(rule, of: "the rule"),
            source: source(node.position)
        )
    }

    /// The kinds that a key of a rule names, of rules whose messages are read.
    private mutating func kinds(
        _ rule: YAMLMapping,
        _ key: String,
        of words: [String],
        _ scheme: Scheme,
        _ kinds: (String) -> MaskKinds?
    ) -> MaskKinds {
        guard let node = rule[key] else { return [] }
        let isRead = scheme == .http || scheme == .https || (scheme == .postgres && key == "mask")
        guard isRead else {
            errors.report(
                "\(key) works on http\(key == "mask" ? ", https and postgres" : " and https") only: what \(scheme.rawValue) forwards is not read",
                at: node.position
            )
            return []
        }
        var result: MaskKinds = []
        for item in node.texts(key, &errors) ?? [] {
            // Of databases alone, and told apart later.
            if scheme == .postgres, item.text.begins(with: DatabaseText.column) { continue }
            if let known = kinds(item.text) {
                result.formUnion(known)
            } else {
                errors.report(
                    "\(key): unknown kind \"\(item.text)\"; it may be \(words.joined(separator: ", "))",
                    at: item.position,
                    suggestion: NearestWord.nearest(to: item.text, in: words)
                )
            }
        }
        return result
    }

    /// The columns that a rule for a database masks.
    private mutating func columns(_ rule: YAMLMapping) -> Set<ColumnPattern> {
        guard case .list(let items)? = rule["mask"]?.content else { return [] }
        var columns: Set<ColumnPattern> = []
        for item in items {
            guard case .scalar(let text, _) = item.content, text.begins(with: DatabaseText.column) else {
                continue
            }
            do throws(TextProblem) {
                columns.insert(try DatabaseText.column(text))
            } catch {
                errors.report(error, in: item)
            }
        }
        return columns
    }

    private mutating func credential(_ rule: YAMLMapping) -> String? {
        guard let node = rule["credential"], let name = node.text("credential", &errors),
            isName(name, "credential", node)
        else { return nil }
        return name
    }

    private mutating func actions(_ rule: YAMLMapping, _ effect: Effect, _ scheme: Scheme) -> [ActionPattern]
    {
        let key = effect.rawValue
        let items = rule[key]?.texts(key, &errors) ?? []
        return items.compactMap { item in
            guard has(roomFor: 1, of: .actions, at: item.position) else { return nil }
            do throws(TextProblem) {
                return try ActionText.action(
                    item.text,
                    scheme: scheme,
                    effect: effect,
                    source: source(item.position)
                )
            } catch {
                errors.report(error, in: item.node)
                return nil
            }
        }
    }
}
