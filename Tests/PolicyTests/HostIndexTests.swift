import Model
import Policy
import Testing

/// Rules are found by their hosts, methods and the beginnings of their paths: no rule may be missed for that.
struct HostIndexTests {
    private static let hosts = [
        "example.com", "*.example.com", "**.example.com", "a.example.com", "*.a.example.com", "**.com",
        "*.com", "xexample.com", "**.a.example.com", "b.a.example.com", "10.0.0.1", "10.0.0.0/8",
    ]
    private static let asked = [
        "example.com", "a.example.com", "b.a.example.com", "c.b.a.example.com", "xexample.com", "com",
        "a.com", "10.0.0.1", "10.1.2.3", "11.0.0.1",
    ]
    private static let methods = ["GET", "POST", "PROPFIND", "PROPPATCH", "PROPPATCHX", "*"]
    private static let globs = [
        "/", "/**", "/a", "/a/**", "/a/*", "/a*", "/abcdefg", "/abcdefgh", "/abcdefgh*", "/abcdefgi/**",
        "/abcdefg/**", "/**/b", "/*/b", "/a/**/b",
    ]
    private static let paths = [
        "/", "/a", "/a/", "/a/b", "/ab", "/abcdefg", "/abcdefgh", "/abcdefghi", "/abcdefgi", "/abcdefgi/x",
        "/abcdefg/", "/b", "/x/y/b", "/a;v/b", "/a/x%2Fb",
    ]

    /// The strictest of what matches, each rule held against the request by itself; deny where none does.
    private static func oracle(
        _ rules: [EgressRule],
        _ host: String,
        _ method: String,
        _ path: String
    ) -> Effect {
        guard let asked = request(method, host, path) else { return .deny }
        let effects = rules.filter { $0.to.matches(asked.endpoint) }.flatMap { rule in
            [(Effect.deny, rule.deny), (.ask, rule.ask), (.allow, rule.allow)].flatMap { effect, actions in
                actions.filter { means($0.text, effect, method, path) }.map { _ in effect }
            }
        }
        return effects.max() ?? .deny
    }

    private static func means(_ text: String, _ effect: Effect, _ method: String, _ path: String) -> Bool {
        let parts = text.split(separator: " ").map(String.init)
        guard parts[0] == "*" || parts[0] == method else { return false }
        return (effect == .allow ? [path] : [path, loose(path)]).contains {
            BacktrackingMatcher.matches(glob: parts[1], path: $0)
        }
    }

    /// The two spellings above, as a careless server reads them.
    private static func loose(_ path: String) -> String {
        switch path {
        case "/a;v/b": "/a/b"
        case "/a/x%2Fb": "/a/x/b"
        default: path
        }
    }

    @Test("A request is decided as if every rule were asked", arguments: 40..<44)
    func agrees(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        for _ in 0..<8 {
            let rules: [EgressRule] = (0..<Int.random(in: 1...12, using: &random)).compactMap { _ in
                func actions(_ most: Int) -> [String] {
                    (0..<Int.random(in: 0...most, using: &random)).compactMap { _ in
                        guard let method = Self.methods.randomElement(using: &random),
                            let glob = Self.globs.randomElement(using: &random)
                        else { return nil }
                        return "\(method) \(glob)"
                    }
                }
                return rule(
                    Self.hosts.randomElement(using: &random) ?? "",
                    allow: actions(3),
                    ask: actions(1),
                    deny: actions(1),
                    isPrivate: true
                )
            }
            let policy = lineage(Profile(name: "p", egress: rules))
            for host in Self.asked {
                for path in Self.paths {
                    let method = Self.methods.dropLast().randomElement(using: &random) ?? "GET"
                    let expected = Self.oracle(rules, host, method, path)
                    let found = decide(policy, request(method, host, path))
                    #expect(found?.effect == expected, "\(method) \(host) \(path): \(rules)")
                }
            }
        }
    }
}
