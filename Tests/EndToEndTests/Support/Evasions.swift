/// Statements that show a masked column to whoever is not held by its mask, each by another way round.
enum Evasions {
    /// In the column, of one row.
    static let secret = "987-65"

    static let setUp = """
        CREATE TABLE users (id int PRIMARY KEY, name text, ssn text UNIQUE, born date, pay numeric, code int);
        INSERT INTO users VALUES (1, 'Ann', '\(secret)', '1987-06-05', 98765, 98765), (2, 'Bob', '12-1', NULL, 1, 1);
        CREATE TABLE orders (id int, user_id int, total int); INSERT INTO orders VALUES (7, 1, 3), (8, 2, 4);
        CREATE VIEW everyone AS SELECT * FROM users; CREATE VIEW hidden AS SELECT id, upper(ssn) AS x FROM users;
        CREATE VIEW rows AS SELECT id, row_to_json(u) AS x FROM users u; CREATE VIEW above AS SELECT x || '' AS y FROM hidden;
        CREATE MATERIALIZED VIEW kept AS SELECT ssn AS held FROM users;
        CREATE TABLE heirs () INHERITS (users); INSERT INTO heirs VALUES (3, 'Eve', '\(secret)', NULL, 5, 5);
        CREATE TABLE split (id int, ssn text) PARTITION BY LIST (id);
        CREATE TABLE part PARTITION OF split FOR VALUES IN (1); INSERT INTO split VALUES (1, '\(secret)');
        CREATE TABLE made (ssn text, twice text GENERATED ALWAYS AS (ssn || '!') STORED); INSERT INTO made VALUES ('\(secret)');
        ANALYZE;
        """

    /// Masks that the profile of the tests has.
    static let masks = [
        "column users.ssn", "column users.born", "column users.pay", "column users.code", "column split.ssn",
        "column made.ssn",
    ]

    static let statements: [String] = [
        // Through plain columns, however they come: masked.
        "select ssn from users", "select * from users", "table users", "select u.* from users u",
        "select ssn as x from users",
        "select x from (select ssn as x from users) s",
        "with c(x) as (select ssn from users) select x from c",
        "select u.ssn from orders o left join users u on o.user_id = u.id",
        "select j.ssn from (users u join orders o on true) as j",
        "select l.ssn from orders o, lateral (select u.ssn from users u where u.id = o.user_id) l",
        "select ssn from users where ssn = '\(secret)'",
        "select ssn from users order by id limit 1 for update",
        "select x from users as u(a, b, x)", "update users set name = name returning ssn",
        "delete from orders where false; table users",
        "with d as (update users set name = name returning ssn as x) select x from d",
        "prepare p as select ssn from users; execute p",
        "declare c cursor for select ssn from users; fetch all from c",
        "declare c scroll cursor for table users; fetch last from c; fetch first from c",
        "copy users to stdout", "copy users (id, ssn) to stdout (format csv, header, force_quote *)",
        "copy (select ssn from users) to stdout csv",
        "copy users (ssn, id) to stdout (delimiter '|', null 'none', header)",
        "copy users (name, ssn) to stdout (format csv, quote '''', escape '~', force_quote (ssn))",
        "copy (select ssn from users) to stdout (format binary)",
        "insert into users (id, ssn) values (9, '\(secret)9') returning ssn",
        "select * from everyone", "select ssn from everyone", "select * from hidden", "select x from rows",
        "select y from above",
        "select * from kept", "select held from kept", "select ssn from heirs", "select ssn from part",
        "select ssn from split",
        "select ssn from only users", "select twice from made", "select * from made",
        "insert into users (id, ssn) values (1, '\(secret)') on conflict (id) do update set name = 'x' returning users.ssn",
        // By an expression.
        "select upper(ssn) from users", "select ssn || '' from users", "select ssn::varchar from users",
        "select ssn collate \"C\" from users",
        "select coalesce(ssn, '') from users", "select case when true then ssn end from users",
        "select min(ssn), max(ssn) from users",
        "select string_agg(ssn, ',') from users", "select array_agg(ssn) from users",
        "select array[ssn] from users",
        "select format('%s', ssn) from users", "select concat(ssn) from users",
        "select greatest(ssn, '') from users",
        "select nullif(ssn, '') from users", "select replace(ssn, 'q', '') from users",
        "select quote_literal(ssn) from users",
        "select first_value(ssn) over () from users", "select lag(ssn, 0) over () from users",
        "select mode() within group (order by ssn) from heirs",
        "select json_build_object('a', ssn) from users", "select jsonb_agg(ssn) from users",
        "select xmlforest(ssn) from users",
        "select row(ssn) from users", "select row(ssn, id)::text from users",
        // By whole rows.
        "select u from users u", "select users from users", "select u::text from users u",
        "select row_to_json(u) from users u",
        "select to_jsonb(u)->>'ssn' from users u", "select json_agg(u) from users u",
        "select array_agg(u) from users u",
        "select (u).ssn from users u", "select ssn(u) from users u", "select u.row_to_json from users u",
        "select row(u.*) from users u", "select s from (select ssn from users) s",
        "select row_to_json(s) from (table users) s",
        "select x.value from users u, json_each_text(row_to_json(u)) x",
        "select (jsonb_populate_record(u, '{}')).ssn from users u",
        "select json_object_agg(id, u) from users u", "select e::text from everyone e",
        "select h::text from heirs h",
        // By subqueries, sets and values.
        "select (select ssn from users where id = 1)", "select array(select ssn from users)",
        "values ((select ssn from users where id = 1))",
        "select ssn from users union select ssn from users", "select ssn from users union all select ''",
        "select ssn from users intersect select '\(secret)'", "select ssn from users except select ''",
        "table users union all table users",
        "select x || '' from (select ssn as x from users) s",
        "with c(x) as (select ssn from users) select lower(x) from c",
        "with recursive r(a, n) as (select ssn, 1 from users union all select a, n + 1 from r where n < 2) select a from r",
        "select x from users u, unnest(array[u.ssn]) x",
        "select x from users u, lateral (values (u.ssn)) l(x)",
        "select l.x from users u, lateral (select u.ssn || '' as x) l",
        "select regexp_matches(ssn, '.*') from users",
        "select regexp_split_to_table(ssn, 'q') from users", "select ssn || '' from everyone",
        "select lower(x) from hidden",
        "select held || '' from kept", "select twice || '' from made", "select ssn || '' from part",
        "select ssn || '' from split",
        // Written elsewhere, and read there.
        "create temp table t as select ssn as x from users; select x from t",
        "select ssn as x into temp t from users; select x || '' from t",
        "insert into orders select 1; update users set name = ssn; select name from users",
        "create temp table t (x text); insert into t select ssn from users; select x || '' from t",
        "create temp view v as select ssn as x from users; select x || '' from v",
        "create temp table t as table users; copy t to stdout",
        "create temp table t (j jsonb); insert into t (j[(select ssn from users where id = 1)]) values ('1'); select j from t",
        "create temp table t (j jsonb); insert into t values ('{}'); update t set j[(select ssn from users where id = 1)] = '1'; select j from t",
        "prepare p as select ssn as x from users; create temp table t as execute p; select x || '' from t",
        "create temp table t (like users); insert into t table users; select t::text from t",
        "alter table users rename column ssn to plain; select plain || '' from users",
        "alter table users rename to others; select ssn || '' from others",
        "with d as (delete from users where id = 2 returning ssn) select 1 from d; select ssn || '' from users",
        // By a name or a place that means another column than it seems to.
        "select (select upper(public.users.ssn) from (select 1 as ssn) users) from public.users",
        "select upper(x) from public.users, lateral (select public.users.ssn as x from (select '' as ssn) users) l",
        "select (select upper(lower.ssn) from rows from (nullif('a', 'b'), lower('x'))) from users lower",
        "select upper(s.c) from (select (json_each('{\"a\": 1}')).*, u.ssn, u.id from users u) s(a, b, c)",
        "create type nothing as (); copy (select (json_each('{\"a\": 1}')).*, u.ssn, (null::nothing).* from users u) to stdout",
        "create temp table orders (i int); insert into orders values (1); select upper(s.b) from (select o.*, u.ssn, u.id, 1, 2 from orders o, users u) s(a, b, c, d, e)",
        "create temp table orders (i int); insert into orders values (1); select (select row_to_json(total) from orders) from users total",
        "create temp table orders (i int); insert into orders values (1); prepare p as select total from orders, users total; execute p",
        "create temp table orders (code int, total text); insert into orders values (98765, '\(secret)'); select total from orders natural join users",
        // By what the server says.
        "select ssn::int from users", "select ssn::regclass from users", "select ssn::date from users",
        "insert into users select 4, 'x', ssn from users",
        "insert into users (id, ssn) select 5, ssn from users where id = 1",
        "do $$ begin raise notice '%', (select ssn from users where id = 1); end $$",
        "do $$ begin raise exception '%', (select ssn from users where id = 1) using errcode = '42501'; end $$",
        "create function pg_temp.f() returns text language sql as 'select ssn from users where id = 1'; select pg_temp.f()",
        "update users set ssn = '\(secret)' where id = 2",
        // By functions that read what their text says, and by what the server keeps of values.
        "select query_to_xml('select ssn from users', true, true, '')",
        "prepare p as select $1::text; execute p(query_to_xml('table users', true, true, '')::text)",
        "select table_to_xml('users', true, true, '')",
        "select schema_to_xml('public', true, true, '')",
        "declare c cursor for table users; select cursor_to_xml('c', 9, true, true, '')",
        "select word from ts_stat('select ssn::tsvector from users where id = 1') order by 1",
        "select histogram_bounds::text from pg_stats where tablename = 'users' and attname = 'ssn'",
        "select histogram_bounds from pg_stats where tablename = 'users' and attname = 'ssn'",
        "select stavalues1 from pg_statistic where starelid = 'users'::regclass",
    ]
}
