import Policy
import Profiles
import Testing

/// A combining acute accent: Swift joins it with whatever stands in front of it.
private let mark = "\u{301}"

/// What Swift takes for one character, or for equal, and the kernel does not.
struct ByteTests {
    @Test(
        "A mark that combines with a slash hides no part of a path",
        arguments: [
            ("/a/../\(mark)b", "\"..\" is not allowed"), ("/a/./\(mark)b", "\".\" is not allowed"),
            ("$WORKSPACE/../\(mark)evil", "\"..\" is not allowed"),
            ("/a//\(mark)b/c", "an empty part"), ("/a//b/\(mark)c", "an empty part"),
            ("/a/*\(mark)", "there are no globs"),
            ("$WORKSPACE/\(mark)a", nil), ("/\(mark)a", nil), ("~/\(mark)a", nil),
        ]
    )
    func segments(path: String, problem: String?) throws {
        let found = problems("bailey: 1\nname: test\nfiles: {read: [\"\(path)\"]}\n")
        #expect(found.isEmpty == (problem == nil), "\(found)")
        if let problem { #expect(found.first?.contains(problem) == true, "\(found)") }
    }

    @Test("Two spellings of one accent are two paths, also when profiles are merged")
    func spellings() throws {
        let profile = try load(
            "bailey: 1\nname: test\nfiles: {read: [\"/\u{e9}\"], hide: [\"/\u{e9}\", \"/e\(mark)\"],"
                + " protect: [\"/x/\u{e9}\", \"/x/e\(mark)\"]}\n"
        )
        #expect(
            profile.files.hide.map { Array($0.utf8) } == [Array("/\u{e9}".utf8), Array("/e\(mark)".utf8)]
        )
        #expect(Set(profile.files.protect).count == 2)
    }

    @Test("What was parsed for one spelling of a workspace is not taken for another")
    func memory() throws {
        let memory = ProfileMemory()
        let text = "bailey: 1\nname: test\nfiles: {read: [$WORKSPACE]}\n"
        let paths = try ["/\u{e9}", "/e\(mark)"].map { workspace in
            let variables = ProfileVariables(workspace: workspace, home: nil, temporary: nil)
            let search = ProfileSearch(folders: [])
            let loader = ProfileLoader(search: search, variables: variables, memory: memory)
            return try loader.load(text: text, named: "test.yaml").files.read.map { Array($0.utf8) }
        }
        #expect(paths == [[Array("/\u{e9}".utf8)], [Array("/e\(mark)".utf8)]])
    }

    @Test("Keys that differ only in how an accent is encoded are refused as one key twice")
    func keys() {
        let found = problems("bailey: 1\nname: test\nenv: {set: {\"\u{e9}\": a, \"e\(mark)\": b}}\n")
        #expect(found.contains { $0.contains("duplicate key") }, "\(found)")
    }

    @Test("A method of look-alike letters is no method")
    func methods() {
        let found = problems(
            "bailey: 1\nname: test\negress: [{to: \"https://a.test\", deny: [\"LOC\u{212a}\"]}]\n"
        )
        #expect(found.count == 1 && found.first?.contains("not a method") == true, "\(found)")
    }
}
