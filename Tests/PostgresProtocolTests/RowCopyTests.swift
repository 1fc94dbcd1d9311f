import Model
import NIOCore
import PostgresProtocol
import Testing
import Wire

/// Results as they are recorded.
struct RowCopyTests {
    private static func column(_ name: String, _ type: UInt32 = 25, binary: Bool = false) -> ResultColumn {
        ResultColumn(name: name, place: ColumnPlace(table: 0, number: 0), type: type, isBinary: binary)
    }

    private static func row(_ fields: [[UInt8]?]) -> [UInt8] {
        let count = [UInt8(fields.count >> 8), UInt8(fields.count & 255)]
        return Say.message(
            "D",
            count
                + fields.flatMap { field -> [UInt8] in
                    guard let field else { return [255, 255, 255, 255] }
                    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: field.count >> $0) } + field
                }
        )
    }

    /// What is recorded of some columns and messages, which come in pieces of so many octets.
    private func lines(_ columns: [ResultColumn], _ messages: [UInt8], by size: Int = .max) -> [String] {
        var copy = RowCopy()
        var out = copy.take(.columns(columns))
        var rest = messages[...]
        while !rest.isEmpty {
            var more = copy.take(.messages(ByteBuffer(bytes: rest.prefix(size))))
            out.writeBuffer(&more)
            rest = rest.dropFirst(size)
        }
        return String(buffer: out).split(separator: "\n").map(String.init)
    }

    private static let columns = [
        column("id", 23, binary: true), column("na\"me"), column("note", 1043, binary: true),
        column("b", 17, binary: true),
    ]
    private static let messages =
        row([[0, 0, 0, 7], Array("Ann \"A\"\\\n\u{1}é".utf8), Array("x".utf8), [0, 255]])
        + row([nil, nil, nil, nil])
        + Say.message("d", Array("1\tAnn\n".utf8)) + Say.message("d", [255, 0])
    private static let expected = [
        #"{"columns":["id","na\"me","note","b"]}"#, #"["7","Ann \"A\"\\\n\u0001é","x","\\x00ff"]"#,
        "[null,null,null,null]", #"{"copy":"1\tAnn\n"}"#, #"{"copy-hex":"ff00"}"#,
    ]

    @Test(
        "Each row is a line of JSON, whatever the borders between the pieces",
        arguments: [1, 2, 3, 5, 7, 11, 64, .max]
    )
    func rows(size: Int) {
        #expect(lines(Self.columns, Self.messages, by: size) == Self.expected)
    }

    @Test("What is too long to be held is skipped and said, and what is behind it goes on")
    func long() {
        let length = 16_777_217
        let long = [UInt8(ascii: "D"), 1, 0, 0, 1] + [UInt8](repeating: 0, count: length - 4)
        let lines = lines([Self.column("a")], long + Self.row([Array("b".utf8)]), by: 1_000_000)
        #expect(
            lines.count == 3 && lines.dropFirst().first?.contains("\"missing\":\"16777218 octets") == true,
            "\(lines)"
        )
        #expect(lines.last == "[\"b\"]")
    }

    @Test("A row whose lengths are wrong ends there, and traps nothing")
    func hostile() {
        let wrong =
            Say.message("D", [0, 9, 0, 0, 0, 1, 0x61, 0x7f, 0xff, 0xff, 0xff]) + Say.message("D", [0])
        #expect(
            lines([Self.column("a")], wrong + Self.row([Array("b".utf8)])).dropFirst() == [
                "[\"a\"]", "[]", "[\"b\"]",
            ]
        )
    }

    /// What the engine gives of a conversation.
    private func taken(_ talk: Talk) -> [String] {
        var copies: [UInt64: RowCopy] = [:]
        return talk.engine.takeResults().map { id, piece in
            let text = String(buffer: copies[id.number, default: RowCopy()].take(piece))
            return "\(id.number) " + text.split(separator: "\n").joined(separator: " ")
        }
    }

    @Test("Results are given as they are passed on, each with its statement: in both protocols, and masked")
    func engine() throws {
        let talk = try Talk(TestRules(kinds: [.email]))
        talk.engine.recordsResults = true
        _ = try talk.client(Say.query("select 1"))
        _ = try talk.server(
            Tell.description([("a", 25)]),
            Tell.row("ada@example.com"),
            Tell.complete("SELECT 1"),
            Tell.ready()
        )
        #expect(taken(talk) == ["1 {\"columns\":[\"a\"]}", "1 [\"xxx@xxxxxxx.xxx\"]"])
        _ = try talk.client(Say.parse("select 2"), Say.bind(), Say.execute(), Say.sync)
        _ = try talk.server(
            Say.message("1", []),
            Say.message("2", []),
            Tell.description([("b", 25)]),
            Tell.row("c"),
            Tell.complete("SELECT 1"),
            Tell.ready()
        )
        #expect(taken(talk) == ["2 {\"columns\":[\"b\"]}", "2 [\"c\"]"])
        #expect(taken(talk).isEmpty)
    }

    @Test("Without masks an Execute is described too, unseen, and what is not recorded is not given")
    func plain() throws {
        let talk = try Talk(TestRules())
        talk.engine.recordsResults = true
        _ = try talk.client(Say.parse("select 2"), Say.bind(), Say.execute(), Say.sync)
        let down = try talk.server(
            Say.message("1", []),
            Say.message("2", []),
            Tell.description([("b", 25)]),
            Tell.row("c"),
            Tell.complete("SELECT 1"),
            Tell.ready()
        )
        #expect(taken(talk) == ["1 {\"columns\":[\"b\"]}", "1 [\"c\"]"])
        #expect(!down.contains { $0.contains("T") && $0.hasPrefix("down") }, "\(down)")
        let other = try Talk(TestRules())
        _ = try other.client(Say.query("select 1"))
        _ = try other.server(
            Tell.description([("a", 25)]),
            Tell.row("1"),
            Tell.complete("SELECT 1"),
            Tell.ready()
        )
        #expect(taken(other).isEmpty)
    }
}
