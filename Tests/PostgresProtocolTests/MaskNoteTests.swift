import Model
import NIOCore
import PostgresProtocol
import TestSupport
import Testing
import Wire

/// What goes on record of masked results: whatever a client has received, however its statement ended, and by names that it
/// does not choose.
struct MaskNoteTests {
    private static let rules = TestRules(kinds: [.email], columns: [ColumnMask(column: "b")])
    private static let description = Tell.description([("b", 25), ("m", 25)])
    private static let row = Tell.row([Array("one".utf8), Array("ada@example.com".utf8)])
    private static let execution = [Say.parse("select b"), Say.bind(), Say.execute(), Say.sync].flatMap(
        \.self
    )
    private static let accepted = [Tell.parsed, Tell.bound, description].flatMap(\.self)
    private static let suspended = Say.message("s", [])

    /// How a statement of whose rows two have come goes on.
    struct End: Sendable, CustomTestStringConvertible {
        let name: String
        let sent: [UInt8]
        let received: [UInt8]
        var isOver = false

        var testDescription: String { name }

        init(_ name: String, _ sent: [UInt8], _ received: [UInt8]..., isOver: Bool = false) {
            (self.name, self.sent, self.isOver) = (name, sent, isOver)
            self.received = received.flatMap(\.self)
        }
    }

    static let ends = [
        End(
            "it is complete (the control)",
            Say.query("select b"),
            description,
            row,
            row,
            Tell.complete("SELECT 2"),
            Tell.ready()
        ),
        End(
            "another of its message fails",
            Say.query("select b; select 1/0"),
            description,
            row,
            row,
            Tell.complete("SELECT 2"),
            Tell.error("22012"),
            Tell.ready()
        ),
        End(
            "another of its message has many rows that are not masked",
            Say.query("select b; select 1"),
            description,
            row,
            row,
            Tell.complete("SELECT 2"),
            Tell.description([("n", 23)]),
            Tell.row("1"),
            Tell.row("2"),
            Tell.row("3"),
            Tell.complete("SELECT 3"),
            Tell.ready()
        ),
        End(
            "it fails itself",
            Say.query("select b"),
            description,
            row,
            row,
            Tell.error("57014"),
            Tell.ready()
        ),
        End("an execution fails late", execution, accepted, row, row, Tell.error("57014"), Tell.ready()),
        End(
            "an execution was for so many rows, and is not gone on with",
            [Say.parse("select b"), Say.bind(), Say.execute(rows: 2), Say.sync].flatMap(\.self),
            accepted,
            row,
            row,
            suspended,
            Tell.ready()
        ),
        End(
            "the server breaks the protocol",
            Say.query("select b"),
            description,
            row,
            row,
            Tell.parsed,
            isOver: true
        ),
        End(
            "the server breaks it in an execution",
            execution,
            accepted,
            row,
            row,
            Tell.parsed,
            isOver: true
        ),
    ]

    /// Notes, and what comes behind them.
    private static func order(_ lines: [String]) -> [String] {
        lines.compactMap { line in
            if line.hasPrefix("masked ") || line == "close" { return line }
            return line.hasPrefix("finished ") ? "finished" : nil
        }
    }

    private func expect(_ lines: [String], isOver: Bool = false) {
        let order = Self.order(lines)
        #expect(order.first?.hasPrefix("masked 1 kinds([") == true, "\(lines)")
        #expect(order.first?.hasSuffix("email: 2])") == true, "\(lines)")
        #expect(
            Array(order.dropFirst()) == ["masked 1 columns([\"b\": 2])", "finished"]
                + (isOver ? ["close"] : []),
            "\(lines)"
        )
    }

    @Test(arguments: ends)
    func `What was received masked is on record, however its statement ends`(end: End) throws {
        let talk = try Talk(Self.rules)
        _ = try talk.client(end.sent)
        expect(try talk.server(end.received), isOver: end.isOver)
    }

    @Test(arguments: [Side.client, .upstream])
    func `What was received masked is on record where a side ends before the statement does`(
        side: Side
    ) throws {
        let talk = try Talk(Self.rules)
        _ = try talk.client(Say.query("select b"))
        let rows = try talk.server(Self.description, Self.row, Self.row)
        #expect(Self.order(rows).isEmpty)
        expect(try talk.ended(side), isOver: true)
    }

    @Test func `What was received masked is said once where the session is abandoned`() throws {
        let talk = try Talk(Self.rules)
        _ = try talk.client(Say.query("select b"))
        _ = try talk.server(Self.description, Self.row, Self.row)
        #expect(Self.order(try talk.abandoned()).last == "masked 1 columns([\"b\": 2])")
        #expect(try talk.abandoned().isEmpty)
        #expect(Self.order(try talk.ended(.client)) == ["finished", "close"])
    }

    @Test func `Rows in parts are on record by the part, and a part without rows is not`() throws {
        let talk = try Talk(TestRules(columns: [ColumnMask(column: "b")]))
        _ = try talk.client(
            Say.parse("select b"),
            Say.bind(),
            Say.execute(rows: 1),
            Say.execute(rows: 1),
            Say.execute(),
            Say.sync
        )
        let lines = try talk.server(
            Self.accepted,
            Self.row,
            Self.suspended,
            Self.description,
            Self.row,
            Self.suspended,
            Self.description,
            Tell.complete("SELECT 0"),
            Tell.ready()
        )
        #expect(
            Self.order(lines) == [
                "masked 1 columns([\"b\": 1])", "finished", "masked 2 columns([\"b\": 1])", "finished",
                "finished",
            ]
        )
    }

    @Test func `A result without rows, and one that is withheld, are not on record as received`() throws {
        let talk = try Talk(Self.rules)
        _ = try talk.client(Say.query("select b"))
        let failed = try talk.server(Self.description, Tell.error("22012"), Tell.ready())
        #expect(Self.order(failed) == ["finished"])
        _ = try talk.client(Say.query("copy people to stdout"))
        let withheld = try talk.server(
            Tell.copyOut(),
            Say.data("one\n"),
            Say.done,
            Tell.complete("COPY 1"),
            Tell.ready()
        )
        #expect(
            Self.order(withheld) == ["finished"] && withheld.contains("reply E ERROR 42501"),
            "\(withheld)"
        )
    }

    static let copyEnds: [[UInt8]] = [
        [Say.done, Tell.complete("COPY 2"), Tell.ready()].flatMap(\.self),
        Tell.error("57014") + Tell.ready(), Tell.parsed,
    ]

    @Test(arguments: copyEnds)
    func `Rows of a COPY are on record, however it ends`(end: [UInt8]) throws {
        let talk = try Talk(TestRules(columns: [ColumnMask(column: "b")]))
        _ = try talk.client(Say.query("copy following b to stdout"))
        let lines = try talk.server(Tell.copyOut(), Say.data("one\n"), Say.data("two\n"), end)
        #expect(Self.order(lines).first == "masked 1 columns([\"b\": 2])", "\(lines)")
        let seen = String(decoding: talk.toClient, as: UTF8.self)
        #expect(seen.contains("xxx") && !seen.contains("one"))
    }

    // MARK: Names

    /// A description of columns of text, each with its table and its number in that.
    private static func described(_ columns: [(name: String, table: UInt8, number: UInt8)]) -> [UInt8] {
        var body: [UInt8] = [0, UInt8(columns.count)]
        for column in columns {
            body += Say.text(column.name) + [0, 0, 0, column.table, 0, column.number]
            body += [0, 0, 0, 25, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]
        }
        return Say.message("T", body)
    }

    /// A table (1), a view of it (2) and one whose column has dots in its name (3), as the server describes them.
    private static func catalog(_ masks: Set<ColumnMask>) throws -> [ColumnPlace: SourceColumn] {
        func row(_ values: String...) -> [UInt8] { Tell.row(values.map { Array($0.utf8) }) }
        let answer = [
            Tell.complete("SET"), row("1", "1", "public", "users", "ssn", "25", ""),
            row("2", "1", "public", "v", "number", "25", ""),
            row("3", "1", "public", "t", "a.users.ssn", "25", ""), Tell.complete("SELECT 3"),
            row("2", "1", "1", "1"), Tell.complete("SELECT 1"), Tell.ready(),
        ].flatMap(\.self)
        var catalog = PostgresCatalog(masks: masks)
        guard case .ready(let columns) = catalog.received(ByteBuffer(bytes: answer)) else {
            throw Finding(what: "no catalog")
        }
        return columns
    }

    struct Named: Sendable, CustomTestStringConvertible {
        let result: String
        let table: UInt8
        let mask: ColumnMask
        let names: Set<String>

        var testDescription: String { "\(result) of \(table), \(mask)" }
    }

    private static let ofUsers = ColumnMask(table: "users", column: "ssn")

    static let named = [
        Named(result: "ssn", table: 1, mask: ofUsers, names: ["public.users.ssn"]),
        Named(result: "x", table: 1, mask: ofUsers, names: ["public.users.ssn"]),
        Named(result: "x", table: 2, mask: ofUsers, names: ["public.v.number", "users.ssn"]),
        Named(result: "ssn", table: 0, mask: ColumnMask(column: "ssn"), names: ["ssn"]),
        // An alias is masked by its name, and so is what it stands for.
        Named(
            result: "b",
            table: 3,
            mask: ColumnMask(column: "b"),
            names: ["b", "public.t.\"a.users.ssn\""]
        ),
        // What the catalog does not have may be any.
        Named(result: "x", table: 9, mask: ofUsers, names: ["users.ssn"]),
        // Of no table, and not masked: an alias alone makes nothing known.
        Named(result: "a.users.ssn", table: 0, mask: ofUsers, names: []),
    ]

    @Test(arguments: named)
    func `A masked column is on record by the catalog's name and the rule's, never by an alias`(
        named: Named
    ) throws {
        let talk = try Talk(TestRules(columns: [named.mask]))
        talk.engine.catalog = try Self.catalog([named.mask])
        _ = try talk.client(Say.query("select 1"))
        let lines = try talk.server(
            Self.described([(named.result, named.table, 1)]),
            Tell.row("one"),
            Tell.complete("SELECT 1"),
            Tell.ready()
        )
        let columns = talk.columns[1] ?? [:]
        #expect(Set(columns.keys) == named.names && columns.values.allSatisfy { $0 == 1 }, "\(lines)")
    }

    @Test func `What a text is read to give is on record by the rule's name, whatever it is called`() throws {
        let talk = try Talk(TestRules(columns: [ColumnMask(column: "b")]))
        _ = try talk.client(Say.query("select following b as \"a.users.ssn\""))
        let lines = try talk.server(
            Tell.description([("a.users.ssn", 25)]),
            Tell.row("one"),
            Tell.complete("SELECT 1"),
            Tell.ready()
        )
        #expect(Self.order(lines) == ["masked 1 columns([\"b\": 1])", "finished"], "\(lines)")
    }
}
