import TestSupport

extension RandomProfile {
    private static let names = ["a", "b", "ab"]
    private static let hosts = [
        "a.test", "x.a.test", "y.x.a.test", "*.a.test", "**.a.test", "*.x.a.test", "b.test",
    ]
    private static let segments = ["a", "b", "ab", "*", "a*", "**"]
    private static let methods = ["GET", "POST", "*"]
    static let kinds = ["select", "insert", "update", "delete", "*"]
    private static let tables = ["a.t", "a.*", "*.t", "b.t"]
    private static let variables = ["A", "AB", "A*", "*", "LC_*", "LC_ALL", "A_TOKEN", "*TOKEN", "A_SECRET"]
    private static let profiles = ["ci", "c*", "*", "test", "t*t"]

    /// One of a root agent: wide, so that there is something to be narrower than.
    static func root(_ random: inout SplitMix) -> RandomProfile {
        var profile = RandomProfile()
        for key in ["read", "write", "copy"] {
            profile.files[key] = (0..<Int.random(in: 0...2, using: &random)).map { _ in folder(&random) }
        }
        profile.pass = some(variables, 1...3, &random)
        profile.set = some(["A", "B", "A_TOKEN"], 0...1, &random)
        for name in units.keys.sorted() where random.next() % 3 > 0 {
            profile.limits[name] = limit(name, &random)
        }
        profile.rules = (0..<Int.random(in: 1...3, using: &random)).map { _ in rule(&random) }
        profile.children = some(profiles, 1...2, &random)
        profile.asks = some(profiles, 0...1, &random)
        (profile.depth, profile.count) = (random.pick([1, 2, 4]), random.pick([1, 4, 8]))
        return profile
    }

    /// One that is mostly narrower than this, and in one of three is made wider somewhere, or may be.
    func child(_ random: inout SplitMix) -> RandomProfile {
        var child = RandomProfile()
        let granted = files.values.joined().sorted()
        let writable = (files["write"] ?? []).sorted() + (files["copy"] ?? []).sorted()
        for (key, folders) in [("read", granted + ["/usr"]), ("write", writable), ("copy", granted)] {
            child.files[key] = Self.some(folders, 0...2, &random).map { Self.below($0, &random) }
        }
        child.pass = Self.some(pass + set, 0...3, &random).map { Self.narrowed(word: $0, &random) }
        for (name, value) in limits.sorted(by: { $0.key < $1.key }) where random.next() % 2 == 0 {
            child.limits[name] = random.next() % 2 == 0 ? value : max(1, value / 2)
        }
        child.rules = Self.some(rules, 1...3, &random).map { Self.narrowed($0, &random) }
        child.children = Self.some(children + asks, 0...2, &random).map { Self.narrowed(word: $0, &random) }
        child.asks = Self.some(children + asks, 0...1, &random).map { Self.narrowed(word: $0, &random) }
        (child.depth, child.count) = (
            Int.random(in: 0...depth, using: &random), Int.random(in: 0...count, using: &random)
        )
        if random.next() % 3 == 0 { child.widen(&random) }
        return child
    }

    private mutating func widen(_ random: inout SplitMix) {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: files[random.pick(["read", "write", "copy"]), default: []].append(Self.folder(&random))
        case 1: pass.append(random.pick(Self.variables))
        case 2:
            let name = random.pick(Self.units.keys.sorted())
            limits[name] = (limits[name] ?? 0) + Self.limit(name, &random)
        case 3:
            if random.next() % 2 == 0 {
                children.append(random.pick(Self.profiles))
            } else {
                asks.append(random.pick(Self.profiles))
            }
        case 4: (depth, count) = (depth + random.pick([0, 1]), count + random.pick([0, 1, 4]))
        default: rules.append(Self.rule(&random))
        }
    }

    private static func some<Value>(
        _ values: [Value],
        _ count: ClosedRange<Int>,
        _ random: inout SplitMix
    ) -> [Value] {
        values.isEmpty ? [] : (0..<Int.random(in: count, using: &random)).map { _ in random.pick(values) }
    }

    private static func folder(_ random: inout SplitMix) -> String {
        "/"
            + (0..<Int.random(in: 1...3, using: &random)).map { _ in random.pick(names) }.joined(
                separator: "/"
            )
    }

    private static func below(_ folder: String, _ random: inout SplitMix) -> String {
        random.next() % 2 == 0 ? folder : folder + "/" + random.pick(names)
    }

    private static func limit(_ name: String, _ random: inout SplitMix) -> Int {
        // Fewer open files than a launch needs are refused as such.
        (name == "open-files" ? 64 : 1) * Int.random(in: 1...8, using: &random)
    }

    /// A word that a glob of words matches, or a narrower glob, or the same.
    private static func narrowed(word: String, _ random: inout SplitMix) -> String {
        guard word.contains("*"), random.next() % 2 == 0 else { return word }
        let filling = random.pick(["t", "AB", "*", "a*"])
        let narrower = word.split(separator: "*", omittingEmptySubsequences: false).joined(separator: filling)
        return word.lowercased() == word ? narrower.lowercased() : narrower.uppercased()
    }

    private static func rule(_ random: inout SplitMix) -> Rule {
        let isDatabase = random.next() % 3 == 0
        var rule =
            isDatabase
            ? Rule(
                scheme: "postgres",
                hosts: "db.test",
                port: 5_432,
                database: random.pick(["app", "a*", "*"])
            )
            : Rule(
                scheme: random.pick(["https", "https", "http"]),
                hosts: random.pick(hosts),
                port: random.pick([443, 443, 8_443])
            )
        func actions(_ count: ClosedRange<Int>, _ random: inout SplitMix) -> [Action] {
            (0..<Int.random(in: count, using: &random)).map { _ in
                isDatabase ? statement(&random) : request(&random)
            }
        }
        rule.allow = actions(1...3, &random)
        rule.ask = actions(0...1, &random)
        rule.deny = random.next() % 4 == 0 ? actions(1...1, &random) : []
        rule.audience = random.next() % 4 == 0 ? .random(&random) : nil
        return rule
    }

    private static func request(_ random: inout SplitMix) -> Action {
        let path = (0..<Int.random(in: 1...3, using: &random)).map { _ in random.pick(segments) }
        return Action(method: random.pick(methods), path: random.next() % 4 == 0 ? nil : path)
    }

    private static func statement(_ random: inout SplitMix) -> Action {
        let kind = random.pick(kinds)
        return Action(
            method: kind,
            isStatement: true,
            table: random.next() % 3 == 0 ? nil : random.pick(tables),
            isWithWhere: ["update", "delete"].contains(kind) && random.next() % 2 == 0
        )
    }

    private static func narrowed(_ rule: Rule, _ random: inout SplitMix) -> Rule {
        var narrower = rule
        if rule.hosts == "**.a.test" { narrower.hosts = random.pick([rule.hosts, "*.a.test", "y.x.a.test"]) }
        if rule.hosts == "*.a.test" { narrower.hosts = random.pick([rule.hosts, "x.a.test"]) }
        let (all, asked) = (rule.allow + rule.ask, rule.ask)
        narrower.allow = some(all, 1...3, &random).map { narrowed($0, &random) }
        narrower.ask = some(asked, 0...1, &random)
        narrower.deny = random.next() % 4 == 0 ? some(all, 1...1, &random) : rule.deny
        narrower.audience = audience(below: rule.audience, &random)
        return narrower
    }

    private static func narrowed(_ action: Action, _ random: inout SplitMix) -> Action {
        var narrower = action
        if action.isStatement {
            if action.method == "*" { narrower.method = random.pick(kinds) }
            if action.table == nil { narrower.table = random.pick([nil] + tables) }
            if action.table == "a.*" || action.table == "*.t" {
                narrower.table = random.pick(["a.t", action.table])
            }
            return narrower
        }
        if action.method == "*" { narrower.method = random.pick(methods) }
        narrower.path = (action.path ?? ["**"]).flatMap { segment in
            switch segment {
            case "**": random.pick([["**"], ["*"], ["a"], ["a", "**"]])
            case "*": [random.pick(["*", "a", "ab", "a*"])]
            case "a*": [random.pick(["a*", "ab"])]
            default: [segment]
            }
        }
        return narrower
    }
}

extension Probe {
    /// A request that a rule of a profile may be about; any where it has none.
    static func request(for profile: RandomProfile, _ random: inout SplitMix) -> Probe {
        var probe = request(&random)
        let rules = profile.rules.filter { $0.database == nil && !$0.allow.isEmpty }
        guard !rules.isEmpty else { return probe }
        let rule = random.pick(rules)
        let action = random.pick(rule.allow)
        let known = ["**.a.test": "y.x.a.test", "*.x.a.test": "y.x.a.test", "*.a.test": "x.a.test"]
        probe.host = known[rule.hosts] ?? rule.hosts
        (probe.scheme, probe.port) = (rule.scheme, rule.port)
        if action.method != "*" { probe.method = action.method }
        let path = (action.path ?? ["**"]).flatMap { segment in
            switch segment {
            case "**": random.pick([[], ["a"], ["c", "b"]])
            case "*": [random.pick(["a", "c"])]
            case "a*": [random.pick(["a", "ab"])]
            default: [segment]
            }
        }
        if !path.isEmpty { probe.path = path }
        return probe
    }

    /// A statement that a profile may be about; any where it is about none.
    static func statement(for profile: RandomProfile, _ random: inout SplitMix) -> Probe {
        let start = Int.random(in: 0..<statements.count, using: &random)
        let turned = statements[start...] + statements[..<start]
        let fitting = turned.first { probe in
            profile.rules.contains { rule in
                probe.isAt(rule) && rule.allow.contains { probe.isMatched(by: $0) }
            }
        }
        return fitting ?? statements[start]
    }

    static func request(_ random: inout SplitMix) -> Probe {
        Probe(
            host: random.pick(["a.test", "x.a.test", "y.x.a.test", "z.y.x.a.test", "b.test"]),
            scheme: random.pick(["https", "https", "http"]),
            port: random.pick([443, 443, 8443]),
            method: random.pick(["GET", "POST", "PUT"]),
            path: (0..<Int.random(in: 1...4, using: &random)).map { _ in random.pick(["a", "b", "ab", "c"]) }
        )
    }

    static let statements: [Probe] = ["app", "audit", "other"].flatMap { database in
        ["a.t", "a.u", "b.t"].flatMap { table in
            ["select", "insert", "update", "delete"].flatMap { kind in
                (["update", "delete"].contains(kind) ? [false, true] : [false]).map { hasWhere in
                    Probe(
                        host: "db.test",
                        scheme: "postgres",
                        port: 5_432,
                        method: kind,
                        database: database,
                        table: table,
                        hasWhere: hasWhere
                    )
                }
            }
        }
    }
}
