import Model
import Statements
import Testing

@Suite
struct SessionFactsTests {
    @Test(
        "What a session has to know of a statement besides",
        arguments: [
            ("select * from t", ""), ("select now()", ""), ("values (1)", ""), ("table t", ""), ("begin", ""),
            ("savepoint a", ""), ("release a", ""), ("copy t to stdout", "copies"),
            ("copy (select 1) to stdout", "copies"), ("prepare p as select 1", "leaves"),
            ("declare c cursor for select 1", "leaves"), ("close c", ""), ("deallocate p", ""),
            ("show a", ""), ("lock t", ""), ("select * from t for update", ""), ("listen c", ""),
            ("set transaction isolation level serializable", ""), ("start transaction read only", ""),
            ("declare c cursor for select f()", "leaves changes"), ("set a.b = c", "changes"),
            ("reset all", "changes"), ("reset a", "changes"), ("discard all", "changes"),
            ("commit", "changes"),
            ("rollback", "changes"), ("rollback to a", "changes"), ("prepare transaction 'x'", "changes"),
            ("select f()", "changes"), ("do 'x'", "changes"), ("call p()", "changes"),
            ("execute p", "changes"),
            ("select set_config('a', 'b', false)", "changes"), ("begin read write", "changes"),
            ("insert into t values (f())", "changes"), ("explain analyze select f()", "changes"),
            ("update pg_catalog.pg_settings set setting = 'off' where name = 'x'", "changes"),
            // What triggers and rules call is not seen; a cursor may call what it was declared with.
            ("insert into t values (1)", ""), ("update t set a = 1", ""),
            ("delete from t", ""), ("truncate t", "changes"), ("copy t from stdin", "copies changes"),
            ("merge into t using u on true when matched then delete", ""),
            ("copy (delete from t returning a) to stdout", "copies"),
            ("with w as (delete from t returning a) table w", ""), ("select 1 into t", "changes"),
            ("copy t to '/x'", "changes"), ("copy t to program 'x'", "changes"), ("fetch c", "changes"),
            ("create table t ()", "changes"), ("drop table t", "changes"), ("vacuum t", "changes"),
            ("refresh materialized view v", "changes"), ("explain execute p", "changes"),
            ("set constraints all immediate", "changes"), ("load 'x'", "changes"), ("set role a", "changes"),
        ]
    )
    func sessionFacts(_ text: String, expected: String) throws {
        let facts = try #require(try StatementReader.read(Array(text.utf8)).get().first)
        let words = [
            (facts.copies, "copies"), (facts.leavesBehind, "leaves"), (facts.changesSettings, "changes"),
        ]
        #expect(words.filter(\.0).map(\.1).joined(separator: " ") == expected)
    }
}
