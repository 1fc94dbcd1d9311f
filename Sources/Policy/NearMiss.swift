package import Model

/// A rule that would have allowed a request but for what it asks of it besides method and path.
struct NearMiss {
    let rule: RuleReference
    /// What of it the request does not meet, in the order of the text.
    let unmet: [Unmet]

    /// `the rule … comes nearest, but …`.
    var description: String { words(unmet.map(\.description)) }

    /// The same without whom the rule is for, which is the operator's to know.
    var told: String { words(unmet.map { $0.told ?? $0.description }) }

    private func words(_ reasons: [String]) -> String {
        "the rule \(rule) comes nearest, but \(reasons.joined(separator: ", and "))"
    }

    /// A push has options, and every rule near it names refs.
    var isOfOptions: Bool { unmet.contains(.options) }

    /// It means the request, of other principals.
    var isOfOthers: Bool { unmet.contains { if case .principal = $0 { true } else { false } } }
}

/// A condition that a request does not meet.
enum Unmet: Hashable {
    case call
    case query
    case size(UInt64)
    case absent(JSONPointer)
    case other(JSONPointer)
    case unclear(JSONPointer)
    case ref
    case options
    /// Whom the rule is for.
    case principal(String)

    /// What is so of the request; never a value of it.
    var description: String {
        switch self {
        case .call: "this is no gRPC call (content type application/grpc)"
        case .query: "the query is not as it says"
        case .size(let octets): "the body has \(octets) octets"
        case .absent(let pointer): "the body has nothing at \(pointer.text)"
        case .other(let pointer): "the body's \(pointer.text) is not as it says"
        case .unclear(let pointer): "the body is not plain JSON with one value at \(pointer.text)"
        case .ref: "it means other refs"
        case .options: "a push with options needs a rule without a ref"
        case .principal(let text): "it is for others alone: for: \(text)"
        }
    }

    /// What an agent hears in its place; nil where that is the same.
    var told: String? { if case .principal = self { "it is for others alone" } else { nil } }
}

extension LineagePolicy {
    /// Which rule of a level comes nearest to allowing a request; nil where none has its host, method and path.
    ///
    /// - Parameters:
    ///   - request: with what was read of its body.
    ///   - level: none of whose rules means it.
    /// - Returns: that of which the fewest conditions are not met, the first of several.
    func nearest(to request: Request, level: Int) -> NearMiss? {
        guard let readings = try? Self.readings(of: request.action) else { return nil }
        let (sought, rules) = (SoughtAction(request.action, readings), indexes[level])
        var (readingsOfConditions, steps) = (ConditionReadings(request.action.query), 0)
        var nearest: (action: CompiledAction, unmet: [Unmet])?
        rules.forEachAction(at: SoughtEndpoint(request.endpoint), sought.key) { place in
            let action = rules.actions[place]
            guard action.effect != .deny, action.applies(to: sought, readings, &steps),
                let unmet = action.conditions?.unmet(by: request, &readingsOfConditions, as: action.effect),
                !unmet.isEmpty
            else { return }
            let isNearer =
                nearest.map { found in
                    unmet.count < found.unmet.count
                        || (unmet.count == found.unmet.count && action.index < found.action.index)
                } ?? true
            if isNearer { nearest = (action, unmet) }
        }
        return nearest.map { NearMiss(rule: $0.action.reference, unmet: $0.unmet) }
    }
}

extension LineagePolicy {
    /// Whether a rule of some level means a request but for its conditions, or for other principals.
    package func comesNear(_ request: Request) -> Bool {
        levels.indices.contains {
            withheld(from: request, level: $0) != nil || nearest(to: request, level: $0) != nil
        }
    }

    /// A rule of a level that means a request and is for other principals; nil where there is none.
    func withheld(from request: Request, level: Int) -> NearMiss? {
        guard let rules = levels[level].withheld, let outcome = outcome(of: request, by: rules),
            outcome.verdict != .deny, let rule = outcome.rule,
            let place = rules.actions.first(where: { $0.reference == rule })?.index,
            let principals = levels[level].profile.withheld[place].principals
        else { return nil }
        return NearMiss(rule: rule, unmet: [.principal(principals.text)])
    }

    private func outcome(of request: Request, by rules: HostIndex) -> LevelOutcome? {
        let endpoint = SoughtEndpoint(request.endpoint)
        if case .sql(let sql) = request.action {
            let accesses = rules.accesses(at: endpoint, to: Array(sql.database.text.utf8))
            // As near as it can be told: what such a session would be bound to, it is not.
            let statements = SoughtStatements(sql, in: DatabaseSession())
            return LevelOutcome(of: statements, at: endpoint, by: rules, accesses)
        }
        let readings: PathReadings?
        do { readings = try Self.readings(of: request.action) } catch { return nil }
        var conditions = ConditionReadings(request.action.query)
        let sought = SoughtAction(request.action, readings)
        return LevelOutcome(of: request, sought, at: endpoint, by: rules, readings, &conditions)
    }
}

extension Conditions {
    /// What of them a request does not meet; nil where the rule is about another protocol.
    fileprivate func unmet(
        by request: Request,
        _ readings: inout ConditionReadings,
        as effect: Effect
    ) -> [Unmet]? {
        var unmet: [Unmet] = []
        if kind != .plain, request.kind != kind {
            guard kind == .call else { return nil }
            unmet.append(.call)
        } else if kind == .plain, let query, !readings.meets(query, as: effect) {
            unmet.append(.query)
        }
        if let push {
            guard let asked = request.body.push, case .no = push.holds(of: asked, &readings, as: effect)
            else { return nil }
            unmet.append(asked.hasOptions ? .options : .ref)
        }
        if case .atMost(let limit) = size, let length = request.body.length, length > limit {
            unmet.append(.size(length))
        }
        return unmet + members.compactMap { $0.unmet(by: request.body, as: effect) }
    }
}

extension MemberCondition {
    fileprivate func unmet(by body: RequestBody, as effect: Effect) -> Unmet? {
        guard case .no = holds(of: body, as: effect) else { return nil }
        guard body.length != 0, let finding = body.json?[pointer] else {
            return body.length == 0 ? .absent(pointer) : .unclear(pointer)
        }
        return switch finding {
        case .absent: .absent(pointer)
        case .ambiguous: .unclear(pointer)
        case .string, .literal, .other: .other(pointer)
        }
    }
}
