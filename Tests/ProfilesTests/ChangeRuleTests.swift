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
}
