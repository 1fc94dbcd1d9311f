import Audit
import Foundation
import Model
import Testing

private let hostile =
    "x\n{\"event\":\"allow\"}\r\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{0}\u{9b}31m\u{202e}gpj\u{2028}\u{200b}\u{7f}"

struct TerminalTextTests {
    @Test(arguments: [
        ("plain text", "plain text"), ("ä 日本 😀", "ä 日本 😀"), ("a\u{1b}[0m", "a\\u001b[0m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"), ("\u{9b}", "\\u009b"), ("\u{202e}", "\\u202e"),
        ("a\\b", "a\\\\b"), ("\u{0}", "\\u0000"), ("\u{e0001}", "\\U000e0001"),
    ])
    func `T06 what could move a terminal is shown as its code`(text: String, shown: String) {
        #expect(TerminalText.escaped(text) == shown)
    }

    private static let words: [(String, String)] = [
        ("make", "make"), ("--a=/b,c.d:e@f%+_-1", "--a=/b,c.d:e@f%+_-1"), ("ä日本", "ä日本"),
        ("", "''"), ("a b", "'a b'"), ("a\u{a0}b", "'a\u{a0}b'"), ("~", "'~'"), ("#x", "'#x'"),
        ("$HOME", "'$HOME'"),
        ("{a,b}", "'{a,b}'"), ("a\\b", "'a\\b'"), ("\"x\"", "'\"x\"'"), ("it's", "$'it\\'s'"),
        ("echo a\necho 'b'", "$'echo a\\necho \\'b\\''"), ("a\\\nb", "$'a\\\\\\nb'"),
        ("\u{1b}[2J", "$'\\u001b[2J'"),
        ("a\n'\u{301}; touch X #", "$'a\\n\\'\u{301}; touch X #'"), ("'\u{301}", "$'\\'\u{301}'"),
        ("\u{202e}gpj", "$'\\u202egpj'"), ("\u{e0001}", "$'\\U000e0001'"),
    ]

    @Test(arguments: words)
    func `An argument is shown as a shell would quote it`(argument: String, shown: String) throws {
        #expect(TerminalText.quoted(argument) == shown)
        let bash = Process()
        let output = Pipe()
        bash.executableURL = URL(filePath: "/bin/bash")
        bash.arguments = ["-c", "printf %s \(shown)"]
        bash.environment = ["LC_ALL": "C.UTF-8"]
        bash.standardOutput = output
        try bash.run()
        let read = try output.fileHandleForReading.readToEnd() ?? Data()
        bash.waitUntilExit()
        #expect(String(decoding: read, as: UTF8.self) == argument, "bash reads it as it was")
    }

    @Test func `T06 T07 an agent's text neither forges a line nor drives the terminal in any output`() throws
    {
        let state = try StateFixture()
        let store = try state.open()
        let lineage = Sample.root.child(Sample.hop(2, hostile))
        let refusal = SpawnRefusal(
            parent: lineage,
            principal: Sample.principal,
            profile: hostile,
            argv: [hostile],
            reason: hostile
        )
        let entries = [
            Sample.spawn(Sample.root), Sample.spawn(lineage, argv: [hostile]),
            Sample.request(hostile, by: lineage, resource: hostile, verdict: .deny), .spawnRefused(refusal),
            .exit(ExitRecord(lineage: lineage, status: 1, cause: hostile)),
        ]
        #expect(store.appendTogether(entries).failures.isEmpty)
        let reader = try AuditReader(directory: state.path)
        let style = TextStyle(isColoured: false)
        var lines: [String] = []
        try reader.records(matching: AuditQuery()) { record in
            lines += [record.lines(style), try record.json()]
            let object = try JSONSerialization.jsonObject(with: Data(record.json().utf8))
            #expect((object as? [String: Any])?["record"] != nil)
            return true
        }
        let tree = try #require(try reader.tree())
        lines += tree.text(style).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        lines.append(try tree.json())
        for line in lines { #expect(line.unicodeScalars.allSatisfy(isHarmless), "\(line.debugDescription)") }
        #expect(tree.text(style).split(separator: "\n").count == 5, "one line for each thing shown")
        #expect(tree.agents.last?.argv == [hostile], "what is stored is what was said")
    }

    private func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value) && scalar.value != 0x202e
            && scalar.value != 0x2028 && scalar.value != 0x200b
    }
}
