import Model
import Policy
import Profiles
import TestSupport
import Testing

/// A profile with one rule for `postgres://db.test/app`, in YAML's flow form.
func databaseProfile(
    _ rule: String,
    to: String = "postgres://db.test/app",
    named name: String = "p"
) throws -> Profile {
    try load("bailey: 1\nname: \(name)\negress:\n  - {to: \"\(to)\", \(rule)}\n", named: "\(name).yaml")
}

/// What a chain of profiles says to statements, root first.
func decide(
    _ profiles: [Profile],
    _ statements: String,
    at database: String = "app"
) throws -> DatabaseOutcome {
    let request = try RequestText.parseWhole("postgres://db.test/\(database) \(statements)").0
    return try decide(profiles, request)
}

func decide(_ profiles: [Profile], _ request: Request) throws -> DatabaseOutcome {
    let hops = profiles.enumerated().map { index, profile in
        Hop(
            agent: AgentID(run: "0a0b0c0d", ordinal: index + 1),
            name: profile.name,
            profile: profile.name,
            profileDigest: ""
        )
    }
    let root = Lineage(principal: Principal(localUser: "alice", uid: 1000), root: hops[0])
    let lineage = hops.dropFirst().reduce(root) { $0.child($1) }
    let policy = try #require(LineagePolicy(lineage: lineage, levels: profiles.map { CompiledPolicy($0) }))
    switch policy.decide(request) {
    case .allow(let permit): return DatabaseOutcome(effect: .allow, obligations: permit.obligations)
    case .ask(let asked): return DatabaseOutcome(effect: .ask, denial: asked.refusal.denial)
    case .deny(let refusal): return DatabaseOutcome(effect: refusal.verdict, denial: refusal.denial)
    case .read: return DatabaseOutcome(effect: .deny)
    }
}

struct DatabaseOutcome {
    var effect: Effect
    var denial: Denial?
    var obligations: Obligations?
}

@Suite
struct StatementRuleTests {
    @Test(
        "A statement is allowed where all that it does is",
        arguments: [
            ("allow: [select]", "select * from t", Effect.allow),
            ("allow: [select]", "select lower(a) from s.t", .allow),
            ("allow: [select]", "delete from t", .deny),
            ("allow: [select]", "select 1; delete from t", .deny),
            ("allow: [select]", "with x as (delete from t returning 1) select * from x", .deny),
            ("allow: [select]", "select * into u from t", .deny),
            ("allow: [select]", "select * from t for update", .deny),
            ("allow: [select, lock]", "select * from t for update", .allow),
            ("allow: [select]", "select pg_sleep(1)", .deny),
            ("allow: [select]", "select public.lower('a')", .deny),
            ("allow: [select]", "select pg_catalog.lower('a')", .allow),
            ("allow: [select, explain]", "explain delete from t", .allow),
            ("allow: [select, explain]", "explain analyze delete from t", .deny),
            ("allow: [select, explain]", "explain analyze select * from t", .allow),
            ("allow: [select, prepare, execute]", "prepare p as delete from t", .deny),
            ("allow: [select, prepare, execute]", "prepare p as select 1; execute p", .allow),
            ("allow: [select]", "", .allow),
            ("allow: []", "", .deny),
            ("deny: [drop]", "", .deny),
            // Objects.
            ("allow: [\"select on public.*\"]", "select * from public.t", .allow),
            ("allow: [\"select on public.*\"]", "select * from other.t", .deny),
            ("allow: [\"select on public.*\"]", "select * from public.t, other.t", .deny),
            ("allow: [\"select on public.*\"]", "select * from t", .deny),
            ("allow: [\"select on *.t\"]", "select * from t", .allow),
            ("allow: [\"select on *.t\"]", "select * from u", .deny),
            ("allow: [\"select on public.*\"]", "select 1", .allow),
            ("allow: [\"select on public.*\"]", "select now()", .allow),
            ("allow: [\"select on public.*\"], search_path: [public]", "select * from t", .allow),
            ("allow: [\"select on public.*\"], search_path: [public, other]", "select * from t", .deny),
            ("allow: [\"select on public.*\"], search_path: [public]", "select * from pg_authid", .deny),
            (
                "allow: [\"select on public.*\"], search_path: [public]",
                "select * from pg_catalog.pg_authid", .deny
            ),
            ("allow: [select], deny: [\"select on secret.*\"]", "select * from t", .deny),
            ("allow: [select], deny: [\"select on secret.*\"]", "select * from public.t", .allow),
            (
                "allow: [select], deny: [\"select on secret.*\"], search_path: [public]", "select * from t",
                .allow
            ),
            ("allow: [select], deny: [\"select on *.users\"]", "select * from \"users\"", .deny),
            ("allow: [select], deny: [\"select on *.users\"]", "select * from Users", .deny),
            ("allow: [select], deny: [\"select on *.users\"]", "select * from \"Users\"", .allow),
            ("allow: [select], deny: [\"select on pg_catalog.*\"]", "select * from pg_class", .deny),
            ("allow: [drop], deny: [\"drop on public.*\"]", "drop schema s", .deny),
            ("allow: [\"drop on ci.*\"]", "drop table ci.t", .allow),
            ("allow: [\"drop on ci.*\"]", "drop table ci.t cascade", .deny),
            // Rows.
            ("allow: [\"delete with where\"]", "delete from t where id = 1", .allow),
            ("allow: [\"delete with where\"]", "delete from t", .deny),
            ("allow: [\"delete with where\"]", "delete from t where true", .deny),
            ("allow: [delete], deny: [\"delete without where\"]", "delete from t where 1 = 1", .deny),
            ("allow: [\"delete on ci.* with where\"]", "delete from ci.t where id = 1", .allow),
            ("allow: [\"delete on ci.* with where\"]", "delete from t where id = 1", .deny),
            ("allow: [\"delete with where\"]", "delete from t where id = 1 returning *", .deny),
            ("allow: [\"delete with where\", select]", "delete from t where id = 1 returning *", .allow),
            ("allow: [\"delete with where\"]", "delete from t where id = pg_sleep(1)", .deny),
            ("allow: [\"delete with where\"]", "delete from t where id = abs(1)", .allow),
            ("allow: [insert]", "insert into t values (1) on conflict (a) do update set b = 1", .deny),
            (
                "allow: [insert, update]", "insert into t values (1) on conflict (a) do update set b = 1",
                .allow
            ),
            // Functions.
            ("allow: [\"select calling pg_sleep\"]", "select pg_sleep(1)", .allow),
            ("allow: [\"select calling pg_sleep\"]", "select pg_sleep(1) from t", .deny),
            ("allow: [select, \"select calling pg_sleep\"]", "select pg_sleep(1) from t", .allow),
            ("allow: [select, \"select calling pg_sleep\"]", "select pg_read_file('x')", .deny),
            ("allow: [select, \"select calling pg_*\"]", "select pg_read_file('x')", .allow),
            ("allow: [select, \"select calling app.*\"]", "select app.f()", .allow),
            ("allow: [select, \"select calling app.*\"]", "select f()", .deny),
            ("allow: [select, \"select calling app.*\"], search_path: [app]", "select f()", .deny),
            ("allow: [select], deny: [\"select calling lower\"]", "select lower('a')", .deny),
            ("allow: [select], deny: [\"* calling pg_catalog.lower\"]", "select lower('a')", .deny),
            ("allow: [insert, \"select calling f\"]", "insert into t values (f(1))", .deny),
            ("allow: [insert, \"* calling f\"]", "insert into t values (f(1))", .allow),
            ("allow: [call]", "call s.p(1)", .allow),
            ("allow: [\"call on s.p\"]", "call s.q(1)", .deny),
            ("allow: [select, \"select calling set_config\"]", "select set_config('a.b', 'c', false)", .deny),
            (
                "allow: [select, \"select calling set_config\", \"set on a.*\"]",
                "select set_config('a.b', 'c', false)", .allow
            ),
            (
                "allow: [select, \"select calling set_config\", set]",
                "select set_config('role', 'c', false)", .deny
            ),
            // What has to be named.
            ("allow: [\"*\"]", "insert into t values (1)", .allow),
            ("allow: [\"*\"]", "select f()", .deny),
            ("allow: [\"*\", \"* calling *\"]", "select f()", .allow),
            ("allow: [\"*\"]", "set role x", .deny),
            ("allow: [\"*\", set role]", "set role x", .allow),
            ("allow: [set]", "set session authorization x", .deny),
            ("allow: [\"*\"]", "copy t from program 'x'", .deny),
            ("allow: [\"*\", copy program]", "copy t from program 'x'", .allow),
            ("allow: [copy program]", "copy t from program 'x'", .deny),
            ("allow: [\"*\"]", "copy t to '/x'", .deny),
            ("allow: [\"*\"]", "alter system set a = b", .deny),
            ("allow: [\"*\"]", "load 'x'", .deny),
            ("allow: [set role], deny: [\"*\"]", "set role x", .deny),
            // Strength.
            ("allow: [select], ask: [\"select on s.*\"]", "select * from s.t", .ask),
            ("allow: [select], ask: [\"select on s.*\"]", "select * from t", .ask),
            (
                "allow: [select], ask: [\"select on s.*\"], deny: [drop]", "select * from s.t; drop table t",
                .deny
            ),
            ("allow: [select], ask: [insert]", "insert into t values (1); delete from t", .deny),
            // Settings and channels.
            ("allow: [\"set on application_name\"]", "set application_name = 'x'", .allow),
            ("allow: [\"set on application_name\"]", "set search_path = x", .deny),
            ("allow: [\"listen on jobs_*\"]", "listen jobs_a", .allow),
            ("allow: [\"listen on jobs_*\"]", "listen other", .deny),
            ("allow: [set], deny: [\"* on a.*\"]", "set a.b = c", .allow),
            ("allow: [show], deny: [\"show on data_directory\"]", "show all", .deny),
            ("allow: [\"copy out on public.*\"]", "copy public.t to stdout", .allow),
            ("allow: [\"copy out on public.*\"]", "copy (select * from public.t) to stdout", .deny),
            ("allow: [copy out, select]", "copy (select * from public.t) to stdout", .allow),
            ("allow: [copy out, select]", "copy (delete from t returning 1) to stdout", .deny),
        ]
    )
    func decisions(rule: String, statements: String, expected: Effect) throws {
        #expect(try decide([try databaseProfile(rule)], statements).effect == expected)
    }

    @Test(
        "What the rules bind a session to, no statement changes, whatever is allowed",
        arguments: [
            ("search_path: [public]", "set search_path = x"),
            ("search_path: [public]", "set local SEARCH_PATH = x"),
            ("search_path: [public]", "set schema 'x'"),
            ("search_path: [public]", "select set_config('search_path', 'x', false)"),
            ("search_path: [public]", "select set_config('search' || '_path', 'x', false)"),
            ("search_path: [public]", "reset search_path"),
            ("statement_timeout: 1s", "set statement_timeout = 0"),
            ("read_only: true", "set transaction read write"), ("read_only: true", "begin read write"),
            ("read_only: true", "set default_transaction_read_only = off"),
            ("read_only: true", "set session characteristics as transaction read write"),
            ("role: reader", "set role admin"), ("role: reader", "reset role"),
            ("role: reader", "set session authorization x"),
            ("role: reader", "discard all"), ("role: reader", "select set_config('role', 'x', false)"),
        ]
    )
    func pins(rule: String, statement: String) throws {
        let everything = "allow: [\"*\", \"* calling *\", set role]"
        let outcome = try decide([try databaseProfile("\(everything), \(rule)")], statement)
        #expect(outcome.effect == .deny)
        #expect(outcome.denial?.message.contains("hold it fast") == true)
        // Without it the same is allowed.
        #expect(try decide([try databaseProfile(everything)], statement).effect == .allow)
        // What is no matter of it is allowed with it.
        #expect(
            try decide([try databaseProfile("\(everything), \(rule)")], "set application_name = 'x'; begin")
                .effect
                == .allow
        )
    }

    @Test("A session is bound to what all rules of all levels for that database say, and they have to agree")
    func bindings() throws {
        let parent = try databaseProfile(
            "allow: [select], search_path: [public], statement_timeout: 1m, sslmode: require",
            named: "a"
        )
        let child = try databaseProfile(
            "allow: [select], statement_timeout: 2m, read_only: true, role: reader",
            named: "b"
        )
        let session = try #require(try decide([parent, child], "").obligations?.session)
        #expect(
            session
                == DatabaseSession(
                    role: ByteText("reader"),
                    searchPath: [ByteText("public")],
                    statementTimeout: 60_000,
                    isReadOnly: true,
                    sslMode: .verifyFull
                )
        )
        // The same for a statement.
        #expect(try decide([parent, child], "select 1").obligations?.session == session)
        let other = try databaseProfile("allow: [select], search_path: [other]", named: "c")
        let denial = try #require(try decide([parent, other], "").denial)
        #expect(denial.message.contains("different values of search_path"))
    }

    @Test("A name without a schema is read in the path that any level pins")
    func effectivePath() throws {
        let parent = try databaseProfile("allow: [\"select on public.*\"]", named: "a")
        let child = try databaseProfile("allow: [\"select on public.*\"], search_path: [public]", named: "b")
        #expect(try decide([parent], "select from t").effect == .deny)
        #expect(try decide([parent, child], "select from t").effect == .allow)
    }

    @Test("Every level has to allow it, and the refusal names the one deed that one does not")
    func lineages() throws {
        let parent = try databaseProfile("allow: [select, \"insert on ci.*\"]", named: "a")
        let child = try databaseProfile("allow: [select, insert]", named: "b")
        #expect(try decide([parent, child], "insert into ci.t values (1)").effect == .allow)
        let outcome = try decide([parent, child], "select * from x; insert into s.t values ('sk-secret')")
        #expect(outcome.effect == .deny)
        let message = try #require(outcome.denial?.message)
        #expect(
            message
                == "insert on s.t at postgres://db.test/app is not allowed: no rule of ancestor \"a\" (profile \"a\") allows it"
        )
        #expect(!"\(outcome)".contains("sk-secret"))
        let unqualified = try #require(try decide([parent], "insert into t values (1)").denial)
        #expect(
            unqualified.message.hasSuffix(
                "allows it; named without a schema it may lie in any, unless rules pin search_path"
            )
        )
    }

    @Test("A rule is for the databases that it names, and for no other")
    func databases() throws {
        let profile = try databaseProfile("allow: [select]", to: "postgres://db.test/app_*")
        #expect(try decide([profile], "select 1", at: "app_one").effect == .allow)
        #expect(try decide([profile], "select 1", at: "app").effect == .deny)
        #expect(try decide([profile], "", at: "app").effect == .deny)
        let text =
            "bailey: 1\negress:\n  - {to: \"postgres://db.test/a\", allow: [select], credential: x}\n"
            + "  - {to: \"postgres://db.test/*\", allow: [insert], mask: [email, column ssn]}\n"
        let both = try load(text)
        #expect(try decide([both], "select 1", at: "a").obligations?.credential == "x")
        #expect(try decide([both], "insert into t values (1)", at: "a").obligations?.credential == "x")
        #expect(try decide([both], "insert into t values (1)", at: "b").obligations?.credential == nil)
        #expect(try decide([both], "select 1", at: "b").effect == .deny)
        let obligations = try #require(try decide([both], "insert into t values (1)", at: "a").obligations)
        #expect(obligations.masks == [.email])
        #expect(obligations.columns == [ColumnPattern(column: ByteText("ssn"))])
    }

    @Test("Replication and a call by number take their own words")
    func protocolWords() throws {
        let endpoint = Endpoint(scheme: .postgres, host: .name(try #require(DNSName("db.test"))), port: 5432)
        for kind in [SQLKind.replication, .functionCall] {
            let sql = SQLRequest(database: ByteText("app"), deeds: [SQLDeed(kind)])
            let request = Request(endpoint: endpoint, action: .sql(sql))
            #expect(
                try decide([try databaseProfile("allow: [\"*\", \"* calling *\"]")], request).effect == .deny
            )
            #expect(try decide([try databaseProfile("allow: [\(kind.rawValue)]")], request).effect == .allow)
        }
    }
}

@Suite
struct DatabaseTextTests {
    @Test(
        "What a rule for a database may not say, and where",
        arguments: [
            (
                "to: \"postgres://a.test\"",
                "9: the database is missing; it is written as in postgres://db.example.com/app; did you mean \"postgres://a.test/*\"?"
            ),
            (
                "to: \"postgres://a.test/\"",
                "27: a database's name has 1 to 63 octets; * stands for every database; did you mean \"*\"?"
            ),
            ("to: \"postgres://a.test/a?b\"", "27: \"a?b\" is not a database's name or a glob over one"),
            ("to: \"https://a.test\", role: x", "26: role works on postgres only, not https"),
            ("to: \"https://a.test\", sslmode: require", "26: sslmode works on postgres only, not https"),
            ("to: \"https://a.test\", mask: [column a.b]", nil),
            (
                "to: \"postgres://a.test/b\", sslmode: prefer",
                "40: sslmode: unknown word \"prefer\"; it may be disable, require, verify-ca, verify-full"
            ),
            ("to: \"postgres://a.test/b\", statement_timeout: 5", nil),
            ("to: \"postgres://a.test/b\", statement_timeout: 2000h", nil),
            ("to: \"postgres://a.test/b\", read_only: yes", nil),
            ("to: \"postgres://a.test/b\", search_path: []", nil),
            ("to: \"postgres://a.test/b\", search_path: [\"a.b\"]", nil),
            ("to: \"postgres://a.test/b\", role: \"*\"", nil),
            ("to: \"postgres://a.test/b\", send: [token]", nil),
            ("to: \"postgres://a.test/b\", mask: [column a.b.c.d]", nil),
            ("to: \"postgres://a.test/b\", mask: [column]", nil),
            ("to: \"postgres://a.test/b\", mask: [\"column *\"]", nil),
            ("to: \"postgres://10.0.0.0/33/b\"", nil), ("to: \"postgres://u@a.test/b\"", nil),
        ]
    )
    func mistakes(rule: String, expected: String?) {
        let found = problems("bailey: 1\negress:\n- {\(rule)}")
        #expect(found.count == 1)
        if let expected { #expect(found == ["test.yaml:3:\(expected)"]) }
    }

    @Test(
        "What is no action word, and why",
        arguments: [
            ("selekt", "unknown action \"selekt\""), ("SELECT", "unknown action"),
            ("select from t", "is not an action"),
            ("select on t", "is not SCHEMA.NAME; * stands for every schema; did you mean \"*.t\"?"),
            ("select on a.b.c", "is not SCHEMA.NAME"), ("select on \"\"", "is not SCHEMA.NAME"),
            ("select on", "is not an action"),
            ("select  on a.b", "is not an action"), ("select on a.b ", "is not an action"),
            ("select on a.b on c.d", "is not an action"), ("select on .b", "not a name or a glob"),
            ("select calling a.b.c", "not a name or a glob"), ("select calling f()", "not a name or a glob"),
            ("insert with where", "stands behind select, update and delete only"),
            ("* without where", "stands behind select, update and delete only"),
            ("do on a.b", "nothing that \"on\" could name"), ("begin", "unknown action"),
            ("set on \"x\"", "not a name or a glob"), ("copy", "unknown action"), ("", "unknown action"),
        ]
    )
    func words(word: String, expected: String) throws {
        let text = word.replacing("\"", with: "\\\"")
        let found = problems("bailey: 1\negress:\n- {to: \"postgres://a.test/b\", allow: [\"\(text)\"]}")
        #expect(found.count == 1 && found[0].contains(expected), "\(found)")
    }

    @Test("Whatever the words say is kept: shown, in the digest, and of other rules told apart")
    func digests() throws {
        let rules = [
            "allow: [select]", "allow: [\"select on a.b\"]", "allow: [select], role: x",
            "allow: [select], read_only: true",
            "allow: [select], search_path: [a]", "allow: [select], search_path: [a, b]",
            "allow: [select], sslmode: require",
            "allow: [select], statement_timeout: 1s", "allow: [select], mask: [column a.b]",
            "allow: [select], mask: [column b]",
        ]
        var digests = Set(try rules.map { try databaseProfile($0).digest })
        digests.insert(try databaseProfile("allow: [select]", to: "postgres://db.test/*").digest)
        #expect(digests.count == rules.count + 1)
    }

    @Test("A request is an endpoint with a database, and statements")
    func requests() throws {
        let request = try RequestText.parseWhole("postgres://[::1]:5433/app delete from t where a = 'sk-1'").0
        #expect(request.description == "delete on t with where at postgres://[::1]:5433/app")
        #expect(
            try RequestText.parseWhole("postgres://a.test/b").0.description
                == "connect at postgres://a.test/b"
        )
        for text in [
            "postgres://a.test select 1", "postgres://*.a.test/b select 1", "postgres://a.test/* select 1",
            "postgres://a.test/b selec 1",
        ] {
            #expect(throws: TextProblem.self) { try RequestText.parseWhole(text) }
        }
    }
}
