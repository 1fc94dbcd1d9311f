internal import Model

/// One form of one action of one rule, ready to be held against requests.
///
/// A class: what is found is passed about, not copied.
final class CompiledAction: Sendable {
    let kind: ActionKind
    /// Nil for any.
    let method: String?
    /// Nil for `connect`.
    let path: PathGlob?
    let conditions: Conditions?
    let effect: Effect
    /// The rule's place among the profile's: of two that say the same, the first is named.
    let index: Int
    /// How it is named in records and refusals.
    let reference: RuleReference
    let credential: String?
    let masks: MaskKinds
    let sends: MaskKinds
    /// Which deeds it means, in which databases; nil for what is none.
    let sql: SQLPattern?
    let database: DatabaseRule?
    let reachesPrivateAddresses: Bool
    /// Its pattern is the very address, not a network around it.
    let namesAddress: Bool
    /// Sets requests of other methods apart before anything else is looked at.
    let methodKey: UInt64

    init(
        _ form: ActionPattern.Form,
        of pattern: ActionPattern,
        _ effect: Effect,
        of rule: EgressRule,
        index: Int
    ) {
        sql = if case .sql(let pattern) = form.match { pattern } else { nil }
        switch form.match {
        case .http(let method, let path): (kind, self.method, self.path) = (.http, method, path)
        case .sql: (kind, method, path) = (.sql, nil, nil)
        case .webSocket(let path): (kind, method, self.path) = (.webSocket, nil, path)
        case .connect: (kind, method, path) = (.connect, nil, nil)
        }
        conditions = form.conditions
        self.effect = effect
        self.index = index
        reference = RuleReference(
            text: "\(rule.place): \(effect.rawValue) \(pattern.text)",
            source: pattern.source
        )
        credential = rule.credential
        masks = rule.masks
        sends = rule.sends
        database = rule.database
        reachesPrivateAddresses = rule.reachesPrivateAddresses
        namesAddress = if case .address = rule.to.hosts { true } else { false }
        methodKey = (method ?? sql?.kind?.rawValue).map(MethodKey.of) ?? MethodKey.any
    }
}

/// The first octets of a method, or of a deed's kind, as a number: two methods with different ones are not the same.
enum MethodKey {
    static let any: UInt64 = 0

    static func of(_ method: String) -> UInt64 {
        method.utf8.prefix(8).reduce(any) { $0 << 8 | UInt64($1) }
    }
}

enum ActionKind {
    case http
    case webSocket
    case connect
    case sql
}

/// What a request does, as every level's rules are asked about it; the path apart.
struct SoughtAction {
    let kind: ActionKind
    let method: String
    let methodKey: UInt64

    init(_ action: Action) {
        switch action {
        case .http(let method, _, _): (kind, self.method, methodKey) = (.http, method, MethodKey.of(method))
        // Its opening is a GET.
        case .webSocket: (kind, method, methodKey) = (.webSocket, "GET", MethodKey.of("GET"))
        case .connect: (kind, method, methodKey) = (.connect, "", MethodKey.any)
        case .sql: (kind, method, methodKey) = (.sql, "", MethodKey.any)
        }
    }
}

/// Where the actions of one or more rules with the same pattern are.
private struct HostGroup: Sendable {
    let to: HostPattern
    var actions: Range<Int>
    /// One of them could allow something, now or after an approval.
    var permits = false
    /// What those rules say of sessions with databases.
    var accesses: [DatabaseAccess] = []
}

/// An endpoint, hashed once for all levels: its whole name, and what stands behind each of its dots.
struct SoughtEndpoint {
    let endpoint: Endpoint
    /// Of names: the whole one last.
    fileprivate let hashes: [UInt64]

    init(_ endpoint: Endpoint) {
        self.endpoint = endpoint
        guard case .name(let name) = endpoint.host else {
            hashes = []
            return
        }
        var hashes: [UInt64] = []
        hashes.reserveCapacity(8)
        var hash = HostIndex.seed(endpoint.scheme, endpoint.port)
        let octets = Array(name.text.utf8)
        for byte in octets.reversed() {
            if byte == UInt8(ascii: ".") { hashes.append(hash) }
            hash = HostIndex.hash(hash, byte)
        }
        hashes.append(hash)
        self.hashes = hashes
    }
}

/// Rules by scheme, port and host: a request is held against the few that match its host, however many there are.
///
/// Names are found by their bytes from behind (FNV-1a), in a table with open places; what is found is compared.
final class HostIndex: Sendable {
    private let groups: [HostGroup]
    let actions: [CompiledAction]
    /// The key of each action's method.
    private let methods: [UInt64]
    /// Groups whose patterns are addresses and networks.
    private let addresses: [Int]
    private let hasSuffixes: Bool
    /// A hash and a group, -1 for an empty place; twice as many places as groups at least.
    private let table: [(hash: UInt64, group: Int32)]

    init(_ rules: [EgressRule]) {
        var groups: [HostGroup] = []
        var places: [HostPattern: Int] = [:]
        var gathered: [[CompiledAction]] = []
        for (index, rule) in rules.enumerated() {
            let place = places[rule.to] ?? groups.count
            if place == groups.count {
                groups.append(HostGroup(to: rule.to, actions: 0..<0))
                gathered.append([])
                places[rule.to] = place
            }
            if let access = DatabaseAccess(rule), !groups[place].accesses.contains(access) {
                groups[place].accesses.append(access)
            }
            for (effect, actions) in [(Effect.deny, rule.deny), (.ask, rule.ask), (.allow, rule.allow)] {
                for action in actions {
                    gathered[place] += (action.forms + action.likenesses).map {
                        CompiledAction($0, of: action, effect, of: rule, index: index)
                    }
                }
            }
        }
        var start = 0
        for (place, own) in gathered.enumerated() {
            groups[place].actions = start..<(start + own.count)
            groups[place].permits = own.contains { $0.effect != .deny }
            start += own.count
        }
        actions = gathered.flatMap(\.self)
        methods = actions.map(\.methodKey)
        self.groups = groups
        addresses = groups.indices.filter { Self.name(groups[$0].to) == nil }
        hasSuffixes = groups.contains {
            if case .name = $0.to.hosts { false } else { Self.name($0.to) != nil }
        }
        table = Self.table(of: groups)
    }

    private static func table(of groups: [HostGroup]) -> [(hash: UInt64, group: Int32)] {
        var size = 4
        while size < 2 * groups.count { size *= 2 }
        var table = [(hash: UInt64, group: Int32)](repeating: (0, -1), count: size)
        for (group, to) in groups.map(\.to).enumerated() {
            guard let name = name(to) else { continue }
            let hash = name.text.utf8.reversed().reduce(seed(to.scheme, to.port)) { Self.hash($0, $1) }
            var place = Int(truncatingIfNeeded: hash) & (size - 1)
            while table[place].group >= 0 { place = (place + 1) & (size - 1) }
            table[place] = (hash, Int32(truncatingIfNeeded: group))
        }
        return table
    }

    /// What a pattern's names are found by; nil for addresses.
    private static func name(_ to: HostPattern) -> DNSName? {
        switch to.hosts {
        case .name(let whole): whole
        case .oneLabel(let suffix), .anyLabels(let suffix): suffix
        case .address, .network: nil
        }
    }

    static func seed(_ scheme: Scheme, _ port: UInt16) -> UInt64 {
        var seed: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in scheme.rawValue.utf8 { seed = hash(seed, byte) }
        return hash(hash(seed, UInt8(truncatingIfNeeded: port)), UInt8(truncatingIfNeeded: port >> 8))
    }

    static func hash(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    /// Calls `body` with the places of the actions of matching patterns that could mean a request of this method.
    func forEachAction(at sought: borrowing SoughtEndpoint, _ method: UInt64, _ body: (Int) -> Void) {
        let methods = methods
        forEachMatch(of: sought) { places in
            for place in places
            where methods[place] == method || methods[place] == MethodKey.any || method == MethodKey.any {
                body(place)
            }
        }
    }

    /// Calls `body` with where the actions of each group are whose pattern matches the endpoint.
    func forEachMatch(of sought: borrowing SoughtEndpoint, _ body: (Range<Int>) -> Void) {
        forEachGroup(of: sought) { body(groups[$0].actions) }
    }

    /// What the rules for a database say of sessions with it.
    func accesses(at sought: borrowing SoughtEndpoint, to database: [UInt8]) -> [DatabaseAccess] {
        var found: [DatabaseAccess] = []
        forEachGroup(of: sought) { group in
            found += groups[group].accesses.filter { $0.database.name.matches(database) }
        }
        return found
    }

    private func forEachGroup(of sought: borrowing SoughtEndpoint, _ body: (Int) -> Void) {
        let endpoint = sought.endpoint
        guard case .name = endpoint.host else {
            for group in addresses where groups[group].to.matches(endpoint) { body(group) }
            return
        }
        for hash in hasSuffixes ? sought.hashes[...] : sought.hashes.suffix(1) {
            var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
            while table[place].group >= 0 {
                let group = Int(table[place].group)
                if table[place].hash == hash, groups[group].to.matches(endpoint) {
                    body(group)
                }
                place = (place + 1) & (table.count - 1)
            }
        }
    }

    /// Whether some group could allow something at a host of this name, by any scheme and port.
    func permits(_ name: DNSName) -> Bool {
        groups.contains { $0.permits && $0.to.matches(.name(name)) }
    }
}
