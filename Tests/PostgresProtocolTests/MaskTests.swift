import Foundation
import Model
import NIOCore
import PostgresProtocol
import TestSupport
import Testing

/// Results of a real PostgreSQL, masked on their way.
@Suite(.serialized, .enabled(if: Cluster.binaries != nil, "needs PostgreSQL's server"))
struct MaskTests {
    private static let kinds = TestRules(kinds: [.email, .paymentCard])

    private static func relay(_ rules: TestRules) throws -> (Cluster, Relay) {
        let cluster = try Cluster.shared.get()
        return (cluster, try Relay(to: cluster.port, rules))
    }

    struct Way: Sendable, CustomTestStringConvertible {
        let name: String
        let input: String
        var expected = ["1|Ada|xxx@xxxxxxx.xxx||1815-12-10", "2|Bob|not given|42|1901-02-03", "3||||"]

        var testDescription: String { name }
    }

    static let ways = [
        Way(name: "select", input: "select * from people order by id;"),
        Way(
            name: "aliases and expressions",
            input: "select id, name, email || '' as e, card as c, born from people order by id;"
        ),
        Way(
            name: "a cursor",
            input: """
                begin; declare c cursor for select * from people order by id;
                fetch 2 from c; fetch 2 from c; commit;
                """
        ),
        Way(
            name: "a statement of SQL's PREPARE",
            input: "prepare p as select * from people order by id; execute p;"
        ),
        Way(name: "RETURNING", input: "update people set name = name returning *;"),
        Way(
            name: "a batch",
            input: "select 1 as a \\; select * from people order by id;",
            expected: ["1"] + [
                "1|Ada|xxx@xxxxxxx.xxx||1815-12-10", "2|Bob|not given|42|1901-02-03", "3||||",
            ]
        ),
        Way(
            name: "COPY as text",
            input: "copy (select * from people order by id) to stdout;",
            expected: [
                "1\tAda\txxx@xxxxxxx.xxx\t9999999999999999\t1815-12-10", "2\tBob\tnot given\t42\t1901-02-03",
                "3\t\\N\t\\N\t\\N\t\\N",
            ]
        ),
        Way(
            name: "COPY as CSV",
            input: "copy (select * from people order by id) to stdout csv;",
            expected: [
                "1,Ada,xxx@xxxxxxx.xxx,9999999999999999,1815-12-10", "2,Bob,not given,42,1901-02-03", "3,,,,",
            ]
        ),
        Way(
            name: "JSON stays JSON",
            input:
                "select json_build_object('m', email)->>'m' from people where id = 1; select row_to_json(p) from people p where id = 1;",
            expected: [
                "xxx@xxxxxxx.xxx",
                #"{"id":1,"name":"Ada","email":"xxx@xxxxxxx.xxx","card":9999999999999999,"born":"1815-12-10"}"#,
            ]
        ),
        Way(
            name: "arrays and rows",
            input: "select array_agg(email) from people where id = 1; select p from people p where id = 1;",
            expected: ["{xxx@xxxxxxx.xxx}", "(1,Ada,xxx@xxxxxxx.xxx,9999999999999999,1815-12-10)"]
        ),
    ]

    @Test(arguments: ways)
    func `Kinds are masked in what psql shows`(way: Way) throws {
        let (cluster, relay) = try Self.relay(Self.kinds)
        defer { relay.stop() }
        let run = try cluster.run(["psql", "-qAt"], port: relay.port, user: "agent", input: way.input)
        #expect(run.lines == way.expected, "\(run)")
        #expect(relay.log.contains { $0.hasPrefix("masked ") && $0.contains("email") })
        // The control: without rules it is there.
        let plain = try cluster.run(["psql", "-qAt"], user: "agent", input: way.input)
        #expect(plain.output.contains("ada@example.com"))
    }

    @Test func `Errors and notices do not say what is masked`() throws {
        let (cluster, relay) = try Self.relay(Self.kinds)
        defer { relay.stop() }
        let input = """
            select email::int from people where id = 1;
            create temp table t (m text primary key); insert into t values ('ada@example.com');
            insert into t select email from people where id = 1;
            do $$ begin raise notice 'it is %', (select email from people where id = 1); end $$;
            """
        let run = try cluster.run(["psql", "-qAt"], port: relay.port, user: "agent", input: input)
        #expect(run.errors.contains(#"invalid input syntax for type integer: "xxx@xxxxxxx.xxx""#))
        #expect(run.errors.contains("Key (m)=(xxx@xxxxxxx.xxx) already exists."))
        #expect(run.errors.contains("it is xxx@xxxxxxx.xxx"))
        #expect(!run.errors.contains("ada@"))
    }

    private static func places(_ cluster: Cluster) throws -> [ColumnPlace: SourceColumn] {
        let sql = """
            select attrelid::int8, attnum, nspname, relname, attname from pg_attribute
            join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace where relname = 'people'
            """
        var places: [ColumnPlace: SourceColumn] = [:]
        for line in try cluster.run(["psql", "-Atc", sql]).lines {
            let parts = line.split(separator: "|").map(String.init)
            guard parts.count == 5, let table = UInt32(parts[0]), let number = Int16(parts[1]) else {
                continue
            }
            places[ColumnPlace(table: table, number: number)] = SourceColumn(
                schema: parts[2],
                table: parts[3],
                column: parts[4]
            )
        }
        return places
    }

    @Test
    func `Columns are masked by name and by their source, through aliases; what the catalog lacks is masked`()
        throws
    {
        let cluster = try Cluster.shared.get()
        let columns: Set = [
            ColumnMask(column: "name"), ColumnMask(schema: "public", table: "people", column: "born"),
        ]
        let relay = try Relay(
            to: cluster.port,
            TestRules(columns: columns, catalog: try Self.places(cluster))
        )
        defer { relay.stop() }
        let input = """
            select id, name, name as n, born as b, 'x' as name, card from people where id = 1;
            select id from notes limit 0; create temp table t as select 7 as seven; select seven, seven + 1 from t;
            copy people (id) to stdout; select 'goes on';
            select name::int from people where id = 1;
            """
        let run = try cluster.run(["psql", "-qAt"], port: relay.port, user: "agent", input: input)
        #expect(run.lines == ["1|xxx|xxx||x|4111111111111111", "|8", "goes on"], "\(run)")
        #expect(run.errors.contains("the result of this COPY cannot be masked"))
        #expect(run.errors.contains("the database's message is not shown") && !run.errors.contains("Ada"))
    }

    @Test
    func
        `A COPY that cannot be masked is an error, in the extended protocol as well, and the session goes on`()
        throws
    {
        let (_, relay) = try Self.relay(Self.kinds)
        defer { relay.stop() }
        let client = try RawClient(relay.port)
        let copy = "copy people to stdout (format binary)"
        client.send([Say.query(copy), Say.query("select 1")])
        #expect(try client.until("Z") == ["E(42501)", "Z(I)"])
        #expect(try client.until("Z") == ["T", "D(1)", "C(SELECT 1)", "Z(I)"])
        client.send([Say.parse(copy), Say.bind(), Say.execute(), Say.whole("select 2"), Say.sync])
        #expect(try client.until("Z") == ["1", "2", "E(42501)", "Z(I)"])
        client.send([Say.query("select 3; \(copy); select 4")])
        #expect(try client.until("Z") == ["T", "D(3)", "C(SELECT 1)", "E(42501)", "Z(I)"])
        client.send([Say.query("select 5")])
        #expect(try client.until("Z") == ["T", "D(5)", "C(SELECT 1)", "Z(I)"])
    }

    @Test func `A statement described once, or never, and executed many times is masked each time`() throws {
        let (_, relay) = try Self.relay(Self.kinds)
        defer { relay.stop() }
        let client = try RawClient(relay.port)
        client.send([
            Say.parse("select email from people where id = 1", as: "s"), Say.describe("S", "s"), Say.sync,
        ])
        #expect(try client.until("Z") == ["1", "t", "T", "Z(I)"])
        for binary in [false, true, true] {
            client.send([
                Say.bind("s", binary: binary), Say.execute(), Say.bind("s"), Say.execute(), Say.sync,
            ])
            let once = ["2", "D(xxx@xxxxxxx.xxx)", "C(SELECT 1)"]
            #expect(try client.until("Z") == once + once + ["Z(I)"])
        }
        // Rows that come in parts.
        client.send([
            Say.parse("select email from people order by id"), Say.bind("", to: "p"),
            Say.execute("p", rows: 1),
            Say.execute("p", rows: 1), Say.execute("p"), Say.sync,
        ])
        #expect(
            try client.until("Z") == [
                "1", "2", "D(xxx@xxxxxxx.xxx)", "s", "D(not given)", "s", "D()", "C(SELECT 1)", "Z(I)",
            ]
        )
    }

    @Test(.enabled(if: Cluster.hasDrivers, "needs psycopg and asyncpg"), arguments: ["psycopg", "asyncpg"])
    func `Drivers of Python read masked rows, in the binary format too`(driver: String) throws {
        let (cluster, relay) = try Self.relay(Self.kinds)
        defer { relay.stop() }
        let run = try cluster.run(
            ["python3", "-c", Self.programs[driver] ?? ""],
            port: relay.port,
            user: "agent"
        )
        #expect(run.code == 0, "\(run) \(relay.log)")
        #expect(
            run.lines == [
                "1 Ada xxx@xxxxxxx.xxx None 1815-12-10", "2 Bob not given 42 1901-02-03",
                "3 None None None None",
                "['xxx@xxxxxxx.xxx'] None {'m': 'xxx@xxxxxxx.xxx'}", "denied 42501", "7",
            ],
            "\(run)"
        )
    }

    private static let arrays =
        "select array_agg(email), array_agg(card), jsonb_build_object('m', max(email)) from people where id = 1"

    private static let programs = [
        "psycopg": """
        import psycopg
        c = psycopg.connect("", autocommit=True)
        for r in c.execute("select * from people where id < %s order by id", (9,), binary=True): print(*r)
        print(*c.execute("\(arrays)", binary=True).fetchone())
        try:
            c.execute("select 'forbidden'")
        except psycopg.errors.InsufficientPrivilege as e:
            print("denied", e.sqlstate)
        with c.pipeline():
            for n in range(200): c.execute("select %s::int", (n,), prepare=True)
            last = c.execute("select 7")
        print(last.fetchone()[0])
        """,
        "asyncpg": """
        import asyncio, asyncpg, json
        async def main():
            c = await asyncpg.connect(ssl=False)
            for r in await c.fetch("select * from people where id < $1 order by id", 9): print(*r)
            a, b, m = await c.fetchrow("\(arrays)")
            print(a, b, json.loads(m))
            try:
                await c.fetch("select 'forbidden'")
            except asyncpg.InsufficientPrivilegeError as e:
                print("denied", e.sqlstate)
            for n in range(200): await c.fetch("select 7")
            print(await c.fetchval("select 7"))
            await c.close()
        asyncio.run(main())
        """,
    ]
}
