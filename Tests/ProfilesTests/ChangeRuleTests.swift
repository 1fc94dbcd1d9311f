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
        let most = "allow: [select, update, explain, prepare"
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
}
