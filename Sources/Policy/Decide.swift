package import Model

extension LineagePolicy {
    /// Decides one request for the agent and every ancestor: permitted only when each level permits it.
    ///
    /// A pure function of the request and the live profiles. Within a level `deny` beats `ask` beats `allow`
    /// across all rules that match, and no match denies; across the lineage the strictest level wins. Where it is `ask`, each
    /// rule that asks at whatever level has to be answered.
    package func decide(_ request: Request) -> Decision {
        if let lapse { return .deny(Refusal(verdict: .deny, denial: lapse.denial, levels: [])) }
        if case .sql(let sql) = request.action { return decide(request, sql) }
        let readings: PathReadings?
        do {
            readings = try Self.readings(of: request.action)
        } catch {
            return .deny(Refusal(verdict: .deny, denial: denial(request, error), levels: []))
        }
        let outcomes = outcomes(for: request, readings)
        // By their places: an element that is copied out counts the references of all that it holds.
        var (strictest, leavesOpen) = (outcomes.isEmpty ? Effect.deny : .allow, false)
        for level in outcomes.indices {
            strictest = max(strictest, outcomes[level].verdict)
            leavesOpen = leavesOpen || outcomes[level].leavesOpen
        }
        if leavesOpen, let interest = interest(outcomes) { return .read(interest) }
        return conclude(request, outcomes, strictest)
    }

    /// The decision, once all that every level says is there.
    func conclude(
        _ request: Request,
        _ outcomes: [LevelOutcome],
        _ strictest: Effect,
        in session: DatabaseSession? = nil
    ) -> Decision {
        let verdicts = verdicts(outcomes)
        guard strictest != .deny else {
            return .deny(refusal(request, outcomes, verdicts, strictest))
        }
        do {
            var obligations = try obligations(for: request, outcomes, verdicts)
            obligations.session = session
            let permit = Permit(request: request, obligations: obligations, levels: verdicts)
            guard strictest == .ask else { return .allow(permit) }
            let refusal = refusal(request, outcomes, verdicts, strictest)
            return .ask(AskedPermit(permit, demands(outcomes), refusal))
        } catch {
            return .deny(Refusal(verdict: .deny, denial: error, levels: verdicts))
        }
    }

    private func refusal(
        _ request: Request,
        _ outcomes: [LevelOutcome],
        _ verdicts: [LevelVerdict],
        _ strictest: Effect
    ) -> Refusal {
        let level = verdicts.firstIndex { $0.effect == strictest } ?? 0
        let asked = outcomes.isEmpty ? request : request.about(outcomes[level])
        let demands = strictest == .ask ? demands(outcomes) : []
        let denial = denial(asked, level: level, verdicts: verdicts, demands: demands)
        return Refusal(verdict: strictest, denial: denial, levels: verdicts)
    }

    private func demands(_ outcomes: [LevelOutcome]) -> [ApprovalDemand] {
        outcomes.indices.flatMap { level in
            outcomes[level].asking.map {
                ApprovalDemand(hop: hops[level], rule: $0.reference, terms: $0.approval)
            }
        }
    }

    /// What of the body every level needs to know; nil where the request is refused anyway.
    private func interest(_ outcomes: [LevelOutcome]) -> BodyInterest? {
        var (unread, hangsOnRefs) = (Set<JSONPointer>(), false)
        for outcome in outcomes where outcome.leavesOpen {
            unread.formUnion(outcome.unread)
            hangsOnRefs = hangsOnRefs || outcome.hangsOnRefs
        }
        guard hangsOnRefs || !unread.isEmpty, !outcomes.contains(where: \.isRefused) else { return nil }
        return unread.isEmpty ? .push : .json(unread.sorted { $0.text.precedes($1.text) })
    }

    private func outcomes(for request: Request, _ readings: PathReadings?) -> [LevelOutcome] {
        let (action, sought) = (SoughtAction(request.action, readings), SoughtEndpoint(request.endpoint))
        var conditions = ConditionReadings(request.action.query)
        return indexes.map { LevelOutcome(of: request, action, at: sought, by: $0, readings, &conditions) }
    }

    /// Whether some rule of every level could match a host of this name; nothing else is ever resolved upstream.
    package func mentions(_ name: DNSName) -> Bool {
        levels.allSatisfy { $0.mentions(name) }
    }

    /// The schemes for which every level has a rule for this host and port: what a connection may turn out to be.
    ///
    /// Rules that only deny count as well, so that their denial can be told in the protocol's own language.
    package func schemes(for host: Host, port: UInt16) -> Set<Scheme> {
        levels.reduce(Set(Scheme.allCases)) { $0.intersection($1.schemes(for: host, port: port)) }
    }

    /// Steps over single bytes that the patterns of every level take for this request; for tests of the bound.
    package func steps(for request: Request) -> Int {
        let readings = try? Self.readings(of: request.action)
        return outcomes(for: request, readings ?? nil).reduce(0) { $0 + $1.steps }
    }

    static func readings(of action: Action) throws(PathReadings.Problem) -> PathReadings? {
        switch action {
        case .http(_, let path, _), .webSocket(let path, _): try PathReadings(path)
        case .connect, .sql: nil
        }
    }

    private func verdicts(_ outcomes: [LevelOutcome]) -> [LevelVerdict] {
        outcomes.indices.map { level in
            LevelVerdict(
                agent: hops[level].agent,
                profile: hops[level].profile,
                effect: outcomes[level].verdict,
                rule: outcomes[level].rule
            )
        }
    }

    /// What every level's matching rules leave to do; throws where their conditions cannot be met together.
    private func obligations(
        for request: Request,
        _ outcomes: [LevelOutcome],
        _ verdicts: [LevelVerdict]
    ) throws(Denial) -> Obligations {
        var (reachesPrivate, masks, maximumBody) = (true, MaskKinds(), UInt64?.none)
        var columns: Set<ColumnPattern> = []
        for level in outcomes.indices {
            reachesPrivate = reachesPrivate && outcomes[level].reachesPrivateAddresses
            masks.formUnion(outcomes[level].masks)
            if !outcomes[level].columns.isEmpty { columns.formUnion(outcomes[level].columns) }
            if let bound = outcomes[level].maximumBody { maximumBody = min(maximumBody ?? bound, bound) }
        }
        if case .address(let address) = request.endpoint.host {
            try checkScope(of: address, request, outcomes, reachesPrivate: reachesPrivate)
        }
        return Obligations(
            credential: try credential(for: request, outcomes),
            privateAddresses: reachesPrivate,
            masks: masks,
            sending: sending(outcomes, verdicts),
            maximumBody: maximumBody,
            recording: recording,
            columns: columns
        )
    }

    /// The one that the agent's own rules name, when those of every ancestor name it as well.
    private func credential(for request: Request, _ outcomes: [LevelOutcome]) throws(Denial) -> String? {
        guard let own = outcomes.indices.last else { return nil }
        if outcomes[own].namesSeveral { throw ambiguousCredential(request, outcomes[own].credentials) }
        guard let credential = outcomes[own].credential else { return nil }
        for level in outcomes.indices where !outcomes[level].names(credential) {
            throw foreignCredential(request, credential, level: level)
        }
        return credential
    }

    private func sending(_ outcomes: [LevelOutcome], _ verdicts: [LevelVerdict]) -> Sending {
        var (kinds, first) = (Sending.everything, Int?.none)
        for level in outcomes.indices {
            if first == nil, !Sending.everything.isSubset(of: outcomes[level].sends) { first = level }
            kinds.formIntersection(outcomes[level].sends)
        }
        guard let first else { return Sending(kinds: kinds) }
        return Sending(kinds: kinds, rule: verdicts[first].rule, decidedBy: hops[first])
    }

    /// An address written as such is checked here; one that a name resolves to is checked before it is dialled.
    private func checkScope(
        of address: IPAddress,
        _ request: Request,
        _ outcomes: [LevelOutcome],
        reachesPrivate: Bool
    ) throws(Denial) {
        let isCovered =
            switch address.scope {
            case .global: true
            case .local: reachesPrivate
            case .metadata: outcomes.allSatisfy(\.namesAddress)
            case .unusable: false
            }
        guard isCovered else { throw forbiddenAddress(request, address) }
    }
}

extension Request {
    /// The same for the one ref of a push, or the one deed of statements, that a refusal is about.
    fileprivate func about(_ outcome: LevelOutcome) -> Request {
        if case .sql(let sql) = action, let place = outcome.deedLeft, sql.deeds.indices.contains(place) {
            let deed = SQLRequest(database: sql.database, deeds: [sql.deeds[place]])
            return Request(endpoint: endpoint, action: .sql(deed))
        }
        guard let ref = outcome.refLeft, let push = body.push, push.updates.indices.contains(ref) else {
            return self
        }
        var request = self
        request.body.push = GitPush([push.updates[ref]], hasOptions: push.hasOptions)
        return request
    }
}
