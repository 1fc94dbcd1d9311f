import Policy
import Testing

@Suite("The table of what the host runs")
struct HostRunTableTests {
    private func row(_ text: String, _ path: String) throws -> HostRunTable.Row? {
        try HostRunTable(text).row(for: Array(path.utf8))
    }

    @Test(
        "A pattern is the last names of a path",
        arguments: [
            ("Makefile", "/a/Makefile", true), ("Makefile", "/a/Makefile/x", false),
            ("*.mk", "/a/b.mk", true),
            (".git/hooks/*", "/a/.git/hooks/x", true), (".git/hooks/*", "/a/x.git/hooks/x", false),
            (".idea/**", "/a/.idea/x", true), (".idea/**", "/.idea/a/b/x", true),
            (".idea/**", "/a/.idea", false),
            ("a/b/**", "/a/b/c/d", true), ("a/b/**", "/a/c/b/d", false),
            (".git/hooks/*", "hooks/x", false), ("a/*/b", "/a/c/b", true), ("a/*/b", "/a/c/d/b", false),
        ]
    )
    func patterns(pattern: String, path: String, matches: Bool) throws {
        #expect(try (row("\(pattern)\t-\twhy", path)?.reason == "why") == matches)
    }

    @Test(
        "What is below a path is what a pattern names folders of",
        arguments: [
            (".vscode/tasks.json", "/w/.vscode", true), (".vscode/tasks.json", "/w/vscode", false),
            (".github/workflows/*", "/w/.github", true),
            (".github/workflows/*", "/w/.github/workflows", true),
            (".github/workflows/*", "/w/workflows", false), (".idea/**", "/.idea", true),
            ("Makefile", "/Makefile", false),
        ]
    )
    func below(pattern: String, path: String, matches: Bool) throws {
        let table = try HostRunTable("a/b\t-\t-\n\(pattern)\t-\twhy")
        #expect((table.row(below: Array(path.utf8))?.reason == "why") == matches)
        #expect(table.row(below: Array("/a".utf8)) == nil)
    }

    @Test("A file of which not everything was read may hold any word")
    func cut() throws {
        let found = try #require(try row("config\tfsmonitor\twhy", "config"))
        #expect(found.holds([], isWhole: false) && !found.holds(Array("fsmonito".utf8)))
    }

    @Test("The first line that matches decides, and one without a reason says that nobody runs it")
    func order() throws {
        let table = "*.sample\t-\t-\n*\t-\tall\nx\t-\tlate\n"
        #expect(try row(table, "a.sample") != nil && row(table, "a.sample")?.reason == nil)
        #expect(try row(table, "x")?.reason == "all")
    }

    @Test("Words are found in a file whatever their case")
    func words() throws {
        let found = try #require(try row("config\tfsmonitor|hookspath\twhy", "config"))
        #expect(found.holds(Array("[core] hooksPath = x".utf8)) && found.holds(Array("FSMONITOR".utf8)))
        #expect(!found.holds(Array("[core] bare".utf8)) && !found.holds([]))
    }

    @Test(
        "A line that is not understood is refused by its number",
        arguments: ["x", "x\t-", "a//b\t-\tw", "x\t-\t"]
    )
    func problems(line: String) {
        #expect(throws: HostRunTable.Problem.self) { try HostRunTable("# comment\n\n" + line) }
    }
}
