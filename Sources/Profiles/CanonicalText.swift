internal import Crypto
internal import Model
internal import Policy

/// The text that a profile's digest is made of: everything that decides, nothing that does not (descriptions,
/// file names, lines).
///
/// One line for each item, `key<TAB>length:value…`; lengths keep items apart whatever is in them. Lists stay in their
/// order, since it is part of what a reviewer signed; maps are sorted by key.
struct CanonicalText {
    private(set) var text = "bailey-profile\t1\n"

    init(_ profile: Profile) {
        line("name", profile.name)
        lines("read", profile.files.read)
        lines("write", profile.files.write)
        lines("copy", profile.files.copy)
        lines("hide", profile.files.hide)
        lines("protect", profile.files.protect.map(\.text) + profile.files.sought.map(\.text))
        lines("pass", profile.environment.pass)
        for (key, value) in profile.environment.set.sorted(by: { $0.key < $1.key }) {
            line("set", key, value)
        }
        add(profile.limits)
        if let policy = profile.systemCalls { line("syscalls", policy.name, policy.digest) }
        if let abi = profile.landlock { line("landlock", "\(abi)") }
        for rule in profile.egress { add(rule) }
        lines("child", profile.children.profiles)
        for asked in profile.children.ask { line("child-ask", asked.glob, asked.terms.description) }
        line("depth", "\(profile.children.depth)")
        line("count", "\(profile.children.count)")
        if profile.recording == .full { line("record", profile.recording.rawValue) }
        if profile.terminal != .off { line("record-terminal", profile.terminal.rawValue) }
        for principals in profile.principals { add(principals, "principals") }
        if let word = profile.onExpiry { line("on-expiry", word.rawValue) }
    }

    /// SHA-256 in lower-case hex.
    var digest: String { SHA256.hash(data: Array(text.utf8)).hex }

    private mutating func add(_ limits: Limits) {
        let values = [
            ("memory", limits.memory), ("processes", limits.processes), ("cpus", limits.milliCPUs),
            ("open-files", limits.openFiles), ("time", limits.time), ("disk", limits.disk),
        ]
        for case (let key, let value?) in values { line(key, "\(value)") }
        if let isBestEffort = limits.isBestEffort { line("best-effort", "\(isBestEffort)") }
    }

    private mutating func add(_ rule: EgressRule) {
        line("to", rule.to.description, "\(rule.privateAddresses)", rule.credential ?? "")
        lines("mask", rule.masks.words)
        lines("send", rule.sends.words)
        if let database = rule.database { add(database) }
        if let principals = rule.principals { add(principals, "for") }
        lines("allow", rule.allow.map(\.text))
        lines("ask", rule.ask.map(\.text))
        if rule.approval != ApprovalTerms() { line("approval", rule.approval.description) }
        lines("deny", rule.deny.map(\.text))
    }

    private mutating func add(_ principals: PrincipalPattern, _ key: String) {
        line(key, "\(principals.parts.count)")
        for part in principals.parts {
            line(part.key.text, "\(part.globs.count)")
            lines(part.key.text, part.globs)
        }
    }

    private mutating func add(_ database: DatabaseRule) {
        line("database", database.name.text)
        for (key, value) in database.words { line(key, value) }
        lines("mask", database.maskWords)
    }

    private mutating func lines(_ key: String, _ values: [String]) {
        for value in values { line(key, value) }
    }

    private mutating func line(_ key: String, _ values: String...) {
        text += key + "\t" + values.map { "\($0.utf8.count):\($0)" }.joined() + "\n"
    }
}
