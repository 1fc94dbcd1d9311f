import Model
import Policy
import Profiles
import TestSupport
import Testing

/// What rules say to statements that change rows, beyond what they name.
@Suite
struct ChangeRuleTests {
    @Test(
        "The view of settings is one more way to change them: what rules pin stays, and the rest takes `set`",
        arguments: [
            "update pg_settings set setting = '0' where name = 'statement_timeout'",
            "update pg_catalog.pg_settings set setting = 'x' where name = 'search_path'",
            "explain analyze update pg_settings set setting = '0'",
            "with x as (update pg_settings set setting = '0' returning 1) select * from x",
            "prepare p as update pg_settings set setting = $1 where name = $2",
            "create view v as table pg_settings",
        ]
    )
    func settings(statement: String) throws {
        let everything = "allow: [\"*\", \"* calling *\"]"
        for pin in ["search_path: [public]", "statement_timeout: 1s", "read_only: true", "role: reader"] {
            let outcome = try decide([try databaseProfile("\(everything), \(pin)")], statement)
            #expect(outcome.effect == .deny)
            #expect(outcome.denial?.message.contains("hold it fast") == true)
        }
        #expect(try decide([try databaseProfile(everything)], statement).effect == .allow)
        let most = "allow: [select, update, explain, prepare, ddl"
        #expect(try decide([try databaseProfile("\(most)]")], statement).effect == .deny)
        #expect(
            try decide([try databaseProfile("\(most), \"set on statement_timeout\"]")], statement).effect
                == .deny
        )
        #expect(try decide([try databaseProfile("\(most), set]")], statement).effect == .allow)
    }

    @Test("MERGE changes rows with `where` only where its join or the clause's own condition names a column")
    func merges() throws {
        let merge = "merge into t using (values (1)) s(a) on"
        let rows: [(text: String, isWith: Bool)] = [
            ("\(merge) true when matched then delete", false),
            ("\(merge) true when matched and 1 = 1 then update set a = s.a", false),
            ("\(merge) true when matched and t.a = 1 then delete when matched then update set a = 1", false),
            ("\(merge) true when matched and t.a = 1 then delete", true),
            ("\(merge) t.a = s.a when matched then delete", true),
            ("\(merge) t.a = s.a when matched and true then update set a = 1", true),
        ]
        let with = try databaseProfile("allow: [merge, \"delete with where\", \"update with where\"]")
        let without = try databaseProfile(
            "allow: [merge, delete, update], deny: [\"delete without where\", \"update without where\"]"
        )
        for row in rows {
            #expect(try decide([with], row.text).effect == (row.isWith ? .allow : .deny), "\(row.text)")
            #expect(try decide([without], row.text).effect == (row.isWith ? .allow : .deny), "\(row.text)")
        }
    }

    private static let ssn = ColumnPattern(table: ByteText("users"), column: ByteText("ssn"))

    /// One rule reads and masks, the other one does all the rest.
    private static let two = """
        bailey: 1
        egress:
          - {to: "postgres://db.test/app", allow: ["select on public.*"], mask: [column users.ssn], search_path: [public]}
          - {to: "postgres://db.test/app", allow: [insert, update, delete, merge, copy in, copy out, ddl, grant, explain, do,
             call, maintain, foreign, prepare, transaction, "select on other.*", "select calling app.*"]}

        """

    @Test(
        "What may read more than it names is masked by every rule for the database, whichever allows it",
        arguments: [
            "update users set note = ssn where id = 2", "delete from users where ssn > '5'",
            "insert into users values (1) on conflict (id) do update set note = users.ssn",
            "insert into users values (1)", "copy users from stdin",
            "merge into users u using (values (1)) s (a) on u.id = s.a when matched then update set note = ssn",
            "explain update users set note = ssn", "prepare p as update users set note = ssn",
            "create index on users (ssn)", "alter table users add check (ssn > '5')",
            "create policy p on users using (ssn > '5')", "cluster users using users_ssn",
            "create publication p for table users", "do 'begin end'", "call p()", "select app.f()",
            "begin; update other.people set note = ''",
        ]
    )
    func allMasks(statement: String) throws {
        let both = try decide([try load(Self.two)], statement)
        #expect(both.effect == .allow && both.obligations?.columns == [Self.ssn], "\(both)")
        // So is what a child does by rules without masks.
        let child = try load(Self.two.replacing(", mask: [column users.ssn]", with: ""))
        #expect(try decide([child], statement).obligations?.columns == [])
        #expect(try decide([try load(Self.two), child], statement).obligations?.columns == [Self.ssn])
    }

    @Test(
        "What names all that it reads is masked by the rules for that",
        arguments: [
            "select * from other.people", "copy other.people to stdout", "prepare p as table other.people",
            "begin", "select from other.people where id = 1; commit",
        ]
    )
    func ownMasks(statement: String) throws {
        let outcome = try decide([try load(Self.two)], statement)
        #expect(outcome.effect == .allow && outcome.obligations?.columns == [], "\(outcome)")
        let more = try decide([try load(Self.two)], "\(statement); table users")
        #expect(more.effect == .allow && more.obligations?.columns == [Self.ssn], "\(more)")
    }
}
