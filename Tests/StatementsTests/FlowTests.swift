import Model
import Statements
import Testing

/// Where a masked column goes.
@Suite
struct FlowTests {
    static let mask = ColumnPattern(table: ByteText("users"), column: ByteText("ssn"))

    private static func table(
        _ name: String,
        schema: String = "public",
        _ columns: [String],
        masked: Set<String> = []
    )
        -> KnownTables.Table
    {
        KnownTables.Table(
            schema: ByteText(schema),
            name: ByteText(name),
            columns: [KnownTables.Column(name: ByteText("ctid"), isListed: false)]
                + columns.map {
                    KnownTables.Column(
                        name: ByteText($0),
                        masks: masked.contains($0) ? [mask] : [],
                        isText: true
                    )
                }
        )
    }

    private static let listed = [
        table("users", ["id", "name", "ssn", "age"], masked: ["ssn"]), table("people", ["id", "name"]),
        table("orders", ["id", "user_id", "total"]),
        table(
            "pg_stats",
            schema: "pg_catalog",
            ["tablename", "most_common_vals"],
            masked: ["most_common_vals", "tablename"]
        ),
    ]
    static let tables = KnownTables(listed, masks: [mask])

    private static func flow(_ text: String, _ tables: KnownTables = tables) throws -> ColumnFlow {
        let facts = try StatementReader.read(Array(text.utf8), tables: tables).get()
        return try #require(facts.first).flow
    }

    @Test("A masked column that is more than shown is exposed", arguments: exposingStatements)
    func exposes(text: String) throws { #expect(try Self.flow(text).exposes == [Self.mask]) }

    @Test(
        "One that is shown as it is, is not, and stands in the result",
        arguments: shownStatements.map(\.text)
    )
    func shows(text: String) throws {
        let flow = try Self.flow(text)
        #expect(flow.exposes.isEmpty)
        let expected = shownStatements.first { $0.text == text }?.results ?? ""
        guard expected != "?" else { return }
        let results = flow.results?.map { $0.masks.isEmpty ? "-" : "ssn" }.joined(separator: " ") ?? ""
        #expect(results == expected)
    }

    @Test("The same statements expose nothing where nothing is masked", arguments: exposingStatements)
    func control(text: String) throws {
        let none = KnownTables([Self.table("users", ["id", "name", "ssn", "age"])], masks: [])
        #expect(try Self.flow(text, none).exposes.isEmpty)
    }

    /// Where numbers and texts stand in a statement.
    private static func literals(_ text: [UInt8]) -> [Range<Int>] {
        let quote = UInt8(ascii: "'")
        let isWord = { (octet: UInt8) in
            let letter = Character(UnicodeScalar(octet))
            return letter.isLetter || letter.isNumber || "_$.".contains(letter)
        }
        var (found, place): ([Range<Int>], Int) = ([], 0)
        while place < text.count {
            let start = place
            if text[start] == quote {
                guard let end = text[(start + 1)...].firstIndex(of: quote) else { return found }
                place = end + 1
                found.append(start..<place)
            } else if isWord(text[start]) {
                place = text[start...].firstIndex { !isWord($0) } ?? text.count
                let isNumber = text[start..<place].allSatisfy { (0x30...0x39).contains($0) }
                if isNumber { found.append(start..<place) }
            } else {
                place += 1
            }
        }
        return found
    }

    @Test("Wherever a value may stand, a masked column that stands there is exposed")
    func everyPlace() throws {
        let letters = (UInt8(ascii: "a")...UInt8(ascii: "z")).map { "\(UnicodeScalar($0))" }
        let more = ["t", "u", "v", "w"].map { Self.table($0, letters) }
        let tables = KnownTables(Self.listed + more, masks: [Self.mask])
        let others = (rowStatements + objectStatements + sessionStatements).map(\.text)
        var count = 0
        for text in literalStatements + others + shownStatements.map(\.text) {
            let octets = Array(text.utf8)
            guard case .success(let facts) = StatementReader.read(octets, tables: tables),
                facts.allSatisfy({ $0.flow.exposes.isEmpty })
            else {
                #expect(!literalStatements.contains(text), "it says nothing: \(text)")
                continue
            }
            for place in Self.literals(octets) {
                let secret = "(select ssn from public.users)".utf8
                let planted = Array(octets[..<place.lowerBound]) + secret + octets[place.upperBound...]
                // No value may stand there.
                guard case .success(let facts) = StatementReader.read(planted, tables: tables) else {
                    continue
                }
                count += 1
                let isExposed = facts.contains { $0.flow.exposes == [Self.mask] }
                #expect(isExposed, "\(String(decoding: planted, as: UTF8.self))")
            }
        }
        #expect(count > 200, "\(count)")
    }

    @Test("A name that two schemas have means the masked one as well")
    func schemas() throws {
        let tables = KnownTables(
            [
                Self.table("users", ["id", "ssn"], masked: ["ssn"]),
                Self.table("users", schema: "other", ["ssn", "id", "more"]),
            ],
            masks: [Self.mask]
        )
        #expect(try Self.flow("select upper(ssn) from users", tables).exposes == [Self.mask])
        #expect(try Self.flow("select upper(ssn) from other.users", tables).exposes.isEmpty)
        #expect(try Self.flow("select upper(ssn) from public.users", tables).exposes == [Self.mask])
        #expect(try Self.flow("select id from users", tables).exposes.isEmpty)
        // A function's name, where the table has no such column.
        #expect(try Self.flow("select users.more from users", tables).exposes == [Self.mask])
        #expect(try Self.flow("select * from users", tables).results == nil)
    }

    @Test(
        "How COPY writes is read from its options",
        arguments: [
            ("", CopyFormat.text(delimiter: 9, null: Array("\\N".utf8), hasHeader: false)),
            ("(format csv)", .csv(delimiter: 44, quote: 34, escape: 34, null: [], hasHeader: false)),
            ("csv header", .csv(delimiter: 44, quote: 34, escape: 34, null: [], hasHeader: true)),
            (
                "(format csv, delimiter ';', quote '''', escape '\\', null 'none', header false, force_quote *)",
                .csv(delimiter: 59, quote: 39, escape: 92, null: Array("none".utf8), hasHeader: false)
            ),
            ("(format binary)", .binary), ("binary", .binary),
            ("(header)", .text(delimiter: 9, null: Array("\\N".utf8), hasHeader: true)),
        ]
    )
    func copies(options: String, format: CopyFormat) throws {
        #expect(try Self.flow("copy users to stdout \(options)").copy == format)
    }

    @Test("What COPY writes in another encoding, or in a format that is not known, is not known")
    func unknownCopies() throws {
        for options in ["(encoding 'LATIN1')", "(format other)", "(delimiter 'ab')"] {
            #expect(try Self.flow("copy users to stdout \(options)").copy == nil, "\(options)")
        }
    }

    @Test("What is too much to follow is exposed, at once")
    func bounds() throws {
        let wide = KnownTables(
            [
                Self.table("wide", (0..<1_600).map { "c\($0)" }),
                Self.table("users", ["ssn"], masked: ["ssn"]),
            ],
            masks: [Self.mask]
        )
        let many = "select 1 from " + (0..<4_000).map { "wide w\($0)" }.joined(separator: ", ")
        #expect(try Self.flow(many, wide).exposes == [Self.mask])
        var nested = "select * from users"
        for level in 0..<60 { nested = "select a.*, b.* from (\(nested)) a\(level % 2), users b" }
        #expect(try !Self.flow(nested, wide).exposes.isEmpty)
        var doubled = "select ssn from users"
        for _ in 0..<40 { doubled = "select *, * from (\(doubled)) s" }
        let flow = try Self.flow(doubled, wide)
        #expect(flow.results == nil)
    }
}
