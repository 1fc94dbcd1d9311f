import Foundation
import TestSupport
import Testing

/// Columns that rules mask, and ways round that.
extension EndToEnd.PostgresTests {
    /// A profile that allows everything, with masks and without.
    private func profiles() throws {
        try server.run(Evasions.setUp, in: database)
        let all = ["*", "* calling *.*"]
        let masks = Evasions.masks.map { "\"\($0)\"" }.joined(separator: ", ")
        try rules(allow: all, more: "    mask: [\(masks)]", profile: "masked")
        try rules(allow: all, profile: "plain")
    }

    /// What psql says to each text, by its number; each in a transaction that is undone.
    private func outcomes(of texts: [String], profile: String) throws -> [String] {
        for (number, text) in texts.enumerated() {
            try place.write("begin;\n\(text);\nrollback;\n", to: place.workspace + "/\(number).sql")
        }
        let outcome = try psql(
            """
            for n in $(seq 0 \(texts.count - 1)); do echo "@@"; psql -XAtf $n.sql || echo "code $?"; done
            """,
            profile: profile
        )
        try #require(outcome.code == 0, "\(outcome)")
        return outcome.output.components(separatedBy: "@@\n").dropFirst().map(\.self)
    }

    @Test("No way of showing a masked column that is known goes round its mask, with psql")
    func evasions() throws {
        try profiles()
        let texts = Evasions.statements
        try #require(texts.count > 100)
        let plain = try outcomes(of: texts, profile: "plain")
        let masked = try outcomes(of: texts, profile: "masked")
        try #require(plain.count == texts.count && masked.count == texts.count)
        for (text, (plain, masked)) in zip(texts, zip(plain, masked)) {
            #expect(plain.contains(Evasions.secret), "it shows nothing without a mask: \(text): \(plain)")
            #expect(!masked.contains(Evasions.secret), "\(text): \(masked)")
            #expect(
                !masked.contains("\ncode ") && !masked.contains("FATAL"),
                "the session ended: \(text): \(masked)"
            )
        }
        // Masked, not denied.
        let shown = zip(texts, masked).filter { !$0.1.contains("is masked, and this statement may") }
        #expect(shown.count >= 40, "\(shown)")
    }

    /// Runs each text as psycopg does, and prints all that comes of it.
    private static let driver = """
        import json, sys, psycopg
        texts = json.load(open("texts.json"))
        for binary in (False, True):
            for text in texts:
                print("@@")
                with psycopg.connect("", autocommit=True) as connection:
                    connection.add_notice_handler(lambda notice: print(notice.message_primary, notice.message_detail))
                    try:
                        connection.execute("begin")
                        for part in [text] if "$$" in text else text.split("; "):
                            cursor = connection.cursor(binary=binary)
                            if part.startswith("copy ") and "stdout" in part:
                                with cursor.copy(part) as copy:
                                    for row in copy: print(bytes(row))
                            else:
                                # Twice, and prepared by the driver.
                                cursor.execute(part, prepare=True)
                                if cursor.description: print(cursor.fetchall())
                    except psycopg.Error as error:
                        print(error.sqlstate, error, error.diag.message_detail, error.diag.context)
                    # On leaving, what is not undone is committed.
                    connection.execute("rollback")

        """

    private func driven(_ texts: [String], profile: String) throws -> [String] {
        try place.write(Self.driver, to: place.workspace + "/driver.py")
        let list = try String(decoding: JSONEncoder().encode(texts), as: UTF8.self)
        try place.write(list, to: place.workspace + "/texts.json")
        let outcome = try psql("/usr/bin/python3 driver.py", profile: profile)
        try #require(outcome.code == 0, "\(outcome)")
        return outcome.output.components(separatedBy: "@@\n").dropFirst().map(\.self)
    }

    @Test("Nor with psycopg, in text and in binary")
    func evasionsInBinary() throws {
        try profiles()
        let texts = Evasions.statements
        let plain = try driven(texts, profile: "plain")
        let masked = try driven(texts, profile: "masked")
        try #require(plain.count == 2 * texts.count && masked.count == 2 * texts.count)
        for (text, (plain, masked)) in zip(texts + texts, zip(plain, masked)) {
            #expect(plain.contains(Evasions.secret), "it shows nothing without a mask: \(text): \(plain)")
            #expect(!masked.contains(Evasions.secret), "\(text): \(masked)")
        }
    }

    @Test(
        "What is masked keeps its type: text is written over, numbers and dates are NULL; the rest is there"
    )
    func types() throws {
        try profiles()
        let outcome = try psql(
            """
            psql -XAt -P null=NULL <<'END'
            select id, name, ssn, born, pay, code from users where ssn = '\(Evasions.secret)' order by id;
            select o.total, u.name, u.ssn from orders o join users u on u.id = o.user_id order by o.id;
            select name, count(*) from only users group by name order by name;
            copy (select id, ssn, born, pay from users order by id) to stdout;
            copy (select id, ssn, code, name from users order by id) to stdout csv header;
            insert into users (id, name, ssn) values (4, 'Joe', '4-4') on conflict (id) do update set ssn = excluded.ssn returning id, ssn;
            update users set ssn = '5-55' where ssn = '4-4';
            select upper(name), upper(ssn) from users;
            END
            /usr/bin/python3 - <<'END'
            import psycopg
            with psycopg.connect("") as connection:
                for binary in (False, True):
                    print(connection.cursor(binary=binary).execute("select * from only users where id = 1").fetchall())
                with connection.cursor().copy("copy (select id, ssn, pay, born from only users where id = 1) to stdout (format binary)") as copy:
                    copy.set_types(["int4", "text", "numeric", "date"])
                    print(list(copy.rows()))
            END
            """,
            profile: "masked"
        )
        #expect(
            outcome.lines.filter { !$0.hasPrefix("HINT") && !$0.hasPrefix("DETAIL") } == [
                "1|Ann|xxxxxx|NULL|NULL|NULL", "3|Eve|xxxxxx|NULL|NULL|NULL", "3|Ann|xxxxxx", "4|Bob|xxxx",
                "Ann|1", "Bob|1", "1\txxxxxx\t\\N\t\\N", "2\txxxx\t\\N\t\\N", "3\txxxxxx\t\\N\t\\N",
                "id,ssn,code,name", "1,xxxxxx,,Ann", "2,xxxx,,Bob", "3,xxxxxx,,Eve", "4|xxx", "INSERT 0 1",
                "UPDATE 1",
                "ERROR:  column users.ssn is masked, and this statement may do more with it than show it masked",
                "[(1, 'Ann', 'xxxxxx', None, None, None)]", "[(1, 'Ann', 'xxxxxx', None, None, None)]",
                "[(1, 'xxxxxx', None, None)]",
            ],
            "\(outcome)"
        )
        #expect(try server.run("select ssn from users where id = 4", in: database) == ["5-55"])
        let records = try place.records().map(\.record)
        #expect(records.contains { $0.message?.contains("column users.ssn is masked") == true }, "\(records)")
    }

    @Test("A rule that masks holds for what another rule changes: it reads of the table as well")
    func rulesApart() throws {
        try server.run(Evasions.setUp, in: database)
        let common = "to: \"postgres://allowed.test:\(server.port)/db_*\", private: true, credential: db"
        try place.profile(
            "apart",
            """
            extends: [base]
            egress:
              - {\(common), search_path: [public], allow: ["select on public.*"], mask: [column users.ssn]}
              - {\(common), allow: ["update on public.users with where"]}

            """
        )
        let outcome = try psql(
            """
            psql -XAt <<'END'
            update users set name = ssn where id = 1;
            select name from only users where id = 1;
            update users set id = 2 where id = 1;
            update users set name = 'Amy' where id = 1;
            END
            """,
            profile: "apart"
        )
        #expect(outcome.output.contains("column users.ssn is masked"), "\(outcome)")
        #expect(outcome.output.contains("the database's message is not shown"), "\(outcome)")
        #expect(outcome.lines.contains("Ann") && outcome.lines.last == "UPDATE 1", "\(outcome)")
        #expect(!outcome.output.contains(Evasions.secret), "\(outcome)")
    }

    @Test("Of random statements over a masked table none shows what is masked")
    func random() throws {
        try profiles()
        var grammar = StatementGrammar(seed: 2_026)
        let texts = (0..<400).map { _ in grammar.statement() }
        let plain = try outcomes(ofSession: texts, profile: "plain")
        let masked = try outcomes(ofSession: texts, profile: "masked")
        // The control: many do.
        let shown = zip(texts, plain).filter { $0.1.contains(Evasions.secret) }
        #expect(shown.count > 100, "\(shown.count)")
        for (text, masked) in zip(texts, masked) {
            #expect(!masked.contains(Evasions.secret), "\(text): \(masked)")
        }
        #expect(masked.count { $0.contains("xxxxxx") } > 20)
    }

    /// The same in one session.
    private func outcomes(ofSession texts: [String], profile: String) throws -> [String] {
        let script = texts.map { "\\echo @@\n\\warn @@\n\($0);\n" }.joined()
        try place.write(script, to: place.workspace + "/all.sql")
        // Errors apart, so that each is beside its own.
        let outcome = try psql(
            "psql -XAtf all.sql > out 2> err && cat out && echo '##' && cat err",
            profile: profile
        )
        try #require(outcome.code == 0, "\(outcome)")
        let halves = outcome.output.components(separatedBy: "##\n")
        try #require(halves.count == 2)
        let (rows, errors) = (
            halves[0].components(separatedBy: "@@\n"), halves[1].components(separatedBy: "@@\n")
        )
        try #require(rows.count == texts.count + 1 && errors.count == texts.count + 1, "\(outcome)")
        return zip(rows, errors).dropFirst().map { $0 + $1 }
    }
}

/// Makes queries over the tables of `Evasions`.
private struct StatementGrammar {
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(seed) }

    private mutating func one(_ words: [String]) -> String { words.randomElement(using: &random) ?? "" }

    mutating func statement() -> String {
        let query = query(3)
        return switch Int.random(in: 0..<12, using: &random) {
        case 0: "copy (\(query)) to stdout"
        case 1: "copy (\(query)) to stdout (format csv)"
        case 2: "explain (costs off) \(query)"
        case 3: "with w as (\(query)) select * from w"
        case 4: "with w as (\(query)) select w::text from w"
        case 5: "\(query) union all \(query)"
        default: query
        }
    }

    private mutating func query(_ depth: Int) -> String {
        let source = source(depth)
        let targets = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            target(source.columns, source.alias, depth)
        }
        let condition =
            Int.random(in: 0..<3, using: &random) == 0 ? " where \(condition(source.columns))" : ""
        let order =
            Int.random(in: 0..<5, using: &random) == 0 ? " order by \(one(source.columns + ["1"]))" : ""
        return "select \(targets.joined(separator: ", ")) from \(source.text)\(condition)\(order)"
    }

    private mutating func source(_ depth: Int) -> (text: String, alias: String, columns: [String]) {
        let alias = "a\(Int.random(in: 0..<3, using: &random))"
        switch Int.random(in: 0..<(depth > 0 ? 7 : 4), using: &random) {
        case 0, 1: return ("users \(alias)", alias, ["id", "name", "ssn"])
        case 2: return ("\(one(["everyone", "heirs"])) \(alias)", alias, ["id", "ssn"])
        case 3:
            return (
                "orders o join users \(alias) on o.user_id = \(alias).id", alias, ["total", "name", "ssn"]
            )
        case 4: return ("(select id, ssn as x from users) \(alias)", alias, ["id", "x"])
        case 5: return ("(table users) as \(alias)(id, n, y)", alias, ["id", "n", "y"])
        default: return ("(\(query(depth - 1))) \(alias)", alias, ["*", alias])
        }
    }

    private mutating func target(_ columns: [String], _ alias: String, _ depth: Int) -> String {
        let column = one(columns)
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<5: return column
        case 5: return "*"
        case 6: return column == "*" ? "*" : "\(alias).\(column)"
        case 7: return alias
        case 8: return "row_to_json(\(alias))"
        case 9:
            return column == "*"
                ? "count(*)"
                : one(["upper(\(column)::text)", "coalesce(\(column)::text, '')", "(\(column))"])
        case 10:
            return depth > 0 ? "(select \(one(["ssn", "name", "min(ssn)"])) from users where id = 1)" : "1"
        default: return "\(alias).*"
        }
    }

    private mutating func condition(_ columns: [String]) -> String {
        let column = one(columns.filter { $0 != "*" } + ["true"])
        guard column != "true" else { return column }
        return one(["\(column)::text = '12-1'", "\(column)::text like '9%'", "\(column) is not null"])
    }
}
