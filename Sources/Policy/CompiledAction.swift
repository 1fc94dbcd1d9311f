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
    /// What it demands of an approval; of one that asks alone.
    let approval: ApprovalTerms
    let credential: String?
    let masks: MaskKinds
    let sends: MaskKinds
    /// Which deeds it means, in which databases; nil for what is none.
    let sql: SQLPattern?
    let database: DatabaseRule?
    let reachesPrivateAddresses: Bool
    /// Its pattern is the very address, not a network around it.
    let namesAddress: Bool
    /// Sets requests of other methods and below other folders apart before anything else is looked at.
    let key: ActionKey

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
        approval = rule.approval
        credential = rule.credential
        masks = rule.masks
        sends = rule.sends
        database = rule.database
        reachesPrivateAddresses = rule.reachesPrivateAddresses
        namesAddress = if case .address = rule.to.hosts { true } else { false }
        key = ActionKey(method: method ?? sql?.kind?.rawValue, path: path)
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
    let key: SoughtKey

    init(_ action: Action, _ readings: PathReadings?) {
        switch action {
        case .http(let method, _, _): (kind, self.method) = (.http, method)
        // Its opening is a GET.
        case .webSocket: (kind, method) = (.webSocket, "GET")
        case .connect: (kind, method) = (.connect, "")
        case .sql: (kind, method) = (.sql, "")
        }
        key = SoughtKey(method: LeadingOctets.of(method.utf8), readings)
    }
}
