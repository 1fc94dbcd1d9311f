internal import Model
internal import Policy

// Requests, connections and statements.
extension PolicyReplay {
    func decide(_ record: RequestRecord) -> Hindsight {
        let was = record.isBeyondRules ? record.verdict : record.ruled
        let hops = record.lineage.hops
        let standings = standings(in: hops)
        guard let first = standings.first else { return .same(was) }
        let isUnchanged = standings.allSatisfy { self.isUnchanged(hops[$0.place]) }
        guard !record.levels.isEmpty else {
            return isUnchanged ? .same(was) : unruled(record, hops[first.place])
        }
        var findings: [Int: LevelFinding] = [:]
        for (place, isKnown) in standings {
            var finding = isKnown ? finding(of: record, at: place) : .unknown(Self.unknownText(hops[place]))
            // The same rules said the same of the same request.
            if finding.effect == nil, isUnchanged, let level = level(of: hops[place], record) {
                finding = LevelFinding(effect: level.effect, reason: Self.reason(level))
            }
            findings[place] = finding
        }
        return conclude(record, findings, isUnchanged: isUnchanged)
    }

    /// All levels together: what stands in, and of the others what is on record.
    private func conclude(
        _ record: RequestRecord,
        _ findings: [Int: LevelFinding],
        isUnchanged: Bool
    ) -> Hindsight {
        let was = record.isBeyondRules ? record.verdict : record.ruled
        var (now, reasons, missing) = (Effect.allow, [String](), String?.none)
        for (place, hop) in record.lineage.hops.enumerated() {
            let level = level(of: hop, record)
            let said =
                findings[place] ?? level.map { LevelFinding(effect: $0.effect, reason: Self.reason($0)) }
            guard let said, let effect = said.effect else {
                missing = missing ?? said?.reason ?? "what \(hop.name) said is not on record"
                continue
            }
            if effect > now { (now, reasons) = (effect, []) }
            if effect == now, effect != .allow || findings[place] != nil {
                reasons.append("\(effect.rawValue) by \(hop.profile) of \(hop.name): \(said.reason)")
            }
        }
        // What is denied by one level is denied, whatever others say.
        if now == .deny { return Hindsight(was: was, now: .deny, reasons) }
        if let missing { return .unknown(was, missing) }
        if !isUnchanged, let finding = credentials(record, findings) {
            guard finding.effect == .deny else { return .unknown(was, finding.reason) }
            return Hindsight(was: was, now: .deny, [finding.reason])
        }
        guard record.isBeyondRules else { return Hindsight(was: was, now: now, reasons) }
        // It was refused behind the rules; whether it would be again they do not say.
        let hangsOnRules: Set<Denial.Reason> = [.denied, .credentialUnavailable, .forbiddenAddress]
        guard !isUnchanged, let reason = record.reason, hangsOnRules.contains(reason) else {
            return .same(was)
        }
        return .unknown(
            was,
            "the rules let it pass, and it was refused all the same: \(record.message ?? "")"
        )
    }

    private static func reason(_ level: LevelVerdict) -> String {
        level.rule?.description ?? "no rule allows it"
    }

    private func level(of hop: Hop, _ record: RequestRecord) -> LevelVerdict? {
        record.levels.first { $0.agent == hop.agent }
    }

    /// What was refused before any rule was asked.
    private func unruled(_ record: RequestRecord, _ hop: Hop) -> Hindsight {
        guard !record.action.isSame(as: "further requests") else {
            return .unknown(.deny, "requests that are not on record one by one: \(record.message ?? "")")
        }
        switch record.reason {
        case .denied, .noRule, .approvalNeeded:
            return .unknown(record.verdict, "it was refused as a whole: \(record.message ?? "")")
        case .malformed, .unsupported, .protocolMismatch, .nameMismatch:
            // What nobody reads is passed on all the same where rules say so.
            guard let endpoint = try? RecordedRequest.endpoint(record.resource),
                let policy = policy(of: hop, record.lineage),
                !policy.schemes(for: endpoint.host, port: endpoint.port).isDisjoint(with: [.tls, .tcp])
            else { return .same(record.verdict) }
            return .unknown(
                record.verdict,
                "rules forward what goes there, and it was refused as something else: \(record.message ?? "")"
            )
        default: return .same(record.verdict)
        }
    }

    private func finding(of record: RequestRecord, at place: Int) -> LevelFinding {
        let hop = record.lineage.hops[place]
        guard let policy = policy(of: hop, record.lineage) else {
            return .unknown("the profile does not read for the folder of \(hop.name)")
        }
        do throws(RecordedRequest.Gap) {
            let recorded = try RecordedRequest(record)
            if let finding = otherwise(recorded.request, policy, isAlone: record.lineage.depth == 1) {
                return finding
            }
            if recorded.isQueryHidden, policy.asksForQueries(at: recorded.request.endpoint) {
                return .unknown("rules on the query decide it, which is masked or cut on record")
            }
            return policy.finding(on: recorded.request, isOwn: place == record.lineage.depth - 1)
        } catch {
            return .unknown(error.reason)
        }
    }

    /// What comes of a connection that would be taken for something else than it was; nil where it would not.
    private func otherwise(_ request: Request, _ policy: LineagePolicy, isAlone: Bool) -> LevelFinding? {
        let endpoint = request.endpoint
        let schemes = policy.schemes(for: endpoint.host, port: endpoint.port)
        let (forwarded, read): (Set<Scheme>, Set<Scheme>) = ([.tls, .tcp], [.http, .https, .postgres])
        if forwarded.contains(endpoint.scheme) {
            guard schemes.isDisjoint(with: read), schemes.isEmpty || schemes.contains(endpoint.scheme) else {
                return .unknown("what was forwarded would be read, and what it said is not on record")
            }
            return nil
        }
        guard !schemes.contains(endpoint.scheme), !schemes.isDisjoint(with: forwarded) else { return nil }
        guard isAlone, let scheme = schemes.first, schemes.count == 1 else {
            return .unknown("it would not be read but forwarded, if every level has a rule for that")
        }
        let connection = Endpoint(scheme: scheme, host: endpoint.host, port: endpoint.port)
        var finding = policy.finding(on: Request(endpoint: connection, action: .connect), isOwn: true)
        finding.reason += ", as connect \(connection)"
        return finding
    }

    /// The credential that the agent's own rules put in has to be named by every level: why it is not, or that nobody can
    /// tell; nil where it is.
    private func credentials(_ record: RequestRecord, _ findings: [Int: LevelFinding]) -> LevelFinding? {
        let hops = record.lineage.hops
        guard hops.count > 1, let own = hops.indices.last else { return nil }
        let wasAllowed = record.verdict == .allow
        let name: String?
        if let finding = findings[own] {
            guard !finding.namesSeveral else { return nil }
            name = finding.credential
            guard let name, !(wasAllowed && record.credential?.isSame(as: name) == true) else { return nil }
            guard findings.count == hops.count else {
                return .unknown("whether every profile above names the credential \(name) is not on record")
            }
        } else if wasAllowed {
            name = record.credential
        } else if let original = original(of: hops[own]), let request = try? RecordedRequest(record).request {
            name = alone(original, hops[own], record.lineage)?.finding(on: request, isOwn: true).credential
        } else {
            return .unknown(
                "profile \(hops[own].profile) of \(hops[own].name) is not at hand as it was: whether it puts a credential "
                    + "in is not on record"
            )
        }
        guard let name else { return nil }
        for (place, finding) in findings where place != own {
            if finding.namesSeveral { return .unknown("it names several credentials") }
            guard finding.credential?.isSame(as: name) != true else { continue }
            let hop = hops[place]
            return LevelFinding(
                effect: .deny,
                reason: "deny by \(hop.profile) of \(hop.name): its rules do not name the credential \(name)"
            )
        }
        return nil
    }
}

extension LineagePolicy {
    /// Whether a rule for a place asks for something of the query.
    fileprivate func asksForQueries(at endpoint: Endpoint) -> Bool {
        levels.contains { level in
            level.profile.egress.contains { rule in
                rule.to.matches(endpoint)
                    && (rule.allow + rule.ask + rule.deny).contains { action in
                        (action.forms + action.likenesses).contains {
                            $0.conditions?.query != nil && $0.conditions?.kind == .plain
                        }
                    }
            }
        }
    }

    /// What one level says.
    fileprivate func finding(on request: Request, isOwn: Bool) -> LevelFinding {
        switch decide(request) {
        case .allow(let permit):
            return LevelFinding(.allow, permit.levels, credential: permit.obligations.credential)
        case .ask(let asked):
            return LevelFinding(.ask, asked.refusal.levels, credential: asked.credential)
        case .deny(let refusal):
            guard let level = refusal.levels.first, level.effect != .deny else {
                let reason = refusal.levels.isEmpty ? refusal.denial.message : nil
                var finding = LevelFinding(.deny, refusal.levels, credential: nil)
                if let reason { finding.reason = reason }
                return finding
            }
            // Only its own rules have to agree about one.
            guard isOwn || refusal.denial.reason == .forbiddenAddress else {
                var finding = LevelFinding(level.effect, refusal.levels, credential: nil)
                finding.namesSeveral = true
                return finding
            }
            return LevelFinding(effect: .deny, reason: refusal.denial.message)
        case .read(.json(let pointers)):
            let places = pointers.map(\.text).joined(separator: ", ")
            return .unknown("rules on the body decide it, and what it said at \(places) is not on record")
        case .read(.push): return .unknown("rules on refs decide it, which are not on record")
        case .read: return .unknown("rules on the body decide it, which is not on record")
        }
    }
}

extension LevelFinding {
    fileprivate init(_ effect: Effect, _ levels: [LevelVerdict], credential: String?) {
        self.init(
            effect: effect,
            reason: levels.first?.rule?.description ?? "no rule allows it",
            credential: credential
        )
    }
}
