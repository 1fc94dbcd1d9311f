import Model
import Policy

func action(_ text: String) -> ActionPattern? {
    guard text != "connect" else { return ActionPattern(match: .connect, text: text, source: "t.yaml:2") }
    let parts = text.split(separator: " ").map(String.init)
    guard let glob = parts.count == 2 ? PathGlob(parts[1]) : .everything else { return nil }
    let method = parts[0] == "*" ? nil : parts[0]
    return ActionPattern(
        match: method == "websocket" ? .webSocket(path: glob) : .http(method: method, path: glob),
        text: text,
        source: "t.yaml:2"
    )
}

/// A rule for one name pattern: `name`, `*.name`, `**.name`, an address or `address/prefix`.
func rule(
    _ hosts: String,
    scheme: Scheme = .https,
    port: UInt16 = 443,
    allow: [String] = [],
    ask: [String] = [],
    deny: [String] = [],
    credential: String? = nil,
    isPrivate: Bool = false
) -> EgressRule? {
    guard let hosts = pattern(hosts) else { return nil }
    return EgressRule(
        to: HostPattern(scheme: scheme, hosts: hosts, port: port),
        privateAddresses: isPrivate,
        allow: allow.compactMap(action),
        ask: ask.compactMap(action),
        deny: deny.compactMap(action),
        credential: credential,
        source: "t.yaml:1"
    )
}

func pattern(_ text: String) -> HostPattern.Hosts? {
    let parts = text.split(separator: "/")
    if let address = IPAddress(parts[0]) {
        guard parts.count == 2 else { return .address(address) }
        return Int(parts[1]).map { .network(address, prefix: $0) }
    }
    if text.hasPrefix("**.") { return DNSName(text.dropFirst(3)).map { .anyLabels(below: $0) } }
    if text.hasPrefix("*.") { return DNSName(text.dropFirst(2)).map { .oneLabel(below: $0) } }
    return DNSName(text).map { .name($0) }
}

func profile(_ name: String = "p", _ rules: EgressRule?...) -> Profile {
    Profile(name: name, egress: rules.compactMap(\.self))
}

/// The policy of a chain of agents named after their profiles, root first.
func lineage(_ profiles: Profile...) -> LineagePolicy? {
    func hop(_ index: Int) -> Hop {
        Hop(
            agent: AgentID(run: "0a0b0c0d", ordinal: index + 1),
            name: "\(profiles[index].name)-agent",
            profile: profiles[index].name,
            profileDigest: ""
        )
    }
    var lineage = Lineage(principal: Principal(localUser: "alice", uid: 1000), root: hop(0))
    for index in profiles.indices.dropFirst() { lineage = lineage.child(hop(index)) }
    return LineagePolicy(lineage: lineage, levels: profiles.map { CompiledPolicy($0) })
}

func request(
    _ method: String = "GET",
    _ host: String,
    _ path: String = "/",
    scheme: Scheme = .https,
    port: UInt16 = 443
) -> Request? {
    guard let host = IPAddress(host).map(Host.address) ?? DNSName(host).map(Host.name) else { return nil }
    let action = method == "connect" ? Action.connect : .http(method: method, path: path, query: nil)
    return Request(endpoint: Endpoint(scheme: scheme, host: host, port: port), action: action)
}

/// What a decision came to, as a value that can be compared.
struct Outcome: Equatable {
    var effect: Effect
    var denial: Denial?
    var levels: [LevelVerdict]
    var obligations: Obligations?
    var demands: [ApprovalDemand] = []
}

func decide(_ policy: LineagePolicy?, _ request: Request?) -> Outcome? {
    guard let policy, let request else { return nil }
    switch policy.decide(request) {
    case .allow(let permit):
        return Outcome(effect: .allow, denial: nil, levels: permit.levels, obligations: permit.obligations)
    case .ask(let asked):
        return Outcome(
            effect: .ask,
            denial: asked.refusal.denial,
            levels: asked.refusal.levels,
            obligations: nil,
            demands: asked.demands
        )
    // No test here has a rule on a body.
    case .read: return nil
    case .deny(let refusal):
        return Outcome(
            effect: refusal.verdict,
            denial: refusal.denial,
            levels: refusal.levels,
            obligations: nil
        )
    }
}
