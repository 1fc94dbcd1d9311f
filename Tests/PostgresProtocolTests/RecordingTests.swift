import Model
import NIOCore
import PostgresProtocol
import Testing
import Wire

/// What goes on record of statements, as the engine gives it.
struct RecordingTests {
    /// A parameter, and what is on record of it.
    struct Value: Sendable, CustomTestStringConvertible {
        let name: String
        let type: UInt32
        let isBinary: Bool
        let octets: [UInt8]
        let shown: String

        var testDescription: String { "\(name) of type \(type), \(isBinary ? "in binary" : "as text")" }
    }

    private static func text(_ name: String, _ type: UInt32, _ text: String, _ shown: String) -> Value {
        Value(name: name, type: type, isBinary: false, octets: Array(text.utf8), shown: shown)
    }

    private static func binary(_ name: String, _ type: UInt32, _ octets: [UInt8], _ shown: String) -> Value {
        Value(name: name, type: type, isBinary: true, octets: octets, shown: shown)
    }

    static let values = [
        text("a number", 23, "42", "42"), text("nothing", 25, "", ""),
        text("bytea", 17, "\\x0102", "\\x0102"),
        binary("true", 16, [1], "t"), binary("false", 16, [0], "f"),
        binary("int2", 21, [0xff, 0xfe], "-2"), binary("int4", 23, [0x80, 0, 0, 0], "-2147483648"),
        binary("int8", 20, [0, 0, 0, 0, 0, 0, 0, 7], "7"),
        binary("int8, the least", 20, [0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
        binary("oid", 26, [0xff, 0xff, 0xff, 0xff], "4294967295"),
        binary("float4", 700, [0x3f, 0xc0, 0, 0], "1.5"),
        binary("float8", 701, [0xc0, 0x04, 0, 0, 0, 0, 0, 0], "-2.5"),
        binary("varchar", 1043, Array("Añá".utf8), "Añá"),
        binary("json", 114, Array("{\"a\":1}".utf8), "{\"a\":1}"),
        binary("jsonb", 3802, [1] + Array("{\"a\":1}".utf8), "{\"a\":1}"),
        binary(
            "uuid",
            2950,
            [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00],
            "123e4567-e89b-12d3-a456-426614174000"
        ),
        binary("date, the epoch", 1082, [0, 0, 0, 0], "2000-01-01"),
        binary("date, a day before", 1082, [0xff, 0xff, 0xff, 0xff], "1999-12-31"),
        binary("date, a leap day", 1082, [0, 0, 0, 59], "2000-02-29"),
        binary("date, infinity", 1082, [0x7f, 0xff, 0xff, 0xff], "\\x7fffffff"),
        binary("timestamp", 1114, [0, 0, 0, 0, 0, 0x0f, 0x42, 0x41], "2000-01-01 00:00:01.000001"),
        binary("timestamp before", 1114, [UInt8](repeating: 0xff, count: 8), "1999-12-31 23:59:59.999999"),
        binary("timestamptz", 1184, [UInt8](repeating: 0, count: 8), "2000-01-01 00:00:00+00"),
        binary(
            "numeric 12345.678",
            1700,
            [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c],
            "12345.678"
        ),
        binary("numeric -0.0001", 1700, [0, 1, 0xff, 0xff, 0x40, 0, 0, 4, 0, 1], "-0.0001"),
        binary("numeric 0.00000001", 1700, [0, 1, 0xff, 0xfe, 0, 0, 0, 8, 0, 1], "0.00000001"),
        binary("numeric 0", 1700, [0, 0, 0, 0, 0, 0, 0, 0], "0"),
        binary("numeric NaN", 1700, [0, 0, 0, 0, 0xc0, 0, 0, 0], "\\x00000000c0000000"),
        binary("bytea", 17, [0, 1, 0xfe], "\\x0001fe"),
        binary("bytea with words", 17, [0] + Array("hunter2".utf8), "[binary: 8 octets]"),
        binary(
            "bytea, long",
            17,
            [UInt8](repeating: 1, count: 70),
            "\\x" + String(repeating: "01", count: 64) + "[cut: 6 more octets]"
        ),
        binary("of no known type, words", 0, Array("a word".utf8), "a word"),
        binary("of no known type, octets", 0, [0, 0, 0, 9], "\\x00000009"),
        binary("int4 of another length", 23, [0, 9], "\\x0009"),
        text(
            "a long one",
            25,
            String(repeating: "a", count: 3_000),
            String(repeating: "a", count: 2_048) + "[cut: 952 more octets]"
        ),
    ]

    private static func bind(_ values: [(isBinary: Bool, octets: [UInt8]?)]) -> [UInt8] {
        let count = { (number: Int) in [UInt8(number >> 8), UInt8(number & 255)] }
        let formats = values.flatMap { [0, $0.isBinary ? 1 : 0] as [UInt8] }
        let parameters = values.flatMap { value -> [UInt8] in
            guard let octets = value.octets else { return [0xff, 0xff, 0xff, 0xff] }
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: octets.count >> $0) } + octets
        }
        return Say.message(
            "B",
            Say.text("") + Say.text("") + count(values.count) + formats + count(values.count) + parameters + [
                0, 0,
            ]
        )
    }

    private static func parse(_ sql: String, types: [UInt32]) -> [UInt8] {
        let numbers = types.flatMap { type in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: type >> $0) } }
        return Say.message("P", Say.text("") + Say.text(sql) + [0, UInt8(types.count)] + numbers)
    }

    /// Parameters on record of one execution.
    private func recorded(
        _ values: [(isBinary: Bool, octets: [UInt8]?)],
        types: [UInt32],
        sql: String = "select 1",
        _ recording: StatementRecording = StatementRecording()
    ) throws -> RecordedParameters? {
        let talk = try Talk(TestRules())
        talk.engine.recording = recording
        _ = try talk.client(Self.parse(sql, types: types), Self.bind(values), Say.execute(), Say.sync)
        _ = try talk.server(
            Say.message("1", []),
            Say.message("2", []),
            Tell.complete("SELECT 1"),
            Tell.ready()
        )
        let outcome = try #require(talk.outcomes[1])
        #expect(outcome.tag == "SELECT 1" && outcome.rows == 1)
        return outcome.parameters
    }

    @Test("A parameter goes on record as it would be written", arguments: values)
    func parameter(_ value: Value) throws {
        let recorded = try recorded([(value.isBinary, value.octets)], types: [value.type])
        #expect(recorded?.values.map { $0?.shown } == [value.shown])
    }

    @Test("NULL is nil, each in its own format; without parameters there are none")
    func several() throws {
        let recorded = try recorded(
            [(false, Array("a".utf8)), (true, nil), (true, [0, 0, 0, 5])],
            types: [25, 23, 23]
        )
        #expect(recorded?.values.map { $0?.shown } == ["a", nil, "5"])
        #expect(try self.recorded([], types: []) == nil)
    }

    @Test("Of many parameters some are kept, and how many there were more")
    func bounds() throws {
        let many = try recorded(Array(repeating: (false, [0x31]), count: 1_000), types: [])
        #expect(many?.values.count == StatementRecordLimits.parameters && many?.more == 936)
        let long = try recorded(
            Array(repeating: (false, [UInt8](repeating: 0x61, count: 9_000)), count: 60),
            types: []
        )
        let kept = long?.values.reduce(0) { $0 + ($1?.text.utf8.count ?? 0) } ?? 0
        #expect(kept <= StatementRecordLimits.read + StatementRecordLimits.valueRead)
        #expect(long.map { $0.values.count + $0.more } == 60)
    }

    @Test("What rules mask is masked in parameters, in either format; what cannot be searched is not shown")
    func kinds() throws {
        let mail = Array("to ada@example.com".utf8)
        let recorded = try recorded(
            [
                (false, mail), (true, mail), (false, Array("plain words here".utf8)), (true, [0, 1, 2]),
                (false, nil),
            ],
            types: [25, 25, 25, 17, 25],
            StatementRecording(kinds: [.email])
        )
        #expect(
            recorded?.values.map { $0?.shown } == [
                "to xxx@xxxxxxx.xxx", "to xxx@xxxxxxx.xxx", "plain words here", "[binary: 3 octets]", nil,
            ]
        )
    }

    @Test("Where columns are masked, and of statements with secrets, no parameter is shown")
    func hidden() throws {
        let values: [(Bool, [UInt8]?)] = [(false, Array("4711".utf8)), (true, [0, 0, 0, 1]), (false, nil)]
        let columns = try recorded(values, types: [], StatementRecording(hidesValues: true))
        #expect(columns?.values.map { $0?.shown } == ["***", "***", nil])
        let secret = try recorded(values, types: [], sql: "alter role x password $1")
        #expect(secret?.values.map { $0?.shown } == ["***", "***", nil])
    }

    @Test("The types that the server tells are those by which parameters are read")
    func described() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Self.parse("select 1", types: [0]), Say.describe("S"), Say.sync)
        _ = try talk.server(
            Say.message("1", []),
            Say.message("t", [0, 1, 0, 0, 0, 20]),
            Say.message("n", []),
            Tell.ready()
        )
        _ = try talk.client(Self.bind([(true, [0, 0, 0, 0, 0, 0, 0, 9])]), Say.execute(), Say.sync)
        _ = try talk.server(Say.message("2", []), Tell.complete("SELECT 0"), Tell.ready())
        #expect(talk.outcomes[2]?.parameters?.values.map { $0?.shown } == ["9"])
    }

    @Test("What fails keeps its parameters, in a pipeline each its own")
    func failures() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(
            Self.parse("select 1", types: []),
            Self.bind([(false, [0x31])]),
            Say.execute(),
            Self.parse("select 2", types: []),
            Self.bind([(false, [0x32])]),
            Say.execute(),
            Say.sync
        )
        _ = try talk.server(
            Say.message("1", []),
            Say.message("2", []),
            Tell.complete("SELECT 1"),
            Say.message("1", []),
            Tell.error("22012"),
            Tell.ready()
        )
        #expect(talk.outcomes[1]?.parameters?.values.map { $0?.shown } == ["1"])
        #expect(
            talk.outcomes.values.contains { $0.code == "22012" && $0.parameters?.values.first??.shown == "2" }
        )
    }

    @Test("Each tag of a message is kept, and the rows of all")
    func tags() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.query("select 1; delete from t"))
        _ = try talk.server(
            Tell.description([("a", 25)]),
            Tell.row("1"),
            Tell.complete("SELECT 1"),
            Tell.complete("DELETE 3"),
            Tell.ready()
        )
        #expect(talk.outcomes[1]?.tag == "SELECT 1, DELETE 3" && talk.outcomes[1]?.rows == 4)
        _ = try talk.client(Say.query("begin"))
        _ = try talk.server(Tell.complete("BEGIN"), Tell.ready("T"))
        #expect(talk.outcomes[2]?.tag == "BEGIN" && talk.outcomes[2]?.rows == nil)
        _ = try talk.client(Say.query("many"))
        for _ in 0..<20 { _ = try talk.server(Tell.complete("SELECT 1")) }
        _ = try talk.server(Tell.ready("T"))
        #expect(talk.outcomes[3]?.tag?.hasSuffix("SELECT 1, …") == true && talk.outcomes[3]?.rows == 20)
    }

    @Test("The text of each question is on record, and of what is not understood what the reader says")
    func texts() throws {
        let talk = try Talk(TestRules())
        _ = try talk.client(Say.query("SELECT 'A'"), Say.query("unreadable"), Say.whole("SELECT 2"), Say.sync)
        #expect(
            Set(talk.texts.values) == ["SELECT 'A'", "not read: unreadable", "SELECT 2"],
            "\(talk.texts)"
        )
    }
}
