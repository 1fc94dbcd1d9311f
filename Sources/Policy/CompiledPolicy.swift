internal import Model

/// One profile, ready to decide: rules by scheme, port and host, patterns cut into pieces, references printed once.
package struct CompiledPolicy: Sendable {
    package let profile: Profile
    private let rules: [Service: HostIndex]

    package init(_ profile: Profile) {
        self.profile = profile
        var rules: [Service: HostIndex] = [:]
        for (index, rule) in profile.egress.enumerated() {
            let compiled = CompiledRule(rule, index: index)
            rules[Service(scheme: rule.to.scheme, port: rule.to.port), default: HostIndex()].insert(compiled)
        }
        self.rules = rules
    }

    /// What this profile alone says to a request.
    func outcome(for request: Request, readings: PathReadings?) -> LevelOutcome {
        var outcome = LevelOutcome()
        let endpoint = request.endpoint
        rules[Service(scheme: endpoint.scheme, port: endpoint.port)]?.forEachMatch(of: endpoint.host) {
            rule in
            for action in rule.actions where action.applies(to: request.action, readings) {
                outcome.add(action, of: rule)
            }
        }
        return outcome
    }

    /// Whether some rule could allow something, now or after an approval, at a host of this name.
    func mentions(_ name: DNSName) -> Bool {
        rules.values.contains { index in
            var found = false
            index.forEachMatch(of: .name(name)) { found = found || $0.permitsSomething }
            return found
        }
    }

    /// The schemes that rules have for this host and port.
    func schemes(for host: Host, port: UInt16) -> Set<Scheme> {
        Set(
            Scheme.allCases.filter { scheme in
                var found = false
                rules[Service(scheme: scheme, port: port)]?.forEachMatch(of: host) { _ in found = true }
                return found
            }
        )
    }
}

/// The key that rules are looked up by.
private struct Service: Hashable {
    let scheme: Scheme
    let port: UInt16
}

/// The rules of one scheme and port, by what their host patterns begin or end with: a request is held against the
/// few that match its host, however many there are.
private struct HostIndex: Sendable {
    private var names: [Substring: [CompiledRule]] = [:]
    private var suffixes: [Substring: [CompiledRule]] = [:]
    private var addresses: [CompiledRule] = []

    mutating func insert(_ rule: CompiledRule) {
        switch rule.hosts.hosts {
        case .name(let name): names[name.text[...], default: []].append(rule)
        case .oneLabel(let suffix), .anyLabels(let suffix):
            suffixes[suffix.text[...], default: []].append(rule)
        case .address, .network: addresses.append(rule)
        }
    }

    func forEachMatch(of host: Host, _ body: (CompiledRule) -> Void) {
        switch host {
        case .address:
            for rule in addresses where rule.hosts.matches(host) { body(rule) }
        case .name(let name):
            for rule in names[name.text[...]] ?? [] { body(rule) }
            guard !suffixes.isEmpty else { return }
            var rest = name.text[...]
            while let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) {
                rest = rest[rest.utf8.index(after: dot)...]
                for rule in suffixes[rest] ?? [] where rule.hosts.matches(host) { body(rule) }
            }
        }
    }
}

/// One entry of `egress`, compiled.
struct CompiledRule: Sendable {
    /// Place among the profile's rules: of two that say the same, the first is named.
    let index: Int
    let hosts: HostPattern
    let actions: [CompiledAction]
    let credential: String?
    let reachesPrivateAddresses: Bool
    let permitsSomething: Bool

    init(_ rule: EgressRule, index: Int) {
        self.index = index
        hosts = rule.to
        credential = rule.credential
        reachesPrivateAddresses = rule.reachesPrivateAddresses
        permitsSomething = !rule.allow.isEmpty || !rule.ask.isEmpty
        actions =
            rule.deny.map { CompiledAction($0, .deny, of: rule) }
            + rule.ask.map { CompiledAction($0, .ask, of: rule) }
            + rule.allow.map { CompiledAction($0, .allow, of: rule) }
    }
}

/// One action word, compiled.
struct CompiledAction: Sendable {
    let effect: Effect
    let match: ActionPattern.Match
    let reference: RuleReference

    init(_ action: ActionPattern, _ effect: Effect, of rule: EgressRule) {
        self.effect = effect
        match = action.match
        reference = RuleReference(
            text: "\(rule.to): \(effect.rawValue) \(action.text)",
            source: action.source
        )
    }

    func applies(to action: Action, _ readings: PathReadings?) -> Bool {
        switch (match, action) {
        case (.connect, .connect): true
        case (.http(let method, let glob), .http(let requested, _, _)):
            (method == nil || method == requested) && matches(glob, readings)
        case (.connect, .http), (.http, .connect): false
        }
    }

    private func matches(_ glob: PathGlob, _ readings: PathReadings?) -> Bool {
        guard let readings else { return false }
        if glob.matches(readings.written) { return true }
        guard effect != .allow, let loose = readings.loose else { return false }
        return glob.matches(loose)
    }
}

/// What one level says to one request.
struct LevelOutcome {
    /// Nil while no rule matched.
    private(set) var effect: Effect?
    private(set) var rule: RuleReference?
    private var ruleIndex = 0
    /// Credentials that the matching `allow` rules name.
    private(set) var credentials: [String] = []
    private(set) var reachesPrivateAddresses = false
    /// A matching `allow` rule's pattern is the very address, not a network around it.
    private(set) var namesAddress = false

    mutating func add(_ action: CompiledAction, of rule: CompiledRule) {
        if isStronger(action, of: rule) {
            effect = action.effect
            self.rule = action.reference
            ruleIndex = rule.index
        }
        guard action.effect == .allow else { return }
        if let credential = rule.credential, !credentials.contains(credential) {
            credentials.append(credential)
        }
        reachesPrivateAddresses = reachesPrivateAddresses || rule.reachesPrivateAddresses
        if case .address = rule.hosts.hosts { namesAddress = true }
    }

    private func isStronger(_ action: CompiledAction, of rule: CompiledRule) -> Bool {
        guard let effect else { return true }
        return action.effect > effect || (action.effect == effect && rule.index < ruleIndex)
    }

    /// `deny` where nothing matched.
    var verdict: Effect { effect ?? .deny }
}
