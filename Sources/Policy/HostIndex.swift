internal import Model

/// Where the actions of one or more rules with the same pattern are.
private struct HostGroup: Sendable {
    let to: HostPattern
    /// One of them could allow something, now or after an approval.
    var permits = false
    /// What those rules say of sessions with databases.
    var accesses: [DatabaseAccess] = []
}

/// Rules by scheme, port and host: a request is held against the few that match its host, however many there are.
final class HostIndex: Sendable {
    private let groups: [HostGroup]
    let actions: [CompiledAction]
    /// Where the actions of each group are.
    private let places: [Range<Int>]
    private let keys: [ActionKey]
    private let names: NameTable
    /// Groups whose patterns are addresses and networks.
    private let addresses: [Int]

    init(_ rules: [EgressRule]) {
        var groups: [HostGroup] = []
        var known: [HostPattern: Int] = [:]
        var gathered: [[CompiledAction]] = []
        for (index, rule) in rules.enumerated() {
            let group = known[rule.to] ?? groups.count
            if group == groups.count {
                groups.append(HostGroup(to: rule.to))
                gathered.append([])
                known[rule.to] = group
            }
            if let access = DatabaseAccess(rule), !groups[group].accesses.contains(access) {
                groups[group].accesses.append(access)
            }
            gathered[group] += Self.actions(of: rule, index)
        }
        var start = 0
        places = gathered.map { own in
            defer { start += own.count }
            return start..<(start + own.count)
        }
        for (group, own) in gathered.enumerated() {
            groups[group].permits = own.contains { $0.effect != .deny }
        }
        actions = gathered.flatMap(\.self)
        keys = actions.map(\.key)
        names = NameTable(groups.map(\.to))
        addresses = groups.indices.filter { !NameTable.holds(groups[$0].to) }
        self.groups = groups
    }

    private static func actions(of rule: EgressRule, _ index: Int) -> [CompiledAction] {
        [(Effect.deny, rule.deny), (.ask, rule.ask), (.allow, rule.allow)].flatMap { effect, actions in
            actions.flatMap { action in
                (action.forms + action.likenesses).map {
                    CompiledAction($0, of: action, effect, of: rule, index: index)
                }
            }
        }
    }

    /// Calls `body` with the places of the actions of matching patterns that could mean such a request.
    func forEachAction(at sought: borrowing SoughtEndpoint, _ key: SoughtKey, _ body: (Int) -> Void) {
        forEachMatch(of: sought) { places in
            for place in places where keys[place].admits(key) { body(place) }
        }
    }

    /// Calls `body` with where the actions of each group are whose pattern matches the endpoint.
    func forEachMatch(of sought: borrowing SoughtEndpoint, _ body: (Range<Int>) -> Void) {
        forEachGroup(of: sought) { body(places[$0]) }
    }

    /// What the rules for a database, or for any one of the server's, say of sessions with it.
    func accesses(at sought: borrowing SoughtEndpoint, to database: [UInt8]?) -> [DatabaseAccess] {
        var found: [DatabaseAccess] = []
        forEachGroup(of: sought) { group in
            found += groups[group].accesses.filter { access in
                database.map { access.database.name.matches($0) } ?? true
            }
        }
        return found
    }

    private func forEachGroup(of sought: borrowing SoughtEndpoint, _ body: (Int) -> Void) {
        let endpoint = sought.endpoint
        guard case .address = endpoint.host else { return names.forEachMatch(of: sought, body) }
        for group in addresses where groups[group].to.matches(endpoint) { body(group) }
    }

    /// Whether some group could allow something at a host of this name, by any scheme and port.
    func permits(_ name: DNSName) -> Bool {
        groups.contains { $0.permits && $0.to.matches(.name(name)) }
    }
}
