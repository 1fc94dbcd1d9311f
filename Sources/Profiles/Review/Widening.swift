internal import Model
internal import Policy

/// What an operator would write to allow a request that no rule allows.
extension ProfileReview {
    /// Lines to paste into a profile; empty where there is no rule that means this very request.
    func widening(for request: Request, _ body: String, _ ruling: Ruling) -> [String] {
        let lacking = ruling.levels.filter { $0.effect == .deny && $0.rule == nil }.map {
            "\"\($0.profile)\""
        }
        guard ruling.isUnmentioned, !lacking.isEmpty, let actions = Self.actions(of: request) else {
            return []
        }
        let allowed = actions.map { Self.quoted($0) }.joined(separator: ", ")
        let place = Self.place(of: request)
        let rule =
            ["egress:", "  - to: \(Self.quoted(place))"]
            + (needsPrivate(request) ? ["    private: true"] : [])
            + ["    allow: [\(allowed)]"]
        guard allows(rule, request, body) else { return [] }
        let names = lacking.joined(separator: " and ")
        return ["to allow it, add to profile \(names), or to one of your own that extends it:"]
            + rule.map { "  \($0)" }
    }

    /// Whether bailey.yaml resolves its name to a private address.
    private func needsPrivate(_ request: Request) -> Bool {
        guard case .name(let name) = request.endpoint.host, let address = launcher.resolve[name] else {
            return false
        }
        return address.unreached(private: false) != nil && address.unreached(private: true) == nil
    }

    /// As a rule has it: a database stands behind its host.
    private static func place(of request: Request) -> String {
        guard case .sql(let sql) = request.action else { return request.endpoint.description }
        return "\(request.endpoint)/\(sql.database)"
    }

    private static func actions(of request: Request) -> [String]? {
        switch request.action {
        case .connect: ["connect"]
        case .webSocket(let path, _): ["websocket \(path)"]
        case .http(_, let path, _) where request.kind == .call: ["grpc \(path.dropFirst(bytes: 1))"]
        case .http(let method, let path, _): [request.kind == .plain ? "\(method) \(path)" : request.summary]
        case .sql(let sql): sql.deeds.isEmpty ? nil : sql.deeds.map(\.description)
        }
    }

    /// A text in YAML's double quotes (YAML 1.2.2 section 7.3.1).
    private static func quoted(_ text: String) -> String {
        let inner = text.unicodeScalars.reduce(into: "") { quoted, scalar in
            if scalar == "\"" || scalar == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(scalar)
        }
        return "\"\(inner)\""
    }

    /// Whether a profile of these lines alone allows it: what is advised has to be true.
    private func allows(_ rule: [String], _ request: Request, _ body: String) -> Bool {
        let text = (["bailey: 1", "name: widened"] + rule).joined(separator: "\n") + "\n"
        guard let profile = try? loader.load(text: text, named: "widened.yaml"),
            let ruling = try? Ruling(of: request, body, by: [profile], principal: Self.anybody)
        else { return false }
        return ruling.effect == .allow
    }

    private static let anybody = Principal(localUser: "-", uid: 0)
}
