internal import Model
internal import Policy

/// A table of expectations beside the profiles: `tests/NAME.yaml`.
///
/// ```yaml
/// bailey: 1
/// cases:
///   - {lineage: [ci], request: "GET https://pypi.org/simple/", verdict: allow}
///   - {lineage: [ci, llm-tool], request: "PUT https://pypi.org/x", verdict: deny, rule: "no rule"}
///   - {lineage: [ci], launch: offline, verdict: allow}
///   - {lineage: [deploy], as: {subject: "oidc:github:repo:acme/app", groups: [payments]}, request: "GET https://x.test/", verdict: allow}
/// ```
///
/// `lineage` is root first. `rule` is a part of the deciding rule's text. `launch` asks whether a child may run under
/// that profile: allowed by `children.profiles` or asked about by any level's `children.ask`, for this principal, and no wider. `as` is who launches; a local user that no
/// rule names without it.
struct DecisionTable: Sendable {
    /// One row.
    struct Case: Sendable {
        var lineage: [String]
        var question: Question
        var verdict: Effect
        var rule: String?
        var principal: Principal
        var position: TextPosition
    }

    /// What a row asks.
    enum Question: Sendable {
        case request(Request, body: String)
        case launch(String)
    }

    let file: String
    let cases: [Case]

    init(_ text: String, file: String) throws(ProfileError) {
        let document = try YAMLDocument(text, file: file)
        var errors = Diagnostics(file: file)
        var cases: [Case] = []
        if let top = document.root.mapping("the table", keys: ["bailey", "cases"], &errors) {
            let version = ProfileParser.version
            if let node = top["bailey"] { _ = node.integer("bailey", version...version, &errors) }
            for item in top["cases"]?.list("cases", &errors) ?? [] {
                if let row = Self.row(item, &errors) { cases.append(row) }
            }
        }
        if cases.isEmpty { errors.report("the table has no cases", at: document.root.position) }
        try errors.check()
        self.file = file
        self.cases = cases
    }

    private static func row(_ node: YAMLNode, _ errors: inout Diagnostics) -> Case? {
        let keys = ["lineage", "request", "launch", "verdict", "rule", "as"]
        guard let row = node.mapping("a case", keys: keys, &errors) else { return nil }
        let lineage = (row["lineage"]?.texts("lineage", &errors) ?? []).map(\.text)
        if lineage.isEmpty {
            errors.report("lineage is missing: profile names, root first", at: node.position)
        }
        let verdict = row["verdict"]?.word("verdict", of: ["allow", "ask", "deny"], &errors)
        if row["verdict"] == nil { errors.report("verdict is missing", at: node.position) }
        guard let question = question(row, node, &errors),
            let effect = verdict.flatMap(Effect.init(rawValue:))
        else {
            return nil
        }
        let rule = row["rule"]?.text("rule", &errors)
        let principal = row["as"].map { Self.principal($0, &errors) } ?? nobody
        return Case(
            lineage: lineage,
            question: question,
            verdict: effect,
            rule: rule,
            principal: principal,
            position: node.position
        )
    }

    /// `{subject: …, groups: […], claims: {NAME: […]}}`.
    private static func principal(_ node: YAMLNode, _ errors: inout Diagnostics) -> Principal {
        guard let fields = node.mapping("as", keys: ["subject", "groups", "claims"], &errors) else {
            return nobody
        }
        let groups = (fields["groups"]?.texts("as.groups", &errors) ?? []).map(\.text)
        var claims: [String: [String]] = [:]
        for entry in fields["claims"]?.entries("as.claims", &errors) ?? [] {
            claims[entry.key] = (entry.value.texts("as.claims.\(entry.key)", &errors) ?? []).map(\.text)
        }
        let subject = fields["subject"]?.text("as.subject", &errors) ?? ""
        guard let principal = Principal(named: subject, groups: groups, claims: claims) else {
            errors.report(
                "as: \"\(subject)\" is no subject: user:NAME, without groups and claims, oidc:ISSUER:SUBJECT or "
                    + "saml:ISSUER:SUBJECT",
                at: node.position
            )
            return nobody
        }
        return principal
    }

    /// A row without one holds for whoever launches.
    private static var nobody: Principal { Principal(localUser: "nobody", uid: .max) }

    private static func question(
        _ row: YAMLMapping,
        _ node: YAMLNode,
        _ errors: inout Diagnostics
    ) -> Question? {
        switch (row["request"], row["launch"]) {
        case (let request?, nil):
            guard let text = request.text("request", &errors) else { return nil }
            do {
                let (request, body) = try RequestText.parseWhole(text)
                return .request(request, body: body)
            } catch {
                errors.report(error, in: request)
                return nil
            }
        case (nil, let launch?):
            return launch.text("launch", &errors).map { .launch($0) }
        case (nil, nil), (.some, .some):
            errors.report("a case has either request or launch", at: node.position)
            return nil
        }
    }
}

extension DecisionTable.Case {
    /// Nil when the row holds; otherwise what came out instead.
    func failure(_ loader: ProfileLoader) throws(ProfileError) -> String? {
        let profiles = try lineage.map { name throws(ProfileError) in try loader.load(name: name) }
        switch question {
        case .request(let request, let body):
            for profile in profiles {
                guard let demand = profile.unmet(by: principal) else { continue }
                return "\(request): \(profile.name) would not be launched: principals demands \(demand.text)"
            }
            return failure(of: try Ruling(of: request, body, by: profiles, principal: principal), request)
        case .launch(let name):
            guard
                let ruling = LaunchRuling(
                    of: try loader.load(name: name),
                    by: profiles,
                    principal: principal
                )
            else { return "there is no parent" }
            guard ruling.effect != verdict else { return nil }
            let why = ruling.reasons.isEmpty ? ruling.effect.rawValue : ruling.reasons.joined(separator: "; ")
            return "launch \(name): expected \(verdict.rawValue), got \(why)"
        }
    }

    private func failure(of ruling: Ruling, _ request: Request) -> String? {
        let decisive =
            ruling.denial.map { $0.rule?.text ?? "no rule" } ?? ruling.levels.last?.rule?.text ?? ""
        if ruling.effect != verdict {
            // As what it takes to be allowed; a row without `as` is nobody whom rules name.
            let why = verdict == .allow ? ruling.denial.map { "; \($0.message)" } : nil
            return "\(request): expected \(verdict.rawValue), got \(ruling.effect.rawValue) by \(decisive)"
                + (why ?? "")
        }
        if let rule, decisive.firstPlace(ofText: rule) == nil {
            return "\(request): expected the rule \"\(rule)\", decided by \"\(decisive)\""
        }
        return ruling.excesses.first.map { "\(request): the lineage would not be launched: \($0)" }
    }
}
