package import Model
internal import Policy

extension ProfileReview {
    /// `bailey profile explain NAME REQUEST`: what an agent under this profile would get, and by which rule of which
    /// ancestor.
    ///
    /// `ancestors` are the profiles above it, root first; `principal` is who would launch it.
    package func explain(
        _ reference: String,
        request text: String,
        under ancestors: [String],
        principal: Principal,
        asJSON: Bool
    ) -> ReviewOutcome {
        do {
            let profiles = try (ancestors + [reference]).map { name throws(ProfileError) in
                try merged(name).profile
            }
            if let child = LaunchRuling.child(in: text) {
                return try explain(launch: child, by: profiles, principal, asJSON: asJSON)
            }
            let (request, body) = try Self.request(text)
            var ruling = try Ruling(of: request, body, by: profiles, principal: principal)
            ruling.obstacles = obstacles(for: request, ruling)
            ruling.doubts =
                profiles.flatMap(strangers)
                + profiles.flatMap { absentApprovers(of: $0.egress) }.map { "\($0.source): \($0.message)" }
                + [stranger(principal.subject)].compactMap(\.self)
                + launcher.everyRefusal
            ruling.widening = widening(for: request, body, ruling)
            ruling.unmet = profiles.compactMap { profile in
                profile.unmet(by: principal).map {
                    "\(profile.name) is not for \(principal): principals (\($0.source)) demands \($0.text)"
                }
            }
            let exitCode =
                ruling.effect == .allow && ruling.obstacles.isEmpty && ruling.unmet.isEmpty
                ? ReviewOutcome.success : ReviewOutcome.negative
            let output = asJSON ? ruling.json(request).printed + "\n" : ruling.text(request)
            return ReviewOutcome(output: output, exitCode: exitCode)
        } catch {
            return ReviewOutcome(error)
        }
    }

    private func explain(
        launch name: String,
        by profiles: [Profile],
        _ principal: Principal,
        asJSON: Bool
    ) throws(ProfileError) -> ReviewOutcome {
        guard let ruling = LaunchRuling(of: try merged(name).profile, by: profiles, principal: principal)
        else { throw ProfileError(file: "lineage", "a lineage has at least one profile") }
        return ReviewOutcome(
            output: asJSON ? ruling.json.printed + "\n" : ruling.text,
            exitCode: ruling.effect == .allow ? ReviewOutcome.success : ReviewOutcome.negative
        )
    }

    /// What the gateway would refuse a request for that the rules allow.
    private func obstacles(for request: Request, _ ruling: Ruling) -> [String] {
        guard ruling.effect == .allow else { return [] }
        var obstacles: [String] = []
        if case .name(let name) = request.endpoint.host, let address = launcher.resolve[name],
            let why = address.unreached(private: ruling.reachesPrivate)
        {
            obstacles.append("forbidden-address: bailey.yaml resolves \(name) to \(address), \(why)")
        }
        if let credential = ruling.credential, let hosts = launcher.hosts(credential),
            !hosts.contains(where: { $0.matches(request.endpoint) })
        {
            obstacles.append(
                "credential-unavailable: credentials.yaml does not send \(credential) to \(request.endpoint)"
            )
        }
        return obstacles
    }

    static func request(_ text: String) throws(ProfileError) -> (Request, body: String) {
        do {
            return try RequestText.parseWhole(text)
        } catch {
            throw ProfileError(diagnostics: [
                Diagnostic(
                    file: "request",
                    position: TextPosition(line: 1, column: 1 + error.offset),
                    message: error.message,
                    suggestion: error.suggestion
                )
            ])
        }
    }
}

/// A decision as a value that can be printed and compared.
struct Ruling: Sendable {
    let effect: Effect
    let levels: [LevelVerdict]
    let denial: Denial?
    let credential: String?
    /// Whether every level lets it go to a private address.
    let reachesPrivate: Bool
    /// What the gateway would refuse it for, although the rules allow it.
    var obstacles: [String] = []
    /// What is masked in the reply.
    let masks: [String]
    /// Which secrets the request may carry.
    let sends: [String]
    /// What each level exceeds the one above it by: such a lineage would never be launched.
    let excesses: [String]
    /// What has to be approved, and how.
    var demands: [String] = []
    /// Profiles of the lineage that this principal may not launch, and why.
    var unmet: [String] = []
    /// Of whom rules speak that nobody can be.
    var doubts: [String] = []
    /// Lines of a profile that would allow it; empty where none can be told.
    var widening: [String] = []
    /// It is denied since no rule speaks of it, and none comes near.
    private(set) var isUnmentioned = false

    /// `profiles` root first, at least one.
    ///
    /// `body` is taken for JSON.
    init(
        of request: Request,
        _ body: String,
        by profiles: [Profile],
        principal: Principal
    ) throws(ProfileError) {
        let profiles = profiles.map { $0.applied(to: principal) }
        guard let policy = Self.policy(profiles, principal) else {
            throw ProfileError(file: "lineage", "a lineage has at least one profile")
        }
        var request = request
        if case .read(.json(let pointers)) = policy.decide(request) {
            var walker = JSONWalker(pointers)
            let octets = Array(body.utf8)
            unsafe walker.read(octets.span.bytes)
            request.body.json = walker.finish()
        }
        switch policy.decide(request) {
        case .allow(let permit):
            (effect, levels, denial) = (.allow, permit.levels, nil)
            credential = permit.obligations.credential
            reachesPrivate = permit.obligations.privateAddresses
            let columns = permit.obligations.columns.map(\.description).sorted { $0.precedes($1) }
            masks = permit.obligations.masks.words + columns
            sends = permit.obligations.sending.kinds.words
        case .ask(let asked):
            (effect, levels, denial) = (.ask, asked.refusal.levels, asked.refusal.denial)
            (credential, reachesPrivate, masks, sends) = (asked.credential, false, [], [])
            demands = asked.demands.map { "\($0.hop.name) asks by \($0.rule): \($0.terms)" }
        case .deny(let refusal):
            (effect, levels, denial) = (refusal.verdict, refusal.levels, refusal.denial)
            (credential, reachesPrivate, masks, sends) = (nil, false, [], [])
            isUnmentioned = refusal.denial.reason == .noRule && !policy.comesNear(request)
        case .read(.push):
            throw ProfileError(
                file: "request",
                "rules on refs decide it; write it as git push URL REF, with the refs that it changes"
            )
        case .read: throw ProfileError(file: "request", "its body cannot be decided on here")
        }
        excesses = zip(profiles, profiles.dropFirst()).flatMap { parent, child in
            excess(of: child, over: parent).map { "\(child.name) is wider than \(parent.name): \($0)" }
        }
    }

    private static func policy(_ profiles: [Profile], _ principal: Principal) -> LineagePolicy? {
        let hops = profiles.enumerated().map { index, profile in
            Hop(
                agent: AgentID(run: "review", ordinal: index + 1),
                name: profile.name,
                profile: profile.name,
                profileDigest: profile.digest
            )
        }
        guard let root = hops.first else { return nil }
        let lineage = hops.dropFirst().reduce(Lineage(principal: principal, root: root)) { $0.child($1) }
        return LineagePolicy(lineage: lineage, levels: profiles.map { CompiledPolicy($0) })
    }

    fileprivate func text(_ request: Request) -> String {
        let allowed = obstacles.isEmpty ? "allowed" : "allowed by the rules, and refused all the same"
        let word =
            ["allow": allowed, "ask": "held until it is approved", "deny": "denied"][effect.rawValue] ?? ""
        var lines = ["\(word): \(request)"]
        lines += levels.map { level in
            "  \(level.profile): \(level.effect.rawValue), \(level.rule.map { "by \($0)" } ?? "no rule allows it")"
        }
        lines += demands.map { "  approval: \($0)" }
        lines += obstacles.map { "  refused: \($0)" }
        if let credential { lines.append("  credential: \(credential)") }
        if !masks.isEmpty { lines.append("  masked in the reply: \(masks.joined(separator: ", "))") }
        if !sends.isEmpty { lines.append("  may carry: \(sends.joined(separator: ", "))") }
        if let denial { lines += ["  why: \(denial.message)", "  remedy: \(denial.remedy)"] }
        lines += widening.map { "  \($0)" } + doubts.map { "  warning: \($0)" }
        if request.endpoint.host.isLoopback { lines.append("  note: \(HostPattern.loopbackNote)") }
        lines += (unmet + excesses).map { "  note: would not be launched: \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    fileprivate func json(_ request: Request) -> JSONText {
        .object([
            ("request", .text(request.description)), ("verdict", .text(effect.rawValue)),
            ("levels", .list(levels.map(\.json))), ("credential", .optional(credential)),
            ("mask", .texts(masks)), ("send", .texts(sends)),
            ("reason", .optional(denial?.reason.rawValue)), ("message", .optional(denial?.message)),
            ("remedy", .optional(denial?.remedy)), ("refused", .texts(obstacles)),
            ("approvals", .texts(demands)), ("excess", .texts(excesses)), ("principals", .texts(unmet)),
            ("warnings", .texts(doubts)),
        ])
    }
}

extension LevelVerdict {
    fileprivate var json: JSONText {
        .object([
            ("profile", .text(profile)), ("effect", .text(effect.rawValue)), ("rule", .optional(rule?.text)),
            ("source", .optional(rule?.source)),
        ])
    }
}
