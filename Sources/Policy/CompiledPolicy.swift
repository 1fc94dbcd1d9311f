internal import Model

/// One profile, ready to decide.
package struct CompiledPolicy: Sendable {
    package let profile: Profile
    let rules: HostIndex
    /// Rules for other principals, which only refusals speak of; nil where there are none.
    let withheld: HostIndex?

    package init(_ profile: Profile) {
        self.profile = profile
        rules = HostIndex(profile.egress)
        withheld = profile.withheld.isEmpty ? nil : HostIndex(profile.withheld)
    }

    /// Whether some rule could allow something, now or after an approval, at a host of this name.
    func mentions(_ name: DNSName) -> Bool { rules.permits(name) }

    /// The schemes that rules have for this host and port.
    func schemes(for host: Host, port: UInt16) -> Set<Scheme> {
        Set(
            Scheme.allCases.filter { scheme in
                var found = false
                rules.forEachMatch(of: SoughtEndpoint(Endpoint(scheme: scheme, host: host, port: port))) {
                    _ in
                    found = true
                }
                return found
            }
        )
    }
}

extension CompiledAction {
    /// Whether the action is one that it means, its conditions apart.
    func applies(
        to action: SoughtAction,
        _ readings: PathReadings?,
        _ steps: inout Int
    ) -> Bool {
        switch (kind, action.kind) {
        case (.connect, .connect): return true
        case (.http, .http), (.webSocket, .webSocket): break
        case (.sql, _), (_, .sql): return false
        // Its opening is a GET: what keeps a GET away keeps it away too, but only its own word lets it pass.
        case (.http, .webSocket): guard effect != .allow else { return false }
        case (.connect, .http), (.connect, .webSocket), (.http, .connect), (.webSocket, .http),
            (.webSocket, .connect):
            return false
        }
        if let method, method != action.method { return false }
        guard let path, let readings else { return false }
        if path.matches(readings.written, &steps) { return true }
        guard effect != .allow, let loose = readings.loose else { return false }
        return path.matches(loose, &steps)
    }
}

/// What one level says to one request.
struct LevelOutcome {
    /// Nil while no rule matched.
    private var deciding: CompiledAction?
    /// Steps over single bytes that matching took.
    private(set) var steps = 0
    /// The first credential that the matching `allow` rules name.
    private(set) var credential: String?
    private(set) var reachesPrivateAddresses = false
    /// What the matching rules mask in the reply.
    private(set) var masks: MaskKinds = []
    /// Secrets that a matching `allow` rule lets out.
    private(set) var sends: MaskKinds = []
    /// A matching `allow` rule's pattern is the very address, not a network around it.
    private(set) var namesAddress = false
    /// Of several deeds, the one that the verdict hangs on.
    private(set) var deedLeft: Int?
    /// What few requests need, apart: an outcome is passed about at every level of every decision.
    private var more: More?
    /// A session with a database is opened, or used for what no rule is asked about.
    private var opensSession = false
    /// Octets up to which bodies of unknown length are allowed; nil while nothing allows them.
    private var largest: UInt64?
    /// Octets from which on they are denied, or have to be asked about.
    private var cap = UInt64.max

    /// Changed only while the outcome is made, by what makes it.
    private final class More {
        /// Credentials beside the first one.
        var others: [String] = []
        /// What nobody knows of before the body is read.
        var open: [CompiledAction] = []
        /// What allows some refs of a push each.
        var partial: PartialAllowance?
        /// Columns that the matching rules mask.
        var columns: Set<ColumnPattern> = []
        /// What asks, each action once.
        var asking: [CompiledAction] = []

        func ask(_ action: CompiledAction) {
            if !asking.contains(where: { $0.reference == action.reference }) { asking.append(action) }
        }
    }

    private mutating func making() -> More {
        if let more { return more }
        let made = More()
        more = made
        return made
    }

    /// Columns that the matching rules mask.
    var columns: Set<ColumnPattern> { more?.columns ?? [] }

    /// What asks, the rule that decided first.
    var asking: [CompiledAction] {
        (more?.asking ?? []).sorted { $0.index < $1.index }
    }

    /// What one profile alone says to a request.
    init(
        of request: Request,
        _ action: SoughtAction,
        at endpoint: borrowing SoughtEndpoint,
        by rules: HostIndex,
        _ readings: PathReadings?,
        _ conditions: inout ConditionReadings
    ) {
        rules.forEachAction(at: endpoint, action.key) { place in
            hold(request, action, against: rules.actions[place], readings, &conditions)
        }
        if let partial = more?.partial { add(together: partial) }
    }

    /// Takes one action into account, as far as it is known to mean the request.
    private mutating func hold(
        _ request: Request,
        _ sought: SoughtAction,
        against action: CompiledAction,
        _ readings: PathReadings?,
        _ conditionReadings: inout ConditionReadings
    ) {
        guard action.applies(to: sought, readings, &steps) else { return }
        guard let conditions = action.conditions else { return add(action) }
        switch conditions.hold(of: request, &conditionReadings, as: action.effect) {
        case .no: return
        case .yes: add(action)
        case .unread: making().open.append(action)
        case .upTo(let bound) where action.effect == .allow: add(action, upTo: bound)
        case .upTo(let bound): cap = min(cap, bound)
        case .part(let refs):
            let more = making()
            more.partial = (more.partial ?? PartialAllowance()).adding(action, refs)
        }
    }

    private mutating func add(_ action: CompiledAction, upTo bound: UInt64 = .max) {
        if isStronger(action) { deciding = action }
        if action.effect != .deny { masks.formUnion(action.masks) }
        guard action.effect != .deny else { return }
        // Once it is approved, what asks lets through what an allowance would.
        if action.effect == .ask { making().ask(action) }
        sends.formUnion(action.sends)
        largest = max(largest ?? 0, bound)
        use(action.credential)
        reachesPrivateAddresses = reachesPrivateAddresses || action.reachesPrivateAddresses
        namesAddress = namesAddress || action.namesAddress
    }

    private mutating func use(_ named: String?) {
        guard let named, !names(named) else { return }
        if credential == nil { credential = named } else { making().others.append(named) }
    }

    /// Takes what allows some refs of a push each into account: all together allow it where no ref is left, and then
    /// only what each of them lets the request do.
    private mutating func add(together partial: PartialAllowance) {
        let actions = partial.actions
        if partial.left == nil {
            for action in actions where isStronger(action) { deciding = action }
            largest = .max
            sends.formUnion(actions.reduce(into: MaskKinds(Sending.words)) { $0.formIntersection($1.sends) })
            reachesPrivateAddresses = reachesPrivateAddresses || actions.allSatisfy(\.reachesPrivateAddresses)
            namesAddress = namesAddress || actions.allSatisfy(\.namesAddress)
        }
        guard largest != nil else { return }
        for action in actions {
            masks.formUnion(action.masks)
            use(action.credential)
        }
    }

    /// The ref of a push, by its place, that no rule allows, where rules allow others; nil otherwise.
    var refLeft: Int? { deciding == nil ? more?.partial?.left : nil }

    private func isStronger(_ other: CompiledAction) -> Bool { Self.isStronger(other, than: deciding) }

    /// The rule that decided.
    var rule: RuleReference? { deciding?.reference }

    /// `deny` where nothing matched.
    var verdict: Effect { deciding?.effect ?? (opensSession ? .allow : .deny) }

    /// Whether a matching `allow` rule names it.
    func names(_ other: String) -> Bool { credential == other || more?.others.contains(other) == true }

    var namesSeveral: Bool { more?.others.isEmpty == false }

    /// Credentials that the matching `allow` rules name.
    var credentials: [String] { [credential].compactMap(\.self) + (more?.others ?? []) }

    /// Octets that a body of unknown length may have; nil for any number.
    var maximumBody: UInt64? {
        let bound = min(largest ?? .max, cap)
        return bound == .max ? nil : bound
    }

    private var open: [CompiledAction] { more?.open ?? [] }

    /// What was decided without the body stands, whatever it says.
    var isRefused: Bool { verdict == .deny && (deciding != nil || !open.contains { $0.effect == .allow }) }

    /// Something matched whose conditions nobody knows of yet.
    var leavesOpen: Bool { more?.open.isEmpty == false }

    /// Pointers that something hangs on: whether the request is allowed, with what, and how large.
    var unread: Set<JSONPointer> {
        open.filter(hangs(on:)).reduce(into: []) { pointers, action in
            pointers.formUnion(action.conditions?.members.map(\.pointer) ?? [])
        }
    }

    /// Whether the same hangs on the refs of a push.
    var hangsOnRefs: Bool { open.contains { $0.conditions?.push != nil && hangs(on: $0) } }

    private func hangs(on action: CompiledAction) -> Bool { action.effect != .allow || adds(action) }

    private func adds(_ action: CompiledAction) -> Bool {
        deciding == nil || largest != .max || action.credential.map { !names($0) } == true
            || (action.reachesPrivateAddresses && !reachesPrivateAddresses)
            || (action.namesAddress && !namesAddress)
            || !action.masks.isSubset(of: masks) || !action.sends.isSubset(of: sends)
    }
}

extension LevelOutcome {
    /// What one profile alone says to what statements do: all of it has to be allowed.
    init(
        of request: SoughtStatements,
        at endpoint: borrowing SoughtEndpoint,
        by rules: HostIndex,
        _ accesses: [DatabaseAccess]
    ) {
        for access in accesses {
            use(access.credential)
            reachesPrivateAddresses = reachesPrivateAddresses || access.reachesPrivateAddresses
            namesAddress = namesAddress || access.namesAddress
        }
        guard !accesses.isEmpty else { return }
        // What it reads may be of a rule that is not asked about it.
        if request.deeds.contains(where: \.deed.readsUnnamed) {
            for access in accesses where !access.database.columns.isEmpty {
                making().columns.formUnion(access.database.columns)
            }
        }
        opensSession = request.deeds.isEmpty
        var verdict = Effect.allow
        for (place, deed) in request.deeds.enumerated() {
            var strongest: CompiledAction?
            rules.forEachAction(at: endpoint, deed.key) { index in
                let action = rules.actions[index]
                guard action.means(deed, request) else { return }
                if Self.isStronger(action, than: strongest) { strongest = action }
                guard action.effect != .deny else { return }
                if action.effect == .ask { making().ask(action) }
                masks.formUnion(action.masks)
                guard let masked = action.database?.columns, !masked.isEmpty else { return }
                making().columns.formUnion(masked)
            }
            guard let strongest else {
                guard !deed.isHarmless else { continue }
                (deciding, deedLeft) = (nil, place)
                return
            }
            guard deedLeft == nil || strongest.effect > verdict else { continue }
            (deciding, deedLeft, verdict) = (strongest, place, strongest.effect)
        }
        opensSession = deciding == nil
    }

    private static func isStronger(_ other: CompiledAction, than deciding: CompiledAction?) -> Bool {
        guard let deciding else { return true }
        return other.effect > deciding.effect
            || (other.effect == deciding.effect && other.index < deciding.index)
    }
}
