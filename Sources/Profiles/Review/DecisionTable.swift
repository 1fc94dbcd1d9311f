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
/// ```
///
/// `lineage` is root first. `rule` is a part of the deciding rule's text. `launch` asks whether a child may run under
/// that profile: allowed by `children.profiles`, and no wider.
struct DecisionTable: Sendable {
    /// One row.
    struct Case: Sendable {
        var lineage: [String]
        var question: Question
        var verdict: Effect
        var rule: String?
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
        let keys = ["lineage", "request", "launch", "verdict", "rule"]
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
        return Case(
            lineage: lineage,
            question: question,
            verdict: effect,
            rule: rule,
            position: node.position
        )
    }

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
            return failure(of: try Ruling(of: request, body, by: profiles, principal: Self.nobody), request)
        case .launch(let name):
            guard let parent = profiles.last else { return "there is no parent" }
            let reasons = try refusals(of: try loader.load(name: name), by: parent)
            guard reasons.isEmpty != (verdict == .allow) else { return nil }
            return
                "launch \(name): expected \(verdict.rawValue), got \(reasons.isEmpty ? "allow" : reasons.joined(separator: "; "))"
        }
    }

    /// A table's rows hold for whoever launches.
    private static var nobody: Principal { Principal(localUser: "nobody", uid: .max) }

    private func failure(of ruling: Ruling, _ request: Request) -> String? {
        let decisive =
            ruling.denial.map { $0.rule?.text ?? "no rule" } ?? ruling.levels.last?.rule?.text ?? ""
        if ruling.effect != verdict {
            return "\(request): expected \(verdict.rawValue), got \(ruling.effect.rawValue) by \(decisive)"
        }
        if let rule, decisive.firstPlace(ofText: rule) == nil {
            return "\(request): expected the rule \"\(rule)\", decided by \"\(decisive)\""
        }
        return ruling.excesses.first.map { "\(request): the lineage would not be launched: \($0)" }
    }

    private func refusals(of child: Profile, by parent: Profile) throws(ProfileError) -> [String] {
        var reasons: [String] = []
        if !parent.children.permits(profile: child.name) {
            reasons.append("children.profiles does not name it")
        }
        if parent.children.depth == 0 || parent.children.count == 0 { reasons.append("no children") }
        return reasons + excess(of: child, over: parent).map(\.description)
    }
}
