import Model
import NIOCore
import PostgresProtocol
import Testing
import Wire

/// Rows that are masked, by the type and the format of their columns.
struct RowTests {
    struct Field: Sendable, CustomTestStringConvertible {
        let name: String
        let type: UInt32
        var isBinary = false
        let value: [UInt8]
        /// Nil for NULL.
        let expected: [UInt8]?

        var testDescription: String { "\(name) \(isBinary ? "in binary" : "as text")" }

        init(_ name: String, _ type: UInt32, binary: Bool = false, _ value: [UInt8], _ expected: [UInt8]?) {
            (self.name, self.type, isBinary, self.value, self.expected) = (
                name, type, binary, value, expected
            )
        }

        init(_ name: String, _ type: UInt32, binary: Bool = false, _ value: String, _ expected: String?) {
            self.init(name, type, binary: binary, Array(value.utf8), expected.map { Array($0.utf8) })
        }
    }

    private static func number(_ value: Int64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> Int64(56 - 8 * $0)) }
    }

    private static let card: [UInt8] = [
        0, 4, 0, 3, 0, 0, 0, 0, 0x10, 0x0F, 0x04, 0x57, 0x04, 0x57, 0x04, 0x57,
    ]
    private static let mail = "ada@example.com"
    private static let masked = "xxx@xxxxxxx.xxx"

    static let fields =
        [25, 1043, 1042, 19, 18].flatMap { type in
            [false, true].map { Field("text of \(type)", type, binary: $0, mail, masked) }
        } + [
            Field("nothing", 25, "", ""), Field("no mail", 25, "a@b", "a@b"),
            Field(
                "jsonb",
                3802,
                binary: true,
                [1] + Array(#"{"m":"\#(mail)"}"#.utf8),
                [1] + Array(#"{"m":"\#(masked)"}"#.utf8)
            ),
            Field("json", 114, #"{"m":"ada\u0040example.com"}"#, #"{"m":"xxx\u0040xxxxxxx.xxx"}"#),
            Field("int8", 20, "4111111111111111", nil),
            Field("int8", 20, "411111111111111", "411111111111111"),
            Field("int8", 20, binary: true, number(4_111_111_111_111_111), nil),
            Field("int8", 20, binary: true, number(42), number(42)),
            Field("int8 of 3 octets", 20, binary: true, [1, 2, 3], nil),
            Field("numeric", 1700, "4111111111111111.00", nil),
            Field("numeric", 1700, binary: true, card, nil),
            Field(
                "numeric",
                1700,
                binary: true,
                [0, 1, 0, 0, 0, 0, 0, 0, 0, 7],
                [0, 1, 0, 0, 0, 0, 0, 0, 0, 7]
            ),
            Field("numeric that says more digits", 1700, binary: true, [0, 9, 0, 0, 0, 0, 0, 0, 0, 7], nil),
            Field("date", 1082, "1815-12-10", "1815-12-10"),
            Field("bytea", 17, binary: true, mail, mail),
            Field("a type of its own", 20_000, mail, masked),
            Field("a type of its own", 20_000, binary: true, mail, masked),
            Field("a type of its own that is no text", 20_000, binary: true, [0, 0, 0, 1], nil),
            Field("array of int8", 1016, binary: true, [0, 0, 0, 1], nil),
            Field(
                "array of text",
                1009,
                binary: true,
                [0, 0, 0, 1] + Array(mail.utf8),
                [0, 0, 0, 1] + Array(masked.utf8)
            ),
        ]

    @Test(arguments: fields)
    func `A value is masked as its type and format let it be`(field: Field) throws {
        let talk = try Talk(TestRules(kinds: [.email, .paymentCard]))
        _ = try talk.client(Say.query("select 1"))
        let description = Tell.description([("a", 25), ("b", field.type), ("c", 25)], binary: field.isBinary)
        let left = Array("left".utf8)
        let rows =
            Tell.row([left, field.value, []]) + Tell.row([nil, nil, nil])
            + Tell.row([left, field.value, left])
        _ = try talk.server(description, rows)
        let expected =
            Tell.row([left, field.expected, []]) + Tell.row([nil, nil, nil])
            + Tell.row([left, field.expected, left])
        #expect(talk.toClient == description + expected)
    }

    @Test
    func `A column that is masked whole keeps its length where it is text, and is NULL where it is not`()
        throws
    {
        let talk = try Talk(TestRules(columns: [ColumnMask(column: "b")]))
        _ = try talk.client(Say.query("select 1"))
        let description = Tell.description([("a", 25), ("b", 25), ("b", 1082), ("b", 114)])
        let fields = ["a", "no ü", "1815-12-10", "{}"].map { Array($0.utf8) }
        _ = try talk.server(
            description,
            Tell.row(fields),
            Tell.row([nil, nil, nil, nil]),
            Tell.row([[], [], [], []])
        )
        let masked = Tell.row([fields[0], Array("xxxxx".utf8), nil, nil]) + Tell.row([nil, nil, nil, nil])
        #expect(talk.toClient == description + masked + Tell.row([[], [], nil, nil]))
    }

    @Test func `A private key that does not end masks nothing of the other values`() throws {
        let talk = try Talk(TestRules(kinds: [.privateKey]))
        _ = try talk.client(Say.query("select 1"))
        let key = Array("-----BEGIN PRIVATE KEY-----\nMIIabcdefghijklmnop".utf8)
        let word = Array("plain".utf8)
        _ = try talk.server(
            Tell.description([("a", 25), ("b", 25)]),
            Tell.row([key, word]),
            Tell.row([word, word])
        )
        let text = String(decoding: talk.toClient, as: UTF8.self)
        #expect(!text.contains("MIIabc") && text.contains("-----BEGIN PRIVATE KEY-----"))
        #expect(talk.toClient.suffix(Tell.row([word, word]).count) == Tell.row([word, word])[...])
    }

    @Test(arguments: [
        Tell.row([[1]]), Tell.row([[1], [2], [3]]), Say.message("D", []),
        Say.message("D", [0, 2, 0, 0, 0, 9, 1]),
        Say.message("D", [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7]), Say.message("D", [0, 2, 0, 0]),
    ])
    func `A row that is not what was described ends the session where it would have been masked`(
        row: [UInt8]
    ) throws {
        let talk = try Talk(TestRules(kinds: [.email]))
        _ = try talk.client(Say.query("select 1"))
        _ = try talk.server(Tell.description([("a", 25), ("b", 25)]))
        #expect(try talk.server(row).last == "close")
        #expect(Talk.kinds(ByteBuffer(bytes: talk.toClient)) == "TE")
    }

    @Test func `A row of which something is masked is held up to a limit, and is an error over it`() throws {
        let talk = try Talk(TestRules(kinds: [.email]))
        _ = try talk.client(Say.query("select 1"))
        _ = try talk.server(Tell.description([("a", 25)]))
        #expect(try talk.server([0x44, 0, 1, 0, 0]) == [])
        #expect(try talk.server([UInt8](repeating: 0, count: 60_000)) == [])
        let other = try Talk(TestRules(kinds: [.email]))
        _ = try other.client(Say.query("select 1"))
        _ = try other.server(Tell.description([("a", 25)]))
        #expect(try other.server([0x44, 1, 0, 0, 1]).contains("reply E FATAL 54000"))
    }

    @Test func `Rows that were not described are not shown where they would have been masked`() throws {
        let talk = try Talk(TestRules(kinds: [.email]))
        _ = try talk.client(Say.query("select 1"))
        #expect(try talk.server(Tell.row("a")).last == "close")
        let other = try Talk(TestRules(kinds: [.email]))
        #expect(
            try other.client(Say.parse("select 1"), Say.bind(), Say.execute()) == [
                "ask 1 SQL select 1", "up 1 PBDE",
            ]
        )
        #expect(try other.server(Tell.parsed, Tell.bound, Tell.noData, Tell.row("a")).last == "close")
    }

    @Test func `What is left behind for later statements stays masked, whatever their own rule says`() throws
    {
        let mail = [
            Tell.description([("m", 25)]), Tell.row(Self.mail), Tell.complete("SELECT 1"), Tell.ready(),
        ].flatMap(\.self)
        let talk = try Talk()
        func ask(_ id: UInt64, _ sql: String, _ masks: MaskKinds) throws -> String {
            _ = try talk.client(Say.query(sql))
            try talk.rule(id, .allowed(injection: nil, masks: masks))
            let start = talk.toClient.count
            _ = try talk.server(mail)
            return String(decoding: talk.toClient[start...], as: UTF8.self)
        }
        #expect(try ask(1, "select m", [.email]).contains(Self.masked))
        #expect(try ask(2, "select m", []).contains(Self.mail))
        _ = try ask(3, "declare c cursor for select m", [.email])
        #expect(try ask(4, "fetch c", []).contains(Self.masked))
    }
}
