import TestSupport

/// A random profile as data: its text is made from it, and it says by itself what that text permits.
///
/// An oracle: it shares nothing with what reads, compiles, decides by or compares profiles, and tries patterns by going
/// back.
struct RandomProfile {
    /// A method and paths, or a kind of statement and tables.
    struct Action {
        var method: String
        /// Nil for every path.
        var path: [String]?
        var isStatement = false
        /// `a.*`; nil for every table.
        var table: String?
        var isWithWhere = false

        var text: String {
            guard isStatement else { return method + (path.map { " /" + $0.joined(separator: "/") } ?? "") }
            return method + (table.map { " on \($0)" } ?? "") + (isWithWhere ? " with where" : "")
        }
    }

    /// A rule for hosts, or for databases.
    struct Rule {
        var scheme: String
        var hosts: String
        var port: Int
        /// A glob; of a rule for databases alone.
        var database: String?
        var to: String {
            database.map { "\(scheme)://\(hosts)/\($0)" } ?? "\(scheme)://\(hosts):\(port)"
        }
        var allow: [Action] = []
        var ask: [Action] = []
        var deny: [Action] = []
        /// Nil for everybody.
        var audience: Audience?
    }

    /// Folders under `read`, `write`, `copy`.
    var files: [String: [String]] = [:]
    var pass: [String] = []
    var set: [String] = []
    /// By name; in the unit that `units` gives.
    var limits: [String: Int] = [:]
    var rules: [Rule] = []
    var children: [String] = []
    /// Those that are asked about.
    var asks: [String] = []
    var depth = 0
    var count = 0

    static let units = [
        "memory": "MiB", "processes": "", "cpus": "", "open-files": "", "time": "s", "disk": "MiB",
    ]

    /// As a file has it.
    func text(named name: String) -> String {
        func list(_ texts: [String]) -> String {
            "[" + texts.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        }
        let files = files.sorted { $0.key < $1.key }.map { "\($0): \(list($1))" }
        let limits = limits.sorted { $0.key < $1.key }.map { "\($0): \($1)\(Self.units[$0] ?? "")" }
        let rules = rules.map { rule in
            "  - {to: \"\(rule.to)\", allow: \(list(rule.allow.map(\.text))), ask: \(list(rule.ask.map(\.text))), "
                + "deny: \(list(rule.deny.map(\.text)))\(rule.audience.map { ", for: \($0.text)" } ?? "")}\n"
        }
        return """
            bailey: 1
            name: \(name)
            files: {\(files.joined(separator: ", "))}
            env: {pass: \(list(pass)), set: {\(set.map { "\($0): \"1\"" }.joined(separator: ", "))}}
            limits: {\(limits.joined(separator: ", "))}
            children: {profiles: \(list(children)), ask: \(list(asks)), depth: \(depth), count: \(count)}
            egress:\(rules.isEmpty ? " []" : "")
            \(rules.joined())
            """
    }

    // What it permits.

    enum Verdict: Int { case allow, ask, deny }

    /// What it says to a request: each action of each rule asked by itself.
    func verdict(on probe: Probe) -> Verdict {
        func says(_ actions: KeyPath<Rule, [Action]>) -> Bool {
            rules.contains { rule in
                probe.isAt(rule) && rule[keyPath: actions].contains { probe.isMatched(by: $0) }
            }
        }
        if says(\.deny) { return .deny }
        if says(\.ask) { return .ask }
        return says(\.allow) ? .allow : .deny
    }

    /// Whether it would permit it, once all is approved and nothing denied.
    func reaches(_ probe: Probe) -> Bool {
        rules.contains { rule in
            probe.isAt(rule) && (rule.allow + rule.ask).contains { probe.isMatched(by: $0) }
        }
    }

    func mayRead(_ path: String) -> Bool {
        let base = ["/usr", "/bin", "/lib"]
        return Self.lies(path, in: base + ["read", "write", "copy"].flatMap { files[$0] ?? [] })
    }

    /// Whether what it writes there arrives at its parent's: a copy's layer does not.
    func mayWrite(_ path: String) -> Bool { Self.lies(path, in: files["write"] ?? []) }

    /// Whether the parent has it to write, in its own layer or on the host.
    func hasWritable(_ path: String) -> Bool {
        Self.lies(path, in: ["write", "copy"].flatMap { files[$0] ?? [] })
    }

    /// Names that end in what secrets are called by pass by their whole name alone.
    func passes(_ name: String) -> Bool {
        let isSecret = ["TOKEN", "SECRET"].contains { name.hasSuffix($0) }
        return pass.contains { $0 == name || (!isSecret && Wildcard.matches($0, name)) }
    }

    func hasVariable(_ name: String) -> Bool { passes(name) || set.contains(name) }

    /// Once it is approved.
    func mayLaunch(_ profile: String) -> Bool { (children + asks).contains { Wildcard.matches($0, profile) } }

    func asksAbout(launch profile: String) -> Bool { asks.contains { Wildcard.matches($0, profile) } }

    private static func lies(_ path: String, in folders: [String]) -> Bool {
        folders.contains { $0 == "/" || path == $0 || path.hasPrefix($0 + "/") }
    }
}

/// One request, or one statement, as data.
struct Probe {
    var host: String
    var scheme: String
    var port: Int
    /// Of a statement: its kind.
    var method: String
    var path: [String] = []
    /// Of a statement alone.
    var database: String?
    var table = ""
    var hasWhere = false

    var text: String {
        guard let database else {
            return "\(method) \(scheme)://\(host):\(port)/" + path.joined(separator: "/")
        }
        let condition = hasWhere ? " where x = 1" : ""
        let statement =
            switch method {
            case "select": "select from \(table)"
            case "insert": "insert into \(table) values (1)"
            case "update": "update \(table) set x = 1\(condition)"
            default: "delete from \(table)\(condition)"
            }
        return "postgres://\(host)/\(database) \(statement)"
    }

    func isAt(_ rule: RandomProfile.Rule) -> Bool {
        guard rule.scheme == scheme, rule.port == port, isNamed(by: rule.hosts) else { return false }
        guard let glob = rule.database, let database else {
            return rule.database == nil && self.database == nil
        }
        return Wildcard.matches(glob, database)
    }

    private func isNamed(by pattern: String) -> Bool {
        if pattern.hasPrefix("**.") { return host.hasSuffix(pattern.dropFirst(2)) }
        guard pattern.hasPrefix("*.") else { return host == pattern }
        let above = host.firstIndex(of: ".").map { host[$0...] }
        return above == pattern.dropFirst(1)
    }

    func isMatched(by action: RandomProfile.Action) -> Bool {
        guard action.method == "*" || action.method == method else { return false }
        guard database == nil else {
            return (!action.isWithWhere || hasWhere)
                && action.table.map { Wildcard.matches($0, table) } ?? true
        }
        return action.path.map { Wildcard.matches($0[...], path[...]) } ?? true
    }
}

/// Stars, by trying every length.
enum Wildcard {
    static func matches(_ glob: String, _ text: String) -> Bool {
        matches(Array(glob.utf8)[...], Array(text.utf8)[...])
    }

    private static func matches(_ glob: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = glob.first else { return text.isEmpty }
        if first == UInt8(ascii: "*") {
            return matches(glob.dropFirst(), text) || (!text.isEmpty && matches(glob, text.dropFirst()))
        }
        return text.first == first && matches(glob.dropFirst(), text.dropFirst())
    }

    /// Segments: `**` is any number of them, `*` is one.
    static func matches(_ glob: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let first = glob.first else { return path.isEmpty }
        if first == "**" {
            return matches(glob.dropFirst(), path) || (!path.isEmpty && matches(glob, path.dropFirst()))
        }
        guard let segment = path.first, matches(first, segment) else { return false }
        return matches(glob.dropFirst(), path.dropFirst())
    }
}
