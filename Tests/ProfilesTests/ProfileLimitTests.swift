import Policy
import Profiles
import Testing

/// How much a profile may say.
struct ProfileLimitTests {
    private static func list(_ count: Int, _ item: (Int) -> String) -> String {
        (0..<count).map(item).joined(separator: ",")
    }

    private static let opening = "bailey: 1\nname: p\n"
    private static let rule = "{to: \"https://a.test\", allow: [GET]}"

    @Test(
        "As much as a limit says is read, one more is refused where it stands, with the limit",
        arguments: [
            ("files: {write: [", "]}", "/srv/x", 256, "files: more than 256 paths"),
            ("files: {read: [", "]}", "/srv/x", 256, "files: more than 256 paths"),
            ("files: {hide: [", "]}", "/srv/x", 256, "files: more than 256 paths"),
            ("files: {protect: [", "]}", "/srv/x", 256, "files: more than 256 paths"),
            ("env: {pass: [", "]}", "A", 256, "env.pass: more than 256 names"),
            ("env: {set: {", "}}", "1: x\"A", 256, "env.set: more than 256 variables"),
            ("children: {profiles: [", "]}", "tool-", 256, "children.profiles: more than 256 names"),
            (
                "egress: [{to: \"https://a.test\", allow: [", "]}]", "GET /x", 4096,
                "egress: more than 4096 actions"
            ),
        ]
    )
    func counted(before: String, after: String, item: String, limit: Int, complaint: String) {
        func text(_ count: Int) -> String {
            let items = Self.list(count) { index in
                item.contains(": x") ? "A\(index): x" : "\"\(item)\(index)\""
            }
            return Self.opening + before + items + after + "\n"
        }
        #expect(problems(text(limit)) == [])
        let refused = problems(text(limit + 1))
        #expect(refused.count == 1 && refused.first?.hasPrefix("test.yaml:3:") == true, "\(refused)")
        #expect(refused.first?.contains(complaint) == true, "\(refused)")
        // The column is the item's, far behind the beginning of the line.
        let column = refused.first?.split(separator: ":").dropFirst(2).first.flatMap { Int($0) } ?? 0
        #expect(column > limit * 4, "\(refused)")
    }

    @Test("A profile has 512 rules of egress at most")
    func rules() {
        func text(_ count: Int) -> String {
            Self.opening + "egress: [" + Self.list(count) { _ in Self.rule } + "]\n"
        }
        #expect(problems(text(512)) == [])
        #expect(problems(text(513)).first?.contains("egress: more than 512 rules") == true)
    }

    @Test("Paths have 64 KiB and 4096 names together at most")
    func pathBytes() {
        let long = String(repeating: "a", count: 2000)
        func text(_ count: Int, _ path: String) -> String {
            Self.opening + "files: {read: [" + Self.list(count) { "/\(path)/\($0)" } + "]}\n"
        }
        #expect(problems(text(32, long)) == [])
        #expect(problems(text(33, long)).first?.contains("64 KiB of paths") == true)
        let deep = String(repeating: "a/", count: 100) + "b"
        #expect(problems(text(40, deep)) == [])
        #expect(problems(text(41, deep)).first?.contains("4096 names") == true)
    }

    @Test("Files of one profile are held to the limits together")
    func merged() throws {
        let folder = try Folder([:])
        for name in ["one", "two"] {
            let paths = Self.list(129) { "/srv/\(name)\($0)" }
            try folder.write("bailey: 1\nfiles: {read: [\(paths)]}\n", to: "\(name).yaml")
        }
        try folder.write("bailey: 1\nextends: [one, two]\n", to: "both.yaml")
        #expect(throws: Never.self) { try folder.loader.load(name: "one") }
        let error = #expect(throws: ProfileError.self) { try folder.loader.load(name: "both") }
        #expect(
            error?.description.contains(
                "files: more than 256 paths in read, write, copy, hide and protect together; name folders, with what"
                    + " the profile extends"
            ) == true
        )
    }

    @Test("Patterns for one host may cost a decision so much, together; for different hosts each")
    func decisionWork() {
        func text(_ hosts: [String], _ count: Int) -> String {
            let actions = Self.list(count) { "\"* /**/secret\($0)/**\"" }
            return Self.opening + "egress:\n"
                + hosts.map { "  - {to: \"https://\($0)\", deny: [\(actions)]}\n" }.joined()
        }
        #expect(problems(text(["a.test"], 63)) == [])
        let refused = problems(text(["b.test", "a.test"], 70))
        #expect(
            refused.first?.hasPrefix(
                "test.yaml:4:5: egress: the patterns for these hosts could take more than 2 Mi steps"
            ) == true,
            "\(refused)"
        )
        #expect(problems(text(["a.test", "b.test", "c.test"], 40)) == [])
        #expect(problems(text(["a.test", "**.test"], 40)).count == 1)
        #expect(problems(text(["**.test", "a.test"], 40)).count == 1)
        #expect(problems(text(["10.0.0.0/8", "10.1.2.3"], 40)).count == 1)
        #expect(problems(text(["10.0.0.0/8", "11.1.2.3"], 40)) == [])
    }

    @Test("A variable's name has 255 bytes at most")
    func variableNames() {
        func text(_ count: Int) -> String {
            Self.opening + "env: {pass: [\"" + String(repeating: "A*", count: count / 2) + "A\"]}\n"
        }
        #expect(problems(text(254)) == [])
        #expect(problems(text(256)).count == 1)
    }
}
