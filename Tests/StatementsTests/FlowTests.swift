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
    /// The same and `t` to `w`, of which every letter is a column.
    private static let lettered = KnownTables(
        listed
            + ["t", "u", "v", "w"].map { name in
                table(name, (UInt8(ascii: "a")...UInt8(ascii: "z")).map { "\(UnicodeScalar($0))" })
            },
        masks: [mask]
    )

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

    @Test(
        "What a name or a place means hangs on no other table's columns: they may be others by now",
        arguments: [
            // `(value).*` is as many columns as its type has.
            "select upper(s.c) from (select (json_each('{}')).*, u.ssn, u.id from users u) s(a, b, c)",
            "with s(a, b, c) as (select (json_each('{}')).*, ssn, id from users) select upper(c) from s",
            "select (json_each('{}')).*, id, ssn from users order by 3",
            // `*` of a table, which may have got or lost some.
            "select upper(s.d) from (select p.*, u.ssn, u.id from people p, users u) s(a, b, c, d)",
            "select upper(s.f) from (select * from people, users) s(a, b, c, d, e, f)",
            "select upper(j.f) from (people p join users u on p.id = u.id) as j(a, b, c, d, e, f)",
            "with s(a, b, c, d) as (select p.*, u.ssn, u.id from people p, users u) select upper(d) from s",
            "select s.* from (select p.*, ssn from people p, users u) s order by 1",
            "select 1 from people natural join users", "select 1 from users natural full join people",
            // A column of the inner table's that is gone is the outer one's.
            "select (select upper(ssn) from mine) from users", "select (select ssn from mine) from users",
            "select l.x from users, lateral (select upper(ssn) x from mine) l",
            "select id from users where exists (select from mine where ssn like '1%')",
            // And one that is called as a table is its row.
            "select row_to_json(word) from mine, users word",
            "select (select row_to_json(word) from mine) from users word",
            "prepare p as select word from mine, users word",
            "select 1 as ssn from users, users as ssn group by ssn",
        ]
    )
    func stale(text: String) throws {
        let tables = KnownTables(Self.listed + [Self.table("mine", ["ssn", "word"])], masks: [Self.mask])
        #expect(try Self.flow(text, tables).exposes == [Self.mask])
    }

    @Test(
        "A table's name with its schema means the table, and nothing else that is called so",
        arguments: [
            "select (select upper(public.users.ssn) from (select 1 as ssn) users) from public.users",
            "select (with users as (select '' as ssn) select public.users.ssn from users) from public.users",
            "select upper(x) from public.users, lateral (select public.users.ssn x from (select '' ssn) users) l",
            "select (select row(public.users.*) from (select '' as ssn) users) from public.users",
            "select (select upper(x.c) from (select public.users.* from (select 1) users(i)) x(a, b, c)) from public.users",
            "select (select upper(public.users.ssn) from people as users) from public.users",
            // So does that of the first function in FROM alone.
            "select (select upper(lower.ssn) from rows from (nullif('a', 'b'), lower('x'))) from users lower",
        ]
    )
    func qualified(text: String) throws { #expect(try Self.flow(text).exposes == [Self.mask]) }

    @Test("A table with a masked column of the system's own is not changed, and shows its columns")
    func heldFast() throws {
        let hidden = KnownTables.Column(name: ByteText("cmax"), masks: [Self.mask], isListed: false)
        let columns = [hidden, KnownTables.Column(name: ByteText("id"))]
        let parent = KnownTables.Table(schema: ByteText("public"), name: ByteText("parent"), columns: columns)
        let tables = KnownTables(Self.listed + [parent], masks: [Self.mask])
        for text in ["drop column id", "add column x int", "rename column id to x", "inherit people"] {
            #expect(try Self.flow("alter table parent \(text)", tables).exposes == [Self.mask], "\(text)")
        }
        for text in ["select id + 1 from parent where id > 1 order by id", "insert into parent values (1)"] {
            #expect(try Self.flow(text, tables).exposes.isEmpty, "\(text)")
        }
        #expect(try Self.flow("copy parent to stdout", tables).results?.map(\.masks) == [[]])
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
        let tables = Self.lettered
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

    /// Of each what is named often, in what has much.
    private static let long: [(opening: String, parts: [(text: String, count: Int, between: String)])] = {
        let ones = (text: "1", count: 1_600, between: ",")
        let names = (0..<1_600).map { "a\($0)" }.joined(separator: ",")
        let tables = (0..<9_000).map { "a\($0) as(select)" }.joined(separator: ",")
        return [
            ("select coalesce(", [("t.*", 20_000, ","), (") from t", 1, ""), (",t", 20_000, "")]),
            ("select 1 from t", [(",t", 20_000, ""), (" where ", 1, ""), ("zz", 20_000, " and ")]),
            ("select 1 from t", [(",abs(t.*)", 14_000, "")]),
            (
                "with c as (select) select c.*",
                [(",c.*", 20_000, ""), (" from c", 1, ""), (",c", 20_000, "")]
            ),
            ("with \(tables) select", []), ("with recursive \(tables) select", []),
            ("select ", [ones, (" order by b", 1, ""), (",b", 50_000, "")]),
            (
                "select ",
                [ones, (" union select ", 1, ""), ones, (" order by b+1", 1, ""), (",b+1", 25_000, "")]
            ),
            ("with c as (select ", [ones, (") select from c", 1, ""), (",c", 50_000, "")]),
            (
                "with c(\(names)) as (select ",
                [ones, (") select from c", 1, ""), (" natural join c", 800, "")]
            ),
            (
                "with c as (select ",
                [ones, (") select from c join c d using (x", 1, ""), (",x", 50_000, ""), (")", 1, "")]
            ),
            ("select 1 from t", [(",t", 20_000, ""), (",t join t u on v", 8_000, "")]),
            ("select a.* from t, (values (1", [(",1", 20_000, ""), (")) a", 1, "")]),
        ]
    }()

    @Test("However a long statement is made, it is followed at once, or not at all", arguments: long.indices)
    func costs(_ number: Int) throws {
        let (opening, parts) = Self.long[number]
        let text = parts.reduce(opening) { text, part in
            text + Array(repeating: part.text, count: part.count).joined(separator: part.between)
        }
        let clock = ContinuousClock()
        var result = Result<[StatementFacts], StatementFault>.success([])
        let time = clock.measure { result = StatementReader.read(Array(text.utf8), tables: Self.lettered) }
        _ = try result.get()
        // Wide, for a busy machine: what would be squared takes longer.
        #expect(time < .seconds(10), "\(text.prefix(40)): \(time)")
    }
}
