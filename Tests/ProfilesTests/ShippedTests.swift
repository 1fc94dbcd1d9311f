import Model
import Policy
import Profiles
import Testing

struct ShippedTests {
    private let shipped = ProfileSearch.shipped

    @Test("The shipped profiles are found beside the program")
    func found() throws {
        let folder = try #require(shipped)
        let names = ProfileSearch(folders: [folder]).names
        #expect(names == ["base", "ci", "llm-tool", "offline", "test-runner"])
    }

    @Test("Every shipped profile is valid, without a lint, and has a table that passes")
    func valid() throws {
        let folder = try #require(shipped)
        let search = ProfileSearch(folders: [folder])
        let review = ProfileReview(loader: ProfileLoader(search: search, variables: variables))
        let checked = review.check(search.names, isStrict: true, asJSON: false)
        #expect(checked.exitCode == ReviewOutcome.success && checked.complaints == "")
        let tested = ProfileReview.test(folder: folder, asJSON: false)
        #expect(tested.exitCode == ReviewOutcome.success, "\(tested.complaints)")
        #expect(
            TextFile.list("\(folder)/tests").filter { $0.hasSuffix(".yaml") }
                == search.names.map { "\($0).yaml" }
        )
    }

    @Test("base is the system read-only, the workspace writable, no egress, no children")
    func base() throws {
        let folder = try #require(shipped)
        let loader = ProfileLoader(search: ProfileSearch(folders: [folder]), variables: variables)
        let base = try loader.load(name: "base")
        #expect(base.files.write == ["/workspace"] && base.files.read == [])
        #expect(base.egress == [] && base.children == ChildRules())
    }

    @Test("The published schema has exactly the keys that the parser knows")
    func schema() throws {
        let folder = try #require(shipped)
        // JSON is YAML.
        let document = try YAMLDocument(try TextFile.read("\(folder)/schema.json"), file: "schema.json")
        func keys(_ path: String...) -> [String]? {
            var node = document.root
            var errors = Diagnostics(file: "schema.json")
            for step in path {
                guard let next = node.entries(step, &errors)?.first(where: { $0.key == step }) else {
                    return nil
                }
                node = next.value
            }
            return node.entries("keys", &errors)?.map(\.key).sorted()
        }
        func known(_ text: String) -> [String] {
            // The parser suggests only keys that it knows, and reports each key that it does not.
            problems(text).filter { $0.contains("unknown key") }
        }
        let top = try #require(keys("properties"))
        #expect(
            top == [
                "bailey", "children", "description", "egress", "env", "extends", "files", "landlock",
                "limits",
                "name", "principals", "record", "syscalls",
            ]
        )
        #expect(known("bailey: 1\n" + top.dropFirst().map { "\($0):" }.joined(separator: "\n")) == [])
        for section in ["files", "env", "limits", "children", "principals"] {
            let inner = try #require(keys("properties", section, "properties"))
            #expect(!inner.isEmpty)
            #expect(
                known("bailey: 1\n\(section):\n" + inner.map { "  \($0):" }.joined(separator: "\n")) == []
            )
        }
        let rule = try #require(keys("$defs", "rule", "properties"))
        let items = try #require(document.root.find("$defs", "kind", "enum"))
        var errors = Diagnostics(file: "schema.json")
        #expect(items.texts("enum", &errors)?.map(\.text).sorted() == MaskKind.words.sorted())
        #expect(known("bailey: 1\negress:\n  - " + rule.map { "\($0):" }.joined(separator: "\n    ")) == [])
    }
}

extension YAMLNode {
    /// What stands under these keys, one in the other.
    fileprivate func find(_ path: String...) -> YAMLNode? {
        var errors = Diagnostics(file: "schema.json")
        return path.reduce(self) { node, key in node?.entries(key, &errors)?.first { $0.key == key }?.value }
    }
}
