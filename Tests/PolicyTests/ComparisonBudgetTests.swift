import Model
import Policy
import Testing

/// What comparing two profiles costs, by counted steps.
struct ComparisonBudgetTests {
    private func compare(_ child: Profile, _ parent: Profile) -> (excess: [Excess], spent: Int) {
        var budget = ComparisonBudget()
        let result = excess(of: child, over: parent, &budget)
        return (result, ComparisonBudget.maximumWork - budget.left)
    }

    private func literals(_ count: Int) -> [String] { (0..<count).map { "GET /b\($0)" } }

    @Test("One long star held against thousands of literal actions ends after a few steps for each")
    func starOverLiterals() throws {
        let parent = profile("parent", rule("a.test", allow: literals(3000)))
        let star = "GET /*" + String(repeating: "ABCacefgh0123456789", count: 50)
        let (found, spent) = compare(profile("child", rule("a.test", allow: [star])), parent)
        #expect(found.map(\.key) == ["egress"])
        #expect(found.first?.why.contains("do not cover") == true)
        #expect(spent < 300_000, "\(spent)")
    }

    @Test("Thousands of actions held against themselves are within, by steps in proportion to their bytes")
    func same() throws {
        let many = profile("same", rule("a.test", allow: literals(4000)))
        let (found, spent) = compare(many, many)
        #expect(found == [])
        #expect(spent < ComparisonBudget.maximumWork / 2, "\(spent)")
        let half = profile("same", rule("a.test", allow: literals(2000)))
        #expect(spent < 3 * compare(half, half).spent)
    }

    @Test("The same names and globs of children and variables are within, and cost in proportion")
    func words() {
        var all = Profile(name: "same")
        all.environment.pass = (0..<256).map { "LA*\($0)*" }
        all.children.profiles = (0..<256).map { "tool-\($0)-*" }
        let (found, spent) = compare(all, all)
        #expect(found == [])
        #expect(spent < ComparisonBudget.maximumWork / 4, "\(spent)")
    }

    @Test(
        "What would take longer is refused as too much by the name of the rule, and nothing is compared after it",
        arguments: [
            ("egress", "egress https://a.test: GET /*a*a*a*a*a*a*a*a*a*a*a*a*"),
            ("env.pass", "env.pass A*A*A*A*A*A*A*A*A*A*A*A*A*A*A*A*"),
            ("children.profiles", "children.profiles a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*"),
        ]
    )
    func tooMuch(key: String, named: String) throws {
        // All of the child's is covered by the one pattern that says so; the others must be followed all the same, and how
        // far each has come is another thing for each text.
        func hard(_ letter: String, _ others: [String]) -> [String] {
            (0..<40).map { shift in
                "*" + letter + String(repeating: others[shift % others.count] + "*", count: 14 + shift % 3)
            }
        }
        var (child, parent) = (Profile(name: "child"), Profile(name: "parent"))
        switch key {
        case "egress":
            child = profile(
                "child",
                rule("a.test", allow: ["GET /" + String(repeating: "*a", count: 12) + "*", "GET /zz/zz"])
            )
            parent = profile(
                "parent",
                rule("a.test", allow: ["GET /*"] + hard("a", ["a", "b", "c"]).map { "GET /\($0)" })
            )
        case "env.pass":
            child.environment.pass = [String(repeating: "A*", count: 16)]
            parent.environment.pass = ["A*"] + hard("A", ["A", "B", "C"]).map { "A" + $0 }
        default:
            child.children.profiles = [String(repeating: "a*", count: 16)]
            parent.children.profiles = ["a*"] + hard("a", ["a", "b", "c"]).map { "a" + $0 }
        }
        let (found, spent) = compare(child, parent)
        #expect(found.map(\.key) == [key])
        #expect(found.first?.what.hasPrefix(named) == true, "\(found)")
        #expect(found.first?.why.hasPrefix("too much to compare") == true, "\(found)")
        #expect(spent == ComparisonBudget.maximumWork)
    }

    @Test("One budget is for the whole comparison, not for each action")
    func oneBudget() throws {
        let heavy = (0..<200).map { "GET /" + String(repeating: "*a", count: 10) + "*\($0)" }
        let parent = (0..<200).map { "GET /" + String(repeating: "*a", count: 9) + "*b*\($0)" }
        let (_, spent) = compare(
            profile("child", rule("a.test", allow: heavy), rule("b.test", allow: heavy)),
            profile("parent", rule("a.test", allow: parent), rule("b.test", allow: parent))
        )
        #expect(spent <= ComparisonBudget.maximumWork)
    }
}
