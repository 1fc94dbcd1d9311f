import Model
import Policy
import PolicySupport
import Profiles
import TestSupport
import Testing

@Suite
struct DatabaseExcessTests {
    @Test(
        "A child's rules for a database are within its parent's, or wider",
        arguments: [
            ("allow: [select]", "allow: [select]", true),
            ("allow: [select]", "allow: [\"select on a.b\"]", true),
            ("allow: [\"select on a.b\"]", "allow: [select]", false),
            ("allow: [\"select on a.*\"]", "allow: [\"select on a.b*\"]", true),
            ("allow: [\"select on a.b*\"]", "allow: [\"select on a.*\"]", false),
            ("allow: [\"select on *.b\"]", "allow: [\"select on a.b\"]", true),
            ("allow: [\"select on a.b\"]", "allow: [\"select on *.b\"]", false),
            ("allow: [\"*\"]", "allow: [select, insert]", true),
            ("allow: [\"*\"]", "allow: [\"select on a.b\"]", true),
            ("allow: [\"*\"]", "allow: [\"*\"]", true), ("allow: [select, insert]", "allow: [\"*\"]", false),
            ("allow: [\"*\"]", "allow: [set role]", false),
            ("allow: [\"*\"]", "allow: [copy program]", false),
            ("allow: [\"*\", set role]", "allow: [set role]", true),
            ("allow: [\"*\"]", "allow: [\"select calling f\"]", false),
            ("allow: [select]", "allow: [\"select calling f\"]", false),
            ("allow: [\"* calling *\"]", "allow: [\"select calling a.f\"]", true),
            ("allow: [\"select calling a.*\"]", "allow: [\"select calling a.f\"]", true),
            ("allow: [\"select calling a.*\"]", "allow: [\"select calling f\"]", false),
            ("allow: [\"select calling f\"]", "allow: [\"select calling a.f\"]", true),
            ("allow: [\"select calling f\"]", "allow: [\"select on a.b\"]", false),
            ("allow: [delete]", "allow: [\"delete with where\"]", true),
            ("allow: [\"delete with where\"]", "allow: [delete]", false),
            ("allow: [\"delete with where\"]", "allow: [\"delete without where\"]", false),
            ("allow: [\"delete on a.* with where\"]", "allow: [\"delete on a.b with where\"]", true),
            ("ask: [select]", "ask: [select]", true), ("ask: [select]", "allow: [select]", true),
            ("allow: [select]", "allow: [select], role: x", true),
            ("allow: [select], role: x", "allow: [select]", false),
            ("allow: [select], role: x", "allow: [select], role: y", false),
            ("allow: [select], read_only: true", "allow: [select]", false),
            ("allow: [select]", "allow: [select], read_only: true", true),
            ("allow: [select], search_path: [a]", "allow: [select]", false),
            ("allow: [select], search_path: [a]", "allow: [select], search_path: [a, b]", false),
            ("allow: [select], search_path: [a]", "allow: [select], search_path: [a]", true),
            ("allow: [select], statement_timeout: 2s", "allow: [select], statement_timeout: 1s", true),
            ("allow: [select], statement_timeout: 1s", "allow: [select], statement_timeout: 2s", false),
            ("allow: [select], statement_timeout: 1s", "allow: [select]", false),
            ("allow: [select]", "allow: [select], sslmode: require", false),
            ("allow: [select], sslmode: require", "allow: [select]", true),
            ("allow: [select], sslmode: verify-ca", "allow: [select], sslmode: disable", false),
            ("allow: [select], credential: x", "allow: [select], credential: x", true),
            ("allow: [select]", "allow: [select], credential: x", false),
            ("allow: [select], credential: x", "allow: [select]", true),
        ]
    )
    func covers(parent: String, child: String, isWithin: Bool) throws {
        let excess = excess(
            of: try databaseProfile(child, named: "child"),
            over: try databaseProfile(parent, named: "parent")
        )
        #expect(excess.isEmpty == isWithin, "\(excess)")
    }

    @Test("A rule stands for the databases that its glob does, and for no other scheme or host")
    func databases() throws {
        func isWithin(_ child: String, _ parent: String) throws -> Bool {
            excess(
                of: try databaseProfile("allow: [select]", to: child, named: "child"),
                over: try databaseProfile("allow: [select]", to: parent, named: "parent")
            ).isEmpty
        }
        #expect(try isWithin("postgres://db.test/app", "postgres://db.test/app"))
        #expect(try isWithin("postgres://db.test/app", "postgres://db.test/*"))
        #expect(try isWithin("postgres://db.test/app_a*", "postgres://db.test/app_*"))
        #expect(try !isWithin("postgres://db.test/*", "postgres://db.test/app"))
        #expect(try !isWithin("postgres://db.test/app", "postgres://other.test/app"))
        #expect(try !isWithin("postgres://db.test:5433/app", "postgres://db.test/app"))
        #expect(try isWithin("postgres://db.test/app", "postgres://*.test/app"))
    }

    private static let words = [
        "*", "select", "insert", "update", "delete", "select on a.*", "select on *.t", "select on a.t",
        "delete with where",
        "delete on a.* with where", "update without where", "* calling *", "select calling f",
        "select calling a.*",
        "* on a.*", "set role", "set", "set on search_path", "copy program", "drop", "ddl on a.*",
        "copy out on a.t",
        "explain", "lock", "truncate", "* on *.t", "select with where",
    ]
    private static let keys = [
        "", "", "", ", search_path: [a]", ", search_path: [a, b]", ", role: r", ", read_only: true",
        ", statement_timeout: 1s", ", statement_timeout: 2s", ", sslmode: require", ", credential: x",
    ]
    private static let statements = [
        "select from t", "select from a.t", "select from b.t where x = 1", "select f()", "select a.f()",
        "select a.f() from a.t",
        "insert into t values (1)", "insert into a.t values (f())", "update t set x = 1",
        "update a.t set x = 1 where x = 2",
        "delete from a.t", "delete from t where x = 1", "delete from a.u where x = f()", "set role x",
        "set search_path = b",
        "set a.b = c", "copy a.t to program 'x'", "copy a.t to stdout", "drop table a.t",
        "create table a.t (x int)",
        "select from a.t for update", "explain select from a.t", "explain analyze delete from a.t",
        "truncate a.t", "select 1",
        "", "select 1; delete from t", "set transaction read write", "call a.f()", "do 'x'",
    ]

    private static func profile(_ random: inout SplitMix, _ name: String) throws -> Profile {
        let rules = (0..<Int.random(in: 1...2, using: &random)).map { _ in
            let actions = [("allow", 0...4), ("ask", 0...1), ("deny", 0...1)].map { key, count in
                let chosen = (0..<Int.random(in: count, using: &random)).map { _ in
                    "\"\(Self.words.randomElement(using: &random) ?? "")\""
                }
                return "\(key): [\(chosen.joined(separator: ", "))]"
            }
            let to = ["app", "app", "app", "*", "a*", "other"].randomElement(using: &random) ?? ""
            let key = Self.keys.randomElement(using: &random) ?? ""
            return "  - {to: \"postgres://db.test/\(to)\", \(actions.joined(separator: ", "))\(key)}\n"
        }
        return try load("bailey: 1\nname: \(name)\negress:\n" + rules.joined(), named: "\(name).yaml")
    }

    @Test(
        "G02: where a child's rules are no wider, whatever statement it may do its parent may",
        arguments: 0..<4
    )
    func noWiderMeansNoMore(seed: Int) throws {
        var random = SplitMix(UInt64(seed))
        let requests = try Self.statements.map {
            try RequestText.parseWhole("postgres://db.test/app \($0)").0
        }
        var (within, permitted) = (0, 0)
        for _ in 0..<3_000 {
            let parent = try Self.profile(&random, "parent").reach
            let child = try Self.profile(&random, "child")
            guard excess(of: child, over: parent).isEmpty else { continue }
            within += child.egress.contains { !$0.allow.isEmpty } ? 1 : 0
            for request in try requests.filter({ try decide([child], $0).effect == .allow }) {
                let both = try decide([parent, child], request)
                // Rules of the parent's for other databases as well may bind sessions otherwise: then there is none.
                if both.denial?.message.contains("name different values") == true { continue }
                if both.denial?.message.contains("hold it fast") == true { continue }
                permitted += 1
                #expect(both.effect == .allow, "\(request): \(both), \(child.egress) over \(parent.egress)")
            }
        }
        // The property says nothing about profiles that are never within each other.
        #expect(within > 20 && permitted > 100, "\(within) \(permitted)")
    }
}
