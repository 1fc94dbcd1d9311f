internal import Model

/// One profile, ready to decide: rules by scheme, port and host.
package struct CompiledPolicy: Sendable {
    package let profile: Profile
    private let rules: [Service: HostIndex]
    /// Those that could allow something, of every scheme and port.
    private let permitting: HostIndex

    package init(_ profile: Profile) {
        self.profile = profile
        var rules: [Service: HostIndex] = [:]
        var permitting = HostIndex()
        for (index, rule) in profile.egress.enumerated() {
            let compiled = CompiledRule(rule: rule, index: index)
            rules[Service(scheme: rule.to.scheme, port: rule.to.port), default: HostIndex()].insert(compiled)
            if !rule.allow.isEmpty || !rule.ask.isEmpty { permitting.insert(compiled) }
        }
        self.rules = rules
        self.permitting = permitting
    }

    /// What this profile alone says to a request.
    func outcome(for request: Request, readings: PathReadings?) -> LevelOutcome {
        var outcome = LevelOutcome()
        let endpoint = request.endpoint
        rules[Service(scheme: endpoint.scheme, port: endpoint.port)]?.forEachMatch(of: endpoint.host) {
            compiled in
            let rule = compiled.rule
            for (effect, actions) in [(Effect.deny, rule.deny), (.ask, rule.ask), (.allow, rule.allow)] {
                for action in actions
                where action.applies(to: request.action, readings, as: effect, &outcome.steps) {
                    outcome.add(action, effect, of: compiled)
                }
            }
        }
        return outcome
    }

    /// Whether some rule could allow something, now or after an approval, at a host of this name.
    func mentions(_ name: DNSName) -> Bool {
        var found = false
        permitting.forEachMatch(of: .name(name)) { _ in found = true }
        return found
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
        switch rule.rule.to.hosts {
        case .name(let name): names[name.text[...], default: []].append(rule)
        case .oneLabel(let suffix), .anyLabels(let suffix):
            suffixes[suffix.text[...], default: []].append(rule)
        case .address, .network: addresses.append(rule)
        }
    }

    func forEachMatch(of host: Host, _ body: (CompiledRule) -> Void) {
        switch host {
        case .address:
            for rule in addresses where rule.rule.to.matches(host) { body(rule) }
        case .name(let name):
            for rule in names[name.text[...]] ?? [] { body(rule) }
            guard !suffixes.isEmpty else { return }
            var rest = name.text[...]
            while let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) {
                rest = rest[rest.utf8.index(after: dot)...]
                for rule in suffixes[rest] ?? [] where rule.rule.to.matches(host) { body(rule) }
            }
        }
    }
}

/// One entry of `egress`, and its place among the profile's rules: of two that say the same, the first is named.
struct CompiledRule: Sendable {
    let rule: EgressRule
    let index: Int
}

extension ActionPattern {
    /// Whether the action is one that this pattern means, for a rule that has it under `effect`.
    fileprivate func applies(
        to action: Action,
        _ readings: PathReadings?,
        as effect: Effect,
        _ steps: inout Int
    ) -> Bool {
        switch (match, action) {
        case (.connect, .connect): true
        case (.http(let method, let glob), .http(let requested, _, _)):
            (method == nil || method == requested) && Self.matches(glob, readings, as: effect, &steps)
        case (.webSocket(let glob), .webSocket): Self.matches(glob, readings, as: effect, &steps)
        // Its opening is a GET: what keeps a GET away keeps it away too, but only its own word lets it pass.
        case (.http(let method, let glob), .webSocket):
            effect != .allow && (method == nil || method == "GET")
                && Self.matches(glob, readings, as: effect, &steps)
        case (.connect, .http), (.connect, .webSocket), (.http, .connect), (.webSocket, .http),
            (.webSocket, .connect):
            false
        }
    }

    private static func matches(
        _ glob: PathGlob,
        _ readings: PathReadings?,
        as effect: Effect,
        _ steps: inout Int
    ) -> Bool {
        guard let readings else { return false }
        if glob.matches(readings.written, &steps) { return true }
        guard effect != .allow, let loose = readings.loose else { return false }
        return glob.matches(loose, &steps)
    }
}

/// What one level says to one request.
struct LevelOutcome {
    /// Nil while no rule matched.
    private(set) var effect: Effect?
    private var deciding: (action: ActionPattern, rule: CompiledRule)?
    /// Steps over single bytes that matching took.
    fileprivate(set) var steps = 0
    /// Credentials that the matching `allow` rules name.
    private(set) var credentials: [String] = []
    private(set) var reachesPrivateAddresses = false
    /// What the matching rules mask in the reply.
    private(set) var masks: Set<MaskKind> = []
    /// Secrets that a matching `allow` rule lets out.
    private(set) var sends: Set<MaskKind> = []
    /// A matching `allow` rule's pattern is the very address, not a network around it.
    private(set) var namesAddress = false

    mutating func add(_ action: ActionPattern, _ effect: Effect, of compiled: CompiledRule) {
        if isStronger(effect, of: compiled) {
            self.effect = effect
            deciding = (action, compiled)
        }
        let rule = compiled.rule
        if effect != .deny { masks.formUnion(rule.masks) }
        guard effect == .allow else { return }
        sends.formUnion(rule.sends)
        if let credential = rule.credential, !credentials.contains(credential) {
            credentials.append(credential)
        }
        reachesPrivateAddresses = reachesPrivateAddresses || rule.reachesPrivateAddresses
        if case .address = rule.to.hosts { namesAddress = true }
    }

    private func isStronger(_ other: Effect, of compiled: CompiledRule) -> Bool {
        guard let effect, let deciding else { return true }
        return other > effect || (other == effect && compiled.index < deciding.rule.index)
    }

    /// The rule that decided.
    var rule: RuleReference? {
        guard let effect, let (action, compiled) = deciding else { return nil }
        return RuleReference(
            text: "\(compiled.rule.to): \(effect.rawValue) \(action.text)",
            source: action.source
        )
    }

    /// `deny` where nothing matched.
    var verdict: Effect { effect ?? .deny }
}
