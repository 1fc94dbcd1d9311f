let otherStatements: [(text: String, deeds: String)] = [
    ("do $$ begin drop table x; end $$", "do"),
    (
        "create rule r as on insert to s.t do also (update a set b = 1; select pg_sleep(1))",
        "ddl on s.t, select calling pg_sleep, update on a without where"
    ),
    (
        "create function s.f() returns int language sql begin atomic delete from t; select a from u; end",
        "ddl on s.f, delete on t without where, select on u"
    ),
    ("select 'a'; drop table x; --", "select | drop on x"),
    ("select 1; select 2", "select | select"),
    (";;", ""),
    ("-- only a comment", ""),
    ("selec 1", "fault: PostgreSQL's parser does not take it: syntax error"),
    ("select 1 from", "fault: PostgreSQL's parser does not take it: syntax error at end of input"),
    ("START_REPLICATION SLOT x LOGICAL 0/0", "fault: PostgreSQL's parser does not take it: syntax error"),
    ("select U&\"pg\\005fsleep\"(1)", "select, select calling pg_sleep"),
    ("select pg_/**/sleep(1)", "fault: PostgreSQL's parser does not take it: syntax error"),
    ("delete /* x */ from/**/\"public\" . \"t\" where/**/id=1", "delete on public.t with where"),
    ("select $$ drop table x $$, $a$ ; delete from t $a$, e'\\'; delete from t; --'", "select"),
    (
        "select * from (delete from t returning *) x",
        "fault: PostgreSQL's parser does not take it: syntax error"
    ),
]
