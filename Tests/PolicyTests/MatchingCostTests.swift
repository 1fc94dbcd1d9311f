import Model
import Policy
import Testing

/// What matching means and what it costs, by counted steps.
struct MatchingCostTests {
    private func steps(_ actions: [String], deny: [String] = [], _ path: String) throws -> Int {
        let policy = try #require(
            lineage(profile("p", rule("a.test", allow: actions, deny: deny)))
        )
        return policy.steps(for: try #require(request("GET", "a.test", path)))
    }

    private static func text(
        _ parts: [String],
        _ random: inout SeededGenerator,
        _ count: ClosedRange<Int>
    ) -> String {
        (0..<Int.random(in: count, using: &random)).map { _ in
            parts[Int.random(in: 0..<parts.count, using: &random)]
        }.joined()
    }

    @Test("A path glob matches what trying and going back matches", arguments: 0..<8)
    func pathsAsTheOracle(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        var (compared, matched) = (0, 0)
        for _ in 0..<20_000 {
            let glob = Self.text(["/", "a", "b", "ab", "*", "/**/", "/*", "/**", "aab"], &random, 1...9)
            let path = "/" + Self.text(["a", "b", "ab", "/", "aa", "aab"], &random, 0...9)
            guard PathGlob(glob) != nil, URLPath.isNormal(Array(path.utf8)) else { continue }
            let policy = lineage(profile("p", rule("a.test", allow: ["GET \(glob)"])))
            let outcome = try #require(decide(policy, request("GET", "a.test", path)))
            let expected = BacktrackingMatcher.matches(glob: glob, path: path)
            #expect((outcome.effect == .allow) == expected, "\(glob) on \(path)")
            compared += 1
            matched += expected ? 1 : 0
        }
        // The comparison says nothing where everything or nothing matches.
        #expect(compared > 1000 && matched > 100 && matched < compared - 100, "\(compared) \(matched)")
    }

    @Test("A word glob matches what trying and going back matches", arguments: 0..<4)
    func wordsAsTheOracle(seed: Int) {
        var random = SeededGenerator(state: UInt64(seed))
        var matched = 0
        for _ in 0..<20_000 {
            let glob = Self.text(["a", "b", "ab", "*", "**", "aab"], &random, 0...8)
            let word = Self.text(["a", "b", "ab", "aab"], &random, 0...8)
            let expected = BacktrackingMatcher.matches(word: glob, word)
            #expect(WordGlob(glob).matches(word) == expected, "\(glob) on \(word)")
            matched += expected ? 1 : 0
        }
        #expect(matched > 500 && matched < 19_500, "\(matched)")
    }

    @Test(
        "No path costs a glob more steps than the glob says, however both are built",
        arguments: [
            "/*" + String(repeating: "a", count: 480) + "b", "/" + String(repeating: "*a", count: 500) + "b",
            "/*" + String(repeating: "a", count: 480) + "b*", "/" + String(repeating: "*ab", count: 300),
            String(repeating: "/**/a", count: 200) + "/b",
            "/**" + String(repeating: "/*", count: 400) + "/b/**",
            "/**" + String(repeating: "/*a*", count: 200) + "/b/**", "/**/a*a/*/a/**/a", "/**/b", "/**",
            "/a/*/c*",
            "/**" + String(repeating: "/a", count: 400) + "b/**",
        ]
    )
    func costIsABound(glob: String) throws {
        let cost = try #require(PathGlob(glob)).cost
        var random = SeededGenerator(state: 1)
        let paths =
            [
                "/" + String(repeating: "a", count: PathGlob.maximumPath - 1),
                String(repeating: "/a", count: PathGlob.maximumPath / 2),
                String(repeating: "/aaaaaaa", count: PathGlob.maximumPath / 8),
                "/" + String(repeating: "ab", count: PathGlob.maximumPath / 2 - 1),
            ]
            + (0..<20).map { _ in
                String(
                    ("/" + Self.text(["a", "aa", "b", "a/a", "a/b"], &random, 4000...5000)).prefix(
                        PathGlob.maximumPath
                    )
                )
            }
        for path in paths {
            #expect(try steps(["GET \(glob)"], path) <= cost, "\(path.prefix(40))")
        }
    }

    @Test("Steps grow with the path, not with path times pattern")
    func linear() throws {
        let glob = "/*" + String(repeating: "a", count: 480) + "b*"
        let short = try steps(["GET \(glob)"], "/" + String(repeating: "a", count: 2000))
        let long = try steps(["GET \(glob)"], "/" + String(repeating: "a", count: 8000))
        #expect(long <= 4 * short + 100)
        #expect(long >= 7000)
        // A pattern that begins otherwise is not searched for at all.
        #expect(try steps(["GET /b\(glob.dropFirst())"], "/" + String(repeating: "a", count: 8000)) < 20)
    }

    @Test("480 denies that nearly match a long path cost less than reading it 60 times")
    func manyDenies() throws {
        let denies = (0..<480).map { "* /*" + String(repeating: "a", count: 480) + "b\($0)" }
        let path = "/" + String(repeating: "a", count: 7900)
        #expect(try steps(["GET"], deny: denies, path) < 60 * 7900)
        // The control: one of them alone, by trying and going back.
        let control = BacktrackingMatcher.steps(
            word: "/*" + String(repeating: "a", count: 480) + "b0",
            path
        )
        #expect(control > 400 * 7900, "\(control)")
    }
}
