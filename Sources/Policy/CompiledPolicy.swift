internal import Model

/// One profile, ready to decide: rules by scheme and port, patterns cut into pieces, references printed once.
package struct CompiledPolicy: Sendable {
    package let profile: Profile
    private let rules: [Service: [CompiledRule]]

    package init(_ profile: Profile) {
        self.profile = profile
        rules = Dictionary(grouping: profile.egress.map(CompiledRule.init)) {
            Service(scheme: $0.hosts.scheme, port: $0.hosts.port)
        }
    }

    /// What this profile alone says to a request.
    func outcome(for request: Request, readings: PathReadings?) -> LevelOutcome {
        var outcome = LevelOutcome()
        let endpoint = request.endpoint
        for rule in rules[Service(scheme: endpoint.scheme, port: endpoint.port)] ?? []
        where rule.hosts.matches(endpoint.host) {
            for action in rule.actions where action.applies(to: request.action, readings) {
                outcome.add(action, of: rule)
            }
        }
        return outcome
    }

    /// Whether some rule could allow something, now or after an approval, at a host of this name.
    func mentions(_ name: DNSName) -> Bool {
        rules.values.contains { group in
            group.contains { $0.permitsSomething && $0.hosts.matches(.name(name)) }
        }
    }

    /// The schemes that rules have for this host and port.
    func schemes(for host: Host, port: UInt16) -> Set<Scheme> {
        Set(
            Scheme.allCases.filter { scheme in
                rules[Service(scheme: scheme, port: port)]?.contains { $0.hosts.matches(host) } ?? false
            }
        )
    }
}

/// The key that rules are looked up by.
private struct Service: Hashable {
    let scheme: Scheme
    let port: UInt16
}

/// One entry of `egress`, compiled.
struct CompiledRule: Sendable {
    let hosts: HostPattern
    let actions: [CompiledAction]
    let credential: String?
    let reachesPrivateAddresses: Bool
    let permitsSomething: Bool

    init(_ rule: EgressRule) {
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
    /// Credentials that the matching `allow` rules name.
    private(set) var credentials: [String] = []
    private(set) var reachesPrivateAddresses = false
    /// A matching `allow` rule's pattern is the very address, not a network around it.
    private(set) var namesAddress = false

    mutating func add(_ action: CompiledAction, of rule: CompiledRule) {
        if effect.map({ action.effect > $0 }) ?? true {
            effect = action.effect
            self.rule = action.reference
        }
        guard action.effect == .allow else { return }
        if let credential = rule.credential, !credentials.contains(credential) {
            credentials.append(credential)
        }
        reachesPrivateAddresses = reachesPrivateAddresses || rule.reachesPrivateAddresses
        if case .address = rule.hosts.hosts { namesAddress = true }
    }

    /// `deny` where nothing matched.
    var verdict: Effect { effect ?? .deny }
}
