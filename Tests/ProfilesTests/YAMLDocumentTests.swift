import Profiles
import Testing

struct YAMLDocumentTests {
    private func complaint(_ text: String) -> String {
        do {
            _ = try YAMLDocument(text, file: "f.yaml")
            return ""
        } catch {
            return error.description
        }
    }

    @Test("Every value keeps its position")
    func positions() throws {
        let document = try YAMLDocument("a: 1\nb:\n  - x\n  - {c: \"y\"}\n", file: "f.yaml")
        var errors = Diagnostics(file: "f.yaml")
        let top = try #require(document.root.mapping("top", keys: ["a", "b"], &errors))
        #expect(
            top.entries.map(\.keyPosition) == [
                TextPosition(line: 1, column: 1), TextPosition(line: 2, column: 1),
            ]
        )
        let list = try #require(top["b"]?.list("b", &errors))
        #expect(list.map(\.position) == [TextPosition(line: 3, column: 5), TextPosition(line: 4, column: 5)])
        #expect(list[1].entries("c", &errors)?.first?.value.position == TextPosition(line: 4, column: 9))
        #expect(errors.all == [])
    }

    @Test(
        "Anchors, aliases, tags, merge keys and keys that are no text are refused",
        arguments: [
            ("a: &x 1\nb: *x\n", "f.yaml:2:4: aliases and anchors"), ("a: &x 1\n", "f.yaml:1:4: anchors"),
            ("a: &x [1]\n", "f.yaml:1:4: anchors"), ("a: *x\n", "f.yaml:1:4: found undefined alias"),
            ("a: !!int \"1\"\n", "f.yaml:1:4: tags"), ("a: !x [1]\n", "f.yaml:1:4: tags"),
            ("a: !x {b: 1}\n", "f.yaml:1:4: tags"),
            ("<<: {a: 1}\n", "f.yaml:1:1: a key must be plain text"),
            ("? [a]\n: 1\n", "f.yaml:1:3: a key must be plain text"),
            ("? {a: 1}\n: 1\n", "f.yaml:1:3: a key must be plain text"),
            ("a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document begins here"),
            ("1: a\n\"1\": b\n", "f.yaml:2:1: duplicate key \"1\""),
            ("a: [1\n", "f.yaml:2:1: did not find expected"),
            ("a:\tb: c\n", "f.yaml:1:"), ("a: \"x\n", "f.yaml:2:1: found unexpected end of stream"),
            ("a: \u{1}\n", "f.yaml:1:4: the character U+1 is not allowed"),
            ("a: b\u{2028}c\n", "f.yaml:1:5: the character U+2028"),
            ("a: b\u{202E}c\n", "f.yaml:1:5: the character U+202E is not allowed"),
            ("a: b\u{200B}c\n", "f.yaml:1:5: the character U+200B"),
        ]
    )
    func refused(text: String, expected: String) {
        #expect(complaint(text).hasPrefix(expected), "\(complaint(text))")
    }

    @Test(
        "A tab, a star without quotes and a line in the wrong column are named as what they are",
        arguments: [
            ("a:\n\tb: 1\n", "f.yaml:2:1: a tab in the indentation; indent with spaces"),
            ("a:\n  b: 1\n \tc: 2\n", "f.yaml:3:2: a tab in the indentation"),
            ("a: *\n", "must be quoted"), ("a: [* /x]\n", "must be quoted"), ("a: *x\n", "must be quoted"),
            ("a:\n  b: 1\n c: 2\n", "f.yaml:3:2: did not find expected key; is the indentation right?"),
            ("a:\n  - b\n - c\n", "is the indentation right?"),
            ("a: 1\n  b: 2\n", "is the indentation right?"),
        ]
    )
    func advice(text: String, expected: String) {
        #expect(complaint(text).contains(expected), "\(complaint(text))")
    }

    @Test("A star or an ampersand inside text is no alias")
    func starsInText() throws {
        for text in [
            "a: https://*.pypi.org\n", "a: [\"* /x\", \"GITHUB_*\"]\n", "a: \"*x\"\n", "a: R&D\n",
            "# &a\na: b\n",
        ] {
            #expect(complaint(text) == "", "\(text)")
        }
    }

    @Test("Nested aliases used as keys, which would take exponential time to compare, are refused before")
    func aliasBomb() {
        let doubled = (1..<60).map { "b\($0): &b\($0) [*b\($0 - 1), *b\($0 - 1)]" }.joined(separator: "\n")
        #expect(
            complaint("b0: &b0 [x]\n\(doubled)\n? *b59\n: 1\n? *b58\n: 1\n").contains("aliases and anchors")
        )
    }

    @Test("Size, depth and count are bounded")
    func bounds() {
        #expect(
            complaint("a: " + String(repeating: "x", count: YAMLDocument.maximumSize)).contains(
                "larger than 256 KiB"
            )
        )
        let nested = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(complaint("a: \(nested)").contains("nested deeper than"))
        let abyss = String(repeating: "[", count: 100_000)
        #expect(!complaint(abyss).isEmpty)
        let blocks = String(repeating: "- ", count: 50_000)
        #expect(!complaint(blocks).isEmpty)
        let many = "[" + String(repeating: "a,", count: YAMLDocument.maximumNodes + 1) + "]"
        #expect(complaint(many).contains("values"))
        let keys = String(repeating: "? ", count: 50_000)
        #expect(!complaint(keys).isEmpty)
    }

    @Test("Only unquoted true and false are booleans, only unquoted digits are numbers")
    func scalars() throws {
        func read<Value>(_ text: String, _ get: (YAMLNode, inout Diagnostics) -> Value?) throws -> Value? {
            var errors = Diagnostics(file: "f")
            let value = get(try YAMLDocument(text, file: "f").root, &errors)
            #expect((value == nil) == !errors.all.isEmpty)
            return value
        }
        #expect(try read("true") { $0.boolean("x", &$1) } == true)
        for text in ["yes", "on", "True", "\"true\"", "1", "[]", "~"] {
            #expect(try read(text) { $0.boolean("x", &$1) } == nil)
        }
        #expect(try read("007") { $0.integer("x", 0...9, &$1) } == 7)
        for text in ["0x7", "7.0", "\"7\"", "+7", "99999999999999999999", "10", "1_0"] {
            #expect(try read(text) { $0.integer("x", 0...9, &$1) } == nil)
        }
    }
}
