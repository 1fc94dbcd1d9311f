// Statements and what they do, in the words of `Deeds`, sorted: `~` stands before a function that only computes, `?` behind what is
// done to something without a name here, `where` behind a select that has one; `|` parts statements.

let rowStatements: [(text: String, deeds: String)] = [
    (
        "select from (select from a where x in (select 1 from b)) q, c where exists (select from d) for share",
        "lock on a, lock on c, select on a where, select on b, select on c, select on d"
    ),
    ("select 1", "select"),
    ("select * from t", "select on t"),
    ("select * from public.t where id = 1", "select on public.t where"),
    ("select * from t where true", "select on t"),
    ("SELECT * FROM \"T\".\"x y\" AS q", "select on T.\"x y\""),
    (
        "select lower(a), pg_sleep(1), app.f(b), pg_catalog.upper(c), evil.lower(d) from t",
        "select calling app.f, select calling evil.lower, select calling pg_sleep, select on t, select ~lower, select ~pg_catalog.upper"
    ),
    ("table t", "select on t"),
    ("values (1), (pg_sleep(2))", "select, select calling pg_sleep"),
    ("select * from t for update", "lock on t, select on t"),
    (
        "select * from a, b where a.x = b.y for update of a",
        "lock on a, lock on b, select on a where, select on b where"
    ),
    ("with t as (select * from t) select * from t", "select on t"),
    ("with recursive t as (select 1 union all select n + 1 from t) select * from t", "select"),
    (
        "with t as (delete from s.u where id = 1 returning *) select * from t",
        "delete on s.u with where, select on s.u where"
    ),
    ("with a as (select 1), b as (select * from a, c) select * from b", "select on c"),
    ("with x as (select 1) select * from public.x", "select on public.x"),
    (
        "select * from x union select * from y except (select * from z)",
        "select on x, select on y, select on z"
    ),
    (
        "select (select max(v) from inner_t where inner_t.k = o.k) from outer_t o",
        "select on inner_t where, select on outer_t, select ~max"
    ),
    (
        "select * from a left join lateral (select * from b where b.x = a.x) q on true",
        "select on a, select on b where"
    ),
    ("select * into new_t from old_t", "ddl on new_t, select on old_t"),
    ("insert into t values (1, 2)", "insert on t"),
    (
        "insert into public.t (a) values (f(1)), (2) returning id",
        "insert calling f, insert on public.t, select on public.t where"
    ),
    ("insert into t select * from u where g(1)", "insert on t, select calling g, select on u"),
    ("insert into t default values", "insert on t"),
    ("insert into t values (1) on conflict (id) do nothing", "insert on t"),
    (
        "insert into t values (1) on conflict (id) do update set a = excluded.a where t.b > 1",
        "insert on t, update on t with where"
    ),
    ("with w as (select * from q) insert into t select * from w", "insert on t, select on q"),
    ("update t set a = 1", "update on t without where"),
    ("update s.t set a = 1 where id = 2", "update on s.t with where"),
    ("update t set a = 1 where true", "update on t without where"),
    (
        "update t set a = u.b from u where u.id = t.id returning *",
        "select on t where, select on u where, update on t with where"
    ),
    ("update t set a = (select max(x) from v)", "select on v, select ~max, update on t without where"),
    ("delete from t", "delete on t without where"),
    ("delete from only s.t where id = 1", "delete on s.t with where"),
    ("delete from t using u where t.id = u.id", "delete on t with where, select on u where"),
    ("delete from t where current of c", "delete on t with where"),
    ("delete from t where exists (select 1 from z)", "delete on t without where, select on z"),
    (
        "merge into t using s on t.id = s.id when matched and s.d then delete when matched then update set a = s.a when not matched then insert values (s.id)",
        "delete on t with where, insert on t, merge on t, select on s where, update on t with where"
    ),
    (
        "merge into t using s on true when matched then delete",
        "delete on t without where, merge on t, select on s"
    ),
    (
        "merge into t using (values (1)) s on 1 = 1 when matched and true then update set a = s.b when matched and t.c then delete",
        "delete on t with where, merge on t, update on t without where"
    ),
    (
        "merge into t using s on exists (select 1) when matched and f(2) then delete when not matched and s.a then insert default values",
        "delete on t without where, insert on t, merge calling f, merge on t, select on s"
    ),
    ("copy t from stdin", "copy in on t"),
    ("copy s.t (a, b) to stdout", "copy out on s.t"),
    ("copy (select * from t where a = 1) to stdout with (format csv)", "copy out, select on t where"),
    ("copy (delete from t returning *) to stdout", "copy out, delete on t without where, select on t"),
    ("copy t to '/tmp/x'", "copy file on t, copy out on t"),
    ("copy t from program 'sh'", "copy in on t, copy program on t"),
    ("copy (select 1) to program 'cat'", "copy out, copy program ?"),
    ("copy t from stdin where a > f(1)", "copy in calling f, copy in on t"),
    ("explain select * from t", "explain, explain on t"),
    ("explain delete from t", "explain, explain on t"),
    ("explain analyze delete from t", "delete on t without where, explain"),
    ("explain (analyze false) delete from t", "explain, explain on t"),
    ("explain (analyze) insert into t select f(1)", "explain, insert on t, select calling f"),
    ("explain (analyze off, verbose) update t set a = 1", "explain, explain on t"),
    ("explain (analyze 1) update t set a = 1", "explain, update on t without where"),
    ("explain analyze execute p", "execute, explain"),
    ("explain create table x as select * from y", "explain, explain on x, explain on y"),
    ("select set_config('role', 'admin', false)", "select calling set_config, set role"),
    ("select set_config('Search_Path', 'x', true)", "select calling set_config, set on search_path"),
    ("select set_config('ro' || 'le', 'admin', false)", "select calling set_config, set ?, set role"),
    (
        "select pg_catalog.set_config(setting_name => 'role', new_value => 'x', is_local => false)",
        "select calling pg_catalog.set_config, set ?, set role"
    ),
    ("update pg_settings set setting = '0' where name = 'x'", "set ?, update on pg_settings with where"),
    (
        "with s as (update only pg_catalog.pg_settings s set setting = '0' returning 1) select 1",
        "select on pg_catalog.pg_settings, set ?, update on pg_catalog.pg_settings without where"
    ),
    ("delete from pg_settings", "delete on pg_settings without where, set ?"),
    ("insert into pg_settings values ('a', 'b')", "insert on pg_settings, set ?"),
    (
        "merge into pg_settings using s on true when matched then do nothing",
        "merge on pg_settings, select on s, set ?"
    ),
    ("create view v as table pg_settings", "ddl on v, select on pg_settings, set ?"),
    (
        "create schema s create view v as select * from pg_catalog.pg_settings",
        "ddl ?, ddl on v, select on pg_catalog.pg_settings, set ?"
    ),
    (
        "create rule \"_RETURN\" as on select to t do instead select * from pg_settings",
        "ddl on t, select on pg_settings, set ?"
    ),
    ("create table c as table pg_settings", "ddl on c, select on pg_settings"),
    ("update app.pg_settings set setting = '0'", "update on app.pg_settings without where"),
    (
        "update t set a = set_config('b', 'c', false)",
        "set on b, update calling set_config without where, update on t without where"
    ),
    ("select * from t tablesample system (10)", "select on t"),
    ("select * from t tablesample s.evil (10)", "select calling s.evil, select on t"),
    (
        "select * from generate_series(1, 10) g, unnest(array[1, 2]) u, app.f(1) with ordinality",
        "select, select calling app.f, select ~generate_series, select ~unnest"
    ),
    ("select * from rows from (f(1), lower('a')) as x", "select, select calling f, select ~lower"),
    ("select * from xmltable('/a' passing x columns a text)", "select"),
    (
        "select extract(year from now()), position('a' in 'b'), overlay('a' placing 'b' from 1), substring('a' from 1), trim('a'), 'a' similar to 'b', now() at time zone 'UTC', current_user, current_timestamp, cast('x' as regclass), collation for ('a')",
        "select, select ~now, select ~pg_catalog.btrim, select ~pg_catalog.extract, select ~pg_catalog.overlay, select ~pg_catalog.pg_collation_for, select ~pg_catalog.position, select ~pg_catalog.similar_to_escape, select ~pg_catalog.substring, select ~pg_catalog.timezone"
    ),
    (
        "select array_agg(a order by f(b)) filter (where g(a)) over (partition by h(c)) from t",
        "select calling f, select calling g, select calling h, select on t, select ~array_agg"
    ),
    (
        "select case when f(1) then g(2) else h(3) end, coalesce(i(1)), greatest(j(1)), nullif(k(1), 2), array[l(1)], row(m(1)), (n(1))[o(1)], (p(1)).a, q(1)::int, not r(1), s(1) is null, t(1) in (u(1)), v(1) between w(1) and x(1), xmlelement(name a, y(1)), z(1) collate \"C\"",
        "select, select calling f, select calling g, select calling h, select calling i, select calling j, select calling k, select calling l, select calling m, select calling n, select calling o, select calling p, select calling q, select calling r, select calling s, select calling t, select calling u, select calling v, select calling w, select calling x, select calling y, select calling z"
    ),
    (
        "select f(1) from t group by g(a), rollup (h(b)) having i(1) order by j(1) limit k(1) offset l(1)",
        "select calling f, select calling g, select calling h, select calling i, select calling j, select calling k, select calling l, select on t"
    ),
    (
        "select distinct on (f(a)) a from t window w as (partition by g(a) order by h(b))",
        "select calling f, select calling g, select calling h, select on t"
    ),
    (
        "select nextval('s'), currval('s'), lastval(), setval('s', 1), random(), now(), clock_timestamp(), gen_random_uuid()",
        "select, select calling currval, select calling lastval, select calling nextval, select calling setval, select ~clock_timestamp, select ~gen_random_uuid, select ~now, select ~random"
    ),
    (
        "select pg_read_file('/etc/passwd'), lo_import('x'), dblink('x', 'y'), pg_terminate_backend(1), query_to_xml('select 1', true, false, ''), pg_stat_get_activity(1)",
        "select, select calling dblink, select calling lo_import, select calling pg_read_file, select calling pg_stat_get_activity, select calling pg_terminate_backend, select calling query_to_xml"
    ),
    ("select \"pg_sleep\"(1)", "select, select calling pg_sleep"),
    ("select PG_SLEEP(1)", "select, select calling pg_sleep"),
    ("select a.b.c.d from x.y.z", "select on y.z"),
    ("select public.t.* from public.t", "select on public.t"),
    // A function in the way of a column.
    ("select t.pg_sleep from t", "select calling pg_sleep, select on t"),
    ("select public.t.pg_sleep from t", "select calling pg_sleep, select on t"),
    ("select (t.a).pg_read_file, t.b, c from t", "select calling pg_read_file, select on t"),
    ("select ('/etc/passwd'::text).pg_read_file", "select, select calling pg_read_file"),
    ("select ((array['/etc'])[1]).pg_ls_dir", "select, select calling pg_ls_dir"),
    ("select (array['/etc'])[1].pg_ls_dir", "select, select calling pg_ls_dir"),
    ("select ($1).evil.worse", "select, select calling evil, select calling worse"),
    ("select (lower('X')).evil", "select, select calling evil, select ~lower"),
    ("select (select 'x').evil", "select, select calling evil"),
    ("select ('x'::text).lower", "select, select ~lower"),
    ("select treat('/x' as pg_read_file)", "select, select calling pg_catalog.pg_read_file"),
    ("delete from t where (a).evil", "delete calling evil without where, delete on t with where"),
    (
        "select (jsonb_each(a)).key, (aclexplode(b)).grantee from t",
        "select on t, select ~aclexplode, select ~jsonb_each"
    ),
    ("select (jsonb_each(a)).evil from t", "select calling evil, select on t, select ~jsonb_each"),
    ("select (app.f(1)).a", "select, select calling app.f"),
    (
        "select (information_schema._pg_expandarray(a)).n, (k.keys).x from t, k",
        "select calling information_schema._pg_expandarray, select on k, select on t"
    ),
    ("select (t.address).city, (t.address).* from t", "select calling city, select on t"),
    ("select n.evil from lower('X') n", "select, select calling evil, select ~lower"),
    ("select lower.evil, lower.lower from lower('X')", "select, select calling evil, select ~lower"),
    ("select n.evil from current_user n", "select, select calling evil"),
    ("select \"current_user\".evil from current_user", "select, select calling evil"),
    (
        "select n.evil, n.pg_sleep from lower('X') with ordinality n",
        "select, select calling pg_sleep, select ~lower"
    ),
    (
        "select g.i, h.h, u.u, e.key from generate_series(1, 2) g(i), generate_series(1, 2) h, unnest(a) u, jsonb_each(b) e",
        "select, select ~generate_series, select ~jsonb_each, select ~unnest"
    ),
    ("select r.a from json_to_record(b) r (a int)", "select, select ~json_to_record"),
    (
        "select * from t where exists (select n.evil from lower(t.a) n)",
        "select calling evil, select on t where, select ~lower"
    ),
    ("select r.a from app.f(1) r", "select, select calling app.f"),
    (
        "explain analyze select n.evil from lower('X') n",
        "explain, select calling evil, select ~lower"
    ),
    (
        "select n.evil from lower('X') n; select n.evil from n",
        "select, select calling evil, select ~lower | select on n"
    ),
    (
        "select * from information_schema.tables, pg_catalog.pg_class, pg_authid",
        "select on information_schema.tables, select on pg_authid, select on pg_catalog.pg_class"
    ),
    (
        "select exists (select from t), any_f(a) = any (select b from u), 1 = all (array(select c from v))",
        "select calling any_f, select on t, select on u, select on v"
    ),
    ("select * from (values (f(1))) v", "select, select calling f"),
    (
        "with t as (insert into t values (1) returning *) update u set a = 1 from t where t.id = u.id",
        "insert on t, select on t where, update on u with where"
    ),
    ("insert into t (a) select * from t", "insert on t, select on t"),
    ("with x as (select 1) insert into x select * from x", "insert on x"),
    ("select * from a natural join b cross join c.d", "select on a, select on b, select on c.d"),
    ("select count(*) from t", "select on t, select ~count"),
    ("select x.* from f(1) as x", "select, select calling f"),
]
