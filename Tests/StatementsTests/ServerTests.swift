import Foundation
import Model
import Statements
import TestSupport
import Testing

/// A PostgreSQL 15 of the test's own, as a user without rights, on a socket in its own folder.
private struct Cluster: ~Copyable {
    static let programs = "/usr/lib/postgresql/15/bin"
    static var isPossible: Bool {
        FileManager.default.isExecutableFile(atPath: programs + "/initdb")
            && (getuid() != 0 || getpwnam("postgres") != nil)
    }

    private let folder: String

    /// Where its socket is.
    var place: String { folder }

    init() throws {
        folder = NSTemporaryDirectory() + "bailey-cluster-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if getuid() == 0, let user = getpwnam("postgres") {
            chown(folder, user.pointee.pw_uid, user.pointee.pw_gid)
        }
        try run(
            "initdb",
            ["-D", folder + "/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"]
        )
        let options = "-c listen_addresses= -c unix_socket_directories=\(folder) -c fsync=off"
        try run("pg_ctl", ["-D", folder + "/data", "-w", "-o", options, "-l", folder + "/log", "start"])
    }

    deinit {
        _ = try? run("pg_ctl", ["-D", folder + "/data", "-m", "immediate", "stop"])
        try? FileManager.default.removeItem(atPath: folder)
    }

    @discardableResult
    func run(_ program: String, _ arguments: [String], input: String = "") throws -> Outcome {
        let own = getuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []
        let outcome = try Command.run(
            ["/usr/bin/env"] + own + [Self.programs + "/" + program] + arguments,
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"],
            directory: "/",
            input: Data(input.utf8)
        )
        try #require(outcome.code == 0, "\(program): \(outcome)")
        return outcome
    }

    /// The SQLSTATE of each statement, each in a session's own transaction; nil for what was done.
    func states(_ statements: [String], readOnly: Bool) throws -> [String?] {
        var script = "\\set VERBOSITY sqlstate\n\\pset pager off\n"
        for (number, statement) in statements.enumerated() {
            script +=
                "\\echo case \(number)\nbegin\(readOnly ? " read only" : "");\n\(statement);\nrollback;\n"
        }
        let connection = ["-h", folder, "-U", "postgres", "-d", "postgres", "-XAtq"]
        // Both streams in one, so that an error stands behind its case.
        let own = getuid() == 0 ? "runuser -u postgres -- " : ""
        let outcome = try Command.run(
            ["/bin/sh", "-c", "exec \(own)\(Self.programs)/psql \(connection.joined(separator: " ")) 2>&1"],
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"],
            directory: "/",
            input: Data(script.utf8)
        )
        var states = [String?](repeating: nil, count: statements.count)
        var place: Int?
        for line in outcome.lines {
            if line.hasPrefix("case ") { place = Int(line.dropFirst(5)) }
            guard let place, states[place] == nil, let error = line.range(of: "ERROR:  ") else { continue }
            states[place] = String(line[error.upperBound...].prefix(5))
        }
        try #require(place == statements.count - 1, "\(outcome)")
        return states
    }

    func prepare(_ script: String) throws {
        let connection = ["-h", folder, "-U", "postgres", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1"]
        try run("psql", connection, input: script)
    }
}

@Suite(.enabled(if: Cluster.isPossible, "needs postgresql-15"))
struct ServerTests {
    private static let fixture = """
        create schema s;
        create table s.t (id int primary key, a int, b text);
        create table s.u (id int, a int, b text);
        create table t (id int primary key, a int, b text);
        create view s.v as select * from s.t;
        create sequence s.q;
        create function s.f(int) returns int language plpgsql as 'begin insert into s.u values ($1); return $1; end';
        create procedure s.p() language sql as 'insert into s.u values (1)';
        insert into s.t values (1, 2, 'x'), (2, 3, 'y');
        """

    /// Statements that the server does, but for their writes in a transaction that reads only.
    private static let statements = [
        "select 1", "select * from s.t where id = 1", "table s.t", "values (1), (2)",
        "select count(*), max(a) from s.v group by b",
        "with x as (select * from s.t) select * from x",
        "with recursive x as (select 1 as n union all select n + 1 from x where n < 5) select * from x",
        "with t as (select 1 as id) select id from t",
        "select * from s.t, lateral (select * from s.u where s.u.id = s.t.id) q",
        "select * from generate_series(1, 3)",
        "select lower(b), substring(b from 1), extract(year from now()) from s.t",
        "select array_agg(a order by id) filter (where a > 1) from s.t",
        "select row_number() over (partition by b order by id) from s.t",
        "select exists (select 1 from s.u), 1 = any (select id from s.t)",
        "select * from s.t union select * from s.u order by 1 limit 3",
        "select * from s.t tablesample system (10)", "explain select * from s.t", "explain delete from s.t",
        "explain analyze select * from s.t",
        "select 's.t'::regclass is null where false",
        "select to_regclass('s.t'), pg_typeof(1), current_user, format('%s', 1)",
        "select random() < 2, clock_timestamp() is not null, gen_random_uuid() is not null",
        "copy s.t to stdout", "copy (select * from s.t) to stdout", "show search_path",
        "declare c cursor for select * from s.t",
        // Writes.
        "insert into s.t values (3, 4, 'z')", "insert into s.u select * from s.t", "update s.t set a = 1",
        "delete from s.t where id = 1",
        "with x as (delete from s.u returning *) select * from x",
        "with x as (insert into s.u values (1) returning *) select * from x",
        "with x as (update s.t set a = 2 returning id) select * from s.u", "select * into s.n from s.t",
        "create table s.n as select 1",
        "create table s.n (a int)", "create view s.w as select 1", "create index on s.t (a)",
        "create function s.g() returns int language sql as 'select 1'",
        "create schema n", "alter table s.t add column c int", "drop table s.u", "truncate s.u",
        "merge into s.t using s.u on s.t.id = s.u.id when matched then delete",
        "explain analyze delete from s.t", "explain analyze insert into s.u values (1)",
        "select * from s.t for update", "select * from s.t for share",
        "select * from (select * from s.t for update) q", "select nextval('s.q')", "select setval('s.q', 5)",
        "select s.f(1)", "select * from s.f(1)", "select s.f(id) from s.t",
        "call s.p()", "do $$ begin insert into s.u values (1); end $$", "grant select on s.t to public",
        "comment on table s.t is 'x'",
        "insert into s.t values (1, 1, 'x') on conflict (id) do update set a = 9",
        "lock table s.t in exclusive mode", "create role n", "reindex table s.t",
        "refresh materialized view s.v", "analyze s.t", "cluster s.t", "notify c", "select lo_create(0)",
        "create sequence s.r", "create type s.e as enum ('a')",
        "prepare p as delete from s.t; execute p",
        "create rule r as on insert to s.u do also delete from s.t",
    ]

    /// Kinds that change nothing in the database.
    private static let reading: Set<SQLKind> = [
        .select, .explain, .show, .copyOut, .declare, .fetch, .close, .transaction, .prepare, .execute,
        .deallocate,
    ]

    private static func reads(_ text: String) throws -> Bool {
        try StatementReader.read(Array(text.utf8)).get().deeds.allSatisfy { deed in
            if case .function(_, isHarmless: false) = deed.target { return false }
            return reading.contains(deed.kind)
        }
    }

    @Test(
        "What only reads by its facts, PostgreSQL does in a transaction that reads only; what that refuses is a write by them"
    )
    func readOnly() throws {
        let cluster = try Cluster()
        try cluster.prepare(Self.fixture)
        let strict = try cluster.states(Self.statements, readOnly: true)
        var refused = 0
        for (statement, state) in zip(Self.statements, strict) {
            let reads = try Self.reads(statement)
            if reads { #expect(state == nil, "\(statement): \(state ?? "")") }
            if state == "25006" {
                refused += 1
                #expect(!reads, "\(statement)")
            }
        }
        #expect(refused > 30)
        // Those that are refused are done where writing is allowed, so that the refusal says something.
        let open = try cluster.states(Self.statements, readOnly: false)
        for (number, state) in strict.enumerated() where state == "25006" {
            #expect(
                open[number] == nil || open[number] == "42809",
                "\(Self.statements[number]): \(open[number] ?? "")"
            )
        }
    }

    @Test("A function that is said to compute only is known to the server, and none of its kind writes")
    func harmless() throws {
        let cluster = try Cluster()
        let outcome = try cluster.run(
            "psql",
            ["-h", cluster.place, "-U", "postgres", "-d", "postgres", "-XAtq"],
            input:
                "select proname, bool_or(provolatile = 'v') from pg_proc where pronamespace = 'pg_catalog'::regnamespace group by 1;"
        )
        var volatile: [String: Bool] = [:]
        for line in outcome.lines {
            let parts = line.split(separator: "|")
            volatile[String(parts[0])] = parts[1] == "t"
        }
        try #require(volatile.count > 2_000)
        let named: Set = ["random", "clock_timestamp", "timeofday", "gen_random_uuid"]
        var count = 0
        for (name, isVolatile) in volatile {
            let text = "select pg_catalog.\"\(name)\"()"
            let deeds = try StatementReader.read(Array(text.utf8)).get().deeds
            guard
                deeds.contains(where: {
                    if case .function(_, isHarmless: true) = $0.target { true } else { false }
                })
            else {
                continue
            }
            count += 1
            #expect(!isVolatile || named.contains(name), "\(name)")
        }
        #expect(count > 1_500)
        for name in [
            "set_config", "pg_sleep", "pg_read_file", "nextval", "dblink", "table_to_xml", "query_to_xml",
            "lo_get", "pg_terminate_backend", "pg_stat_get_activity", "ts_stat", "fmgr_c_validator",
        ] {
            let deeds = try StatementReader.read(Array("select \(name)(1)".utf8)).get().deeds
            #expect(
                deeds.contains {
                    if case .function(_, isHarmless: false) = $0.target { true } else { false }
                },
                "\(name)"
            )
        }
    }

    @Test("Every part of the trees of PostgreSQL's own scripts is known")
    func scripts() throws {
        let folder = "/usr/share/postgresql/15"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/extension").map {
            "extension/" + $0
        }
        var read = 0
        for name in names + ["information_schema.sql", "system_views.sql", "system_functions.sql"]
        where name.hasSuffix(".sql") {
            guard let text = try? String(contentsOfFile: folder + "/" + name, encoding: .utf8) else {
                continue
            }
            let script = text.split(separator: "\n").filter { !$0.hasPrefix("\\") }.joined(separator: "\n")
                .replacingOccurrences(of: "@extschema@", with: "x")
                .replacingOccurrences(of: "@extowner@", with: "x")
            switch StatementReader.read(Array(script.utf8)) {
            case .success(let facts): read += facts.count
            case .failure(.unknown(let part)): Issue.record("\(name): \(part)")
            // They hold more than one message may.
            case .failure(.tooManyDeeds), .failure(.tooMany), .failure(.tooLong), .failure(.tooManyOperators):
                continue
            case .failure(let fault): Issue.record("\(name): \(fault)")
            }
        }
        #expect(read > 1_000, "\(read)")
    }
}
