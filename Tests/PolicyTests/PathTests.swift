import Model
import Policy
import Testing

struct PathTests {
    private func effect(_ actions: [String], deny: [String] = [], _ path: String) -> Outcome? {
        decide(
            lineage(profile("p", rule("a.test", allow: actions, deny: deny))),
            request("GET", "a.test", path)
        )
    }

    @Test(
        "A star stays within its segment, a double star spans any number of them",
        arguments: [
            ("/v1/**", "/v1", true), ("/v1/**", "/v1/", true), ("/v1/**", "/v1/a/b", true),
            ("/v1/**", "/v1x", false),
            ("/v1/**", "/v", false), ("/v1/**", "/", false), ("/v1/*", "/v1/a", true),
            ("/v1/*", "/v1/a/b", false),
            ("/v1/*", "/v1/", false), ("/v1/*", "/v1", false), ("/a*c", "/abbc", true), ("/a*c", "/ac", true),
            ("/a*c", "/ab/c", false), ("/**/x", "/x", true), ("/**/x", "/a/b/x", true),
            ("/**/x", "/a/b/x/y", false),
            ("/a/**/b/**/c", "/a/b/c", true), ("/a/**/b/**/c", "/a/1/b/2/3/c", true),
            ("/a/**/b/**/c", "/a/1/c", false), ("/**", "/", true), ("/", "/", true), ("/", "/a", false),
            ("/a/", "/a", false), ("/a", "/a/", false), ("/*.json", "/x.json", true),
            ("/*.json", "/x.jso", false),
            ("/V1/x", "/v1/x", false), ("/%2F", "/%2F", true),
        ]
    )
    func globs(glob: String, path: String, matches: Bool) {
        #expect(effect(["GET \(glob)"], path)?.effect == (matches ? .allow : .deny))
    }

    @Test(
        "C15: a path that is not in normal form, or hides a dot segment or a control byte, is refused",
        arguments: [
            "/v1/../admin", "/v1/./x", "/v1/%2e%2e/admin", "/v1/%2E%2E/admin", "/v1/..;/admin",
            "/v1/..;x=1/admin",
            "/v1/%252e%252e/admin", "/v1/%25252e%25252e/admin", "/v1/..%2Fadmin", "/v1/..%5Cadmin",
            "/v1/%2e%2e%2fadmin",
            "/v1/.%252e/admin", "\\admin", "admin", "", "/v1\\..\\admin", "/a%00b", "/a%0D%0Ab", "/a%250Ab",
            "/a b", "/a%2",
            "/a%zz", "//admin", "/admin//", "/x//../admin", "/caf\u{E9}", "/a?b", "/a#b", "/%61", "/a%2f",
        ]
    )
    func pathTricks(path: String) throws {
        let outcome = try #require(effect(["*"], path))
        #expect(outcome.effect == .deny)
        #expect(outcome.denial?.reason == .malformed)
    }

    @Test(
        "C15: a deny sees the path as lenient servers would, an allow only as it is written",
        arguments: [
            "/admin", "/admin;x", "/;x/admin", "/admin%3Bx", "/%2Fadmin",
            "/%5Cadmin",
            "/%252Fadmin", "/%2561dmin",
        ]
    )
    func denySeesThrough(path: String) throws {
        let outcome = try #require(effect(["*"], deny: ["* /admin/**"], path))
        #expect(outcome.effect == .deny)
        // Without the deny, honest uses of the same spellings pass.
        if !path.contains("..") { #expect(effect(["*"], path)?.effect == .allow) }
        if path != "/admin" { #expect(effect(["GET /admin"], path)?.effect == .deny) }
    }

    @Test(
        "A pattern that could never match is refused, with what was meant",
        arguments: [
            ("v1", "/v1"), ("/a/../b", "/b"), ("/%7euser", "/~user"), ("/a%2fb", "/a%2Fb"),
            ("/a b", "/a%20b"),
            ("/\u{E9}", "/%C3%A9"), ("/a/./b", "/a/b"), ("/a//b", "/a/b"),
        ]
    )
    func patternsInNormalForm(text: String, suggestion: String) {
        #expect(PathGlob(text) == nil)
        #expect(PathGlob.problem(in: text)?.suggestion == suggestion)
    }

    @Test("A double star is a whole segment, a query is never part of a pattern, and length is bounded")
    func otherPatterns() {
        for text in ["/a**", "/**a/b", "/a/***", "/a?b", "/a#b", "/" + String(repeating: "a", count: 1024)] {
            #expect(PathGlob(text) == nil, "\(text.prefix(20))")
        }
        #expect(PathGlob("/a/*b*/**")?.text == "/a/*b*/**")
    }

    @Test("Patterns built to explode are matched in bounded steps")
    func adversarialPatterns() throws {
        // With backtracking over every star these would take longer than the universe has had.
        let stars = "/" + String(repeating: "*a", count: 500) + "b"
        let bytes = "/" + String(repeating: "a", count: 8000)
        #expect(effect(["GET \(stars)"], bytes)?.effect == .deny)
        let deep = String(repeating: "/**/a", count: 200) + "/b"
        let segments = String(repeating: "/a", count: 4000)
        #expect(effect(["GET \(deep)"], segments)?.effect == .deny)
        #expect(effect(["GET \(deep)"], segments + "/b")?.effect == .allow)
    }
}
