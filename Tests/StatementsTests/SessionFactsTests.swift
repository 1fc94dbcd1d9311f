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
            ("delete from t", ""), ("truncate t", ""), ("copy t from stdin", "copies"),
            ("merge into t using u on true when matched then delete", ""),
            ("copy (delete from t returning a) to stdout", "copies"),
            ("with w as (delete from t returning a) table w", ""), ("select 1 into t", "changes"),
            ("copy t to '/x'", "changes"), ("copy t to program 'x'", "changes"), ("fetch c", "changes"),
            ("create table t ()", ""), ("drop table t", ""), ("vacuum t", "changes"),
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

    @Test(
        "What makes, drops or describes an object and carries nothing out leaves the settings as they are",
        arguments: [
            "create table t (x text)",
            "create temp table if not exists t (a int primary key, b text not null) on commit drop",
            "create table s.t (a serial, b int default 1 + 2, c timestamptz default now(), d text default 'é')",
            "create table t (a int generated always as identity, b int references u (a) deferrable)",
            "create table t (a int check (a > 0), unique (a) include (b), foreign key (b) references u)",
            "create table t (a uuid default gen_random_uuid()) using heap with (fillfactor = 70)",
            "create view v as select a, lower(b) from t where a = 1",
            "create or replace view v (a) with (security_barrier) as values (1) with check option",
            "create sequence q start 7 owned by t.a", "comment on column t.a is 'é'",
            "comment on table t is null",
            "create index on t (a, b desc nulls last)", "create unique index i on t using hash (a)",
            "create index if not exists i on only t (a collate \"C\") include (b) with (fillfactor = 70)",
            "drop view if exists v cascade", "drop index i", "drop sequence q", "drop schema s",
            "drop function f(int)", "drop type e", "drop trigger x on t", "drop policy p on t",
            "truncate t, u restart identity cascade", "copy t (a, b) from stdin (format csv)",
            "grant select (a), insert on t to joe", "revoke all on all tables in schema s from joe",
            "grant usage on schema s to public", "grant execute on function f(int) to joe",
        ]
    )
    func idle(_ text: String) throws { #expect(try !changesSettings(text)) }

    @Test(
        "Anything else may change them: what has a function in it that is not known, too",
        arguments: [
            "create table t (a int default f())", "create table t (a int default nextval('q'))",
            "create table t (a int check (f(a)))", "create table t (a int, check (s.lower(b) = 'a'))",
            "create table t (a text default set_config('client_encoding', 'SJIS', false))",
            "create table t as select 1", "create table t as execute p", "create table t (like u)",
            "create table t () inherits (u)", "create table t of c",
            "create table t partition of u for values in (1)",
            "create table t (a int) partition by range (a)",
            "create table t (a int, b int generated always as (a + 1) stored)",
            "create table t (a int, exclude using gist (a with =))",
            "create table t (a text options (b 'c'))",
            "create foreign table t (a int) server s", "create materialized view v as select 1",
            "create view v as select f()", "create view v as select set_config('a', 'b', false)",
            "create index on t (lower(a))", "create index on t ((a || b))", "create index on t (f(a))",
            "create index on t (a) where a > 0", "create index on t (a text_pattern_ops)",
            "create index on t using gist (a o (siglen = 8))", "create index concurrently on t (a)",
            "drop index concurrently i", "drop extension x", "drop server s cascade", "drop owned by joe",
            "drop role joe", "drop database d", "drop event trigger e",
            "grant set on parameter client_encoding to joe", "grant admin to joe",
            "alter default privileges grant select on tables to joe", "reassign owned by a to b",
            "alter table t add column a int", "alter table t rename to u", "alter sequence q restart",
            "alter view v owner to joe", "alter function f() set client_encoding = 'SJIS'",
            "create schema s", "create schema s create table t (a int)", "create extension x",
            "create type e as enum ('a')", "create domain d as text check (value <> '')",
            "create function f() returns int language sql as 'select 1'",
            "create rule r as on insert to t do also notify c",
            "create trigger x before insert on t for each row execute function g()",
            "create statistics s on a, b from t", "create policy p on t", "create role joe",
            "copy t from stdin where a > 0", "copy t from '/x'", "copy t from program 'x'",
            "refresh materialized view v", "reindex table t", "cluster t", "analyze t",
            "import foreign schema a from server b into c",
            "security label on table t is 'x'", "checkpoint", "alter system set a = 'b'",
        ]
    )
    func busy(_ text: String) throws { #expect(try changesSettings(text)) }

    private func changesSettings(_ text: String) throws -> Bool {
        try #require(try StatementReader.read(Array(text.utf8)).get().first).changesSettings
    }
}
