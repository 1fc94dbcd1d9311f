import Model
import Statements
import Testing

/// What of a text stands for itself, and is hidden where it must not be shown.
struct LiteralTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        /// Without its strings and comments, and without its numbers as well.
        let strings: String
        let all: String
        var standard = true

        var testDescription: String { text }
    }

    private static func row(
        _ text: String,
        _ strings: String,
        _ all: String? = nil,
        standard: Bool = true
    ) -> Row {
        Row(text: text, strings: strings, all: all ?? strings, standard: standard)
    }

    static let rows = [
        row("select 1", "select 1", "select ***"),
        row("select 'a', 1.5e3, .5, $1", "select '***', 1.5e3, .5, $1", "select '***', ***, ***, $1"),
        row("alter role a password 'it''s'", "alter role a password '***'"),
        row(
            "alter role a password E'a\\'b' valid until 'x'",
            "alter role a password '***' valid until '***'"
        ),
        row("alter role a password $q$it's$q$ login", "alter role a password '***' login"),
        row("alter role a password $$x$$", "alter role a password '***'"),
        row("select b'01', x'ff'", "select '***', '***'"),
        row("select 'a' /* 'b' /* c */ d */ -- e\n, 'f'", "select '***' /* *** */ /* *** */\n, '***'"),
        row("select \"it's\", 'ü' as \"é\"", "select \"it's\", '***' as \"é\""),
        row("select 'ü', 'b'", "select '***', '***'"),
        row("select 'a'\n  'b'", "select '***'"),
        row("select 'a\\', 'b'", "select '***', '***'"),
        row("select 'a\\', b'", "select '***'", standard: false),
        row("", ""),
    ]

    @Test("Literals and comments are found by the parser's own scanner", arguments: rows)
    func hidden(_ row: Row) throws {
        let session = SessionSyntax(hasStandardStrings: row.standard)
        for (alsoNumbers, expected) in [(false, row.strings), (true, row.all)] {
            let shown = StatementLiterals.hidden(
                in: Array(row.text.utf8),
                session: session,
                alsoNumbers: alsoNumbers
            )
            #expect(shown.map { String(decoding: $0, as: UTF8.self) } == expected)
        }
    }

    @Test(
        "Where they cannot be told, nothing is",
        arguments: [
            "select 'a", "select $q$a", "select /* a", "alter role a password U&'\\0061'", "select \0 'a'",
            "select 'é' \u{ff}\u{0}",
        ]
    )
    func unread(_ text: String) {
        #expect(
            StatementLiterals.hidden(in: Array(text.utf8), session: SessionSyntax(), alsoNumbers: false)
                == nil
        )
    }

    @Test("With a backslash while standard_conforming_strings may be changing they cannot be told")
    func unsettled() {
        let session = SessionSyntax(hasStandardStrings: nil)
        #expect(
            StatementLiterals.hidden(in: Array("select '\\'".utf8), session: session, alsoNumbers: false)
                == nil
        )
        #expect(
            StatementLiterals.hidden(in: Array("select 'a'".utf8), session: session, alsoNumbers: false)
                != nil
        )
    }

    @Test(
        "Statements that hold secrets are known as such",
        arguments: [
            ("alter role a password 'x'", true), ("create role a login password 'x'", true),
            ("create user a encrypted password 'x'", true), ("alter user a set x.y = 'z'", true),
            ("create user mapping for a server s options (user 'b', password 'x')", true),
            ("alter user mapping for a server s options (set password 'x')", true),
            ("create server s foreign data wrapper w options (host 'h')", true),
            ("alter server s options (set token 'x')", true),
            ("create foreign data wrapper w options (token 'x')", true),
            ("alter foreign data wrapper w options (add token 'x')", true),
            ("create foreign table t (a int) server s options (token 'x')", true),
            ("create foreign table t (a int options (token 'x')) server s", true),
            ("alter foreign table t options (set token 'x')", true),
            ("alter table t options (add token 'x')", true),
            ("alter foreign table t alter column a options (add token 'x')", true),
            ("alter foreign table t drop column b, add column a int options (token 'x')", true),
            ("import foreign schema a from server s into b options (token 'x')", true),
            ("create table t (a int, b text options (token 'x'))", true),
            ("create schema s create view v as select 1 create table t (a int options (token 'x'))", true),
            ("alter foreign table t add column a text default 'b'", false),
            ("alter table t alter column a set default 'b'", false),
            ("create schema s create table t (a text default 'b')", false),
            ("create subscription s connection 'host=h password=x' publication p", true),
            ("alter subscription s connection 'host=h'", true),
            ("alter system set primary_conninfo = 'host=h'", true),
            ("select dblink_connect('c', 'host=h')", true),
            ("select * from x.dblink('host=h', 'select 1') as t(a int)", true),
            ("select crypt($1, gen_salt('bf'))", true), ("select PGP_SYM_ENCRYPT('a', 'k')", true),
            ("prepare p as select dblink_exec('host=h', 'x')", true),
            ("select 1; alter role a password 'x'", true),
            ("select 'a'", false), ("insert into t values ('a')", false), ("create table a (b int)", false),
            ("drop role a", false), ("set search_path = 'a'", false),
        ]
    )
    func secrets(text: String, expected: Bool) throws {
        let facts = try StatementReader.read(Array(text.utf8)).get()
        #expect(facts.contains(where: \.holdsSecrets) == expected)
    }

    @Test(
        "Words that say that something is a secret are seen in any case, wherever they stand",
        arguments: [
            ("update users set PassWord = 'x'", true), ("do $$ alter role a passwd 'x' $$", true),
            ("select 'client_secret=x'", true), ("select passw", false), ("select 'pas' 'sword'", false),
            ("secret", true), ("secre", false), ("", false),
        ]
    )
    func words(text: String, expected: Bool) {
        #expect(StatementLiterals.namesSecret(Array(text.utf8)) == expected)
    }
}
