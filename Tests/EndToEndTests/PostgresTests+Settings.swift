import Foundation
import TestSupport
import Testing

/// Settings that decide how a text is read, and are changed where no SET is seen.
extension EndToEnd.PostgresTests {
    /// With standard_conforming_strings `one` is a query and a DELETE and `other` a text, without it the other way round.
    private static let one = "select '\\'; delete from people; --'"
    private static let other = "select '\\''; delete from people; --'"
    private static let show = Say.query("show standard_conforming_strings")

    private func line(_ steps: [UInt8]...) -> String {
        steps.map { $0.map { String(format: "%02x", $0) }.joined() }.joined(separator: ",")
    }

    private func expectNothingDeleted() throws {
        #expect(try server.run("SELECT count(*) FROM people", in: database) == ["2"])
        #expect(try !server.log(of: database).contains { $0.contains("delete from") })
    }

    @Test(
        "D02: a text that is sent at once behind a cursor that sets is read as the server will read it"
    )
    func unseenSettings() throws {
        try rules(allow: [
            "select on public.*", "show", "set on *", "transaction", "declare", "fetch",
            "select calling set_config",
        ])
        let (attack, sync) = (Say.query(Self.other), Say.sync)
        let name = "'standard_conforming_strings'"
        let declare = Say.query("begin; declare c cursor for select set_config(\(name), 'off', false)")
        let seen = try play([
            line(declare, Say.query("fetch c") + attack, sync),
            // In one segment, in which the server does not say what it set.
            line(declare, Say.whole("fetch c") + Say.whole(Self.other) + sync),
        ])
        for answer in seen { #expect(answer.contains("E42501"), "\(seen)") }
        // The control: it is changed.
        #expect(seen.first?.contains("D(off)") == true, "\(seen)")
        try expectNothingDeleted()
    }

    @Test(
        "D02: an error undoes what its transaction set, and a text that is sent at once behind it is read so"
    )
    func revertedSettings() throws {
        try rules(allow: ["select on public.*", "set on *", "transaction"])
        let failing = Say.query("select 1/0")
        let seen = try play([
            line(
                Say.query("begin; set local standard_conforming_strings = off"),
                failing + Say.query("rollback; " + Self.one),
                Say.sync
            ),
            line(
                Say.query("begin; set local standard_conforming_strings = off"),
                Say.whole("select 1/0") + Say.sync + Say.query("rollback; " + Self.one),
                Say.sync
            ),
        ])
        for answer in seen {
            #expect(answer.contains("E22012") && answer.contains("E42501 ZE"), "\(seen)")
        }
        try expectNothingDeleted()
    }

    @Test("In one segment a text that is not ASCII goes behind CREATE TABLE, and not behind ALTER TABLE")
    func textsBehindObjects() throws {
        try rules(allow: ["ddl on public.*", "insert on public.*"])
        let insert = Say.whole("insert into words values ('é')")
        let seen = try play([
            line(Say.whole("create table words (a text default 'ü')") + insert + Say.sync),
            line(Say.whole("alter table words add b int") + insert + Say.sync),
        ])
        #expect(!seen[0].contains("E") && seen[0].contains("C ZI"), "\(seen)")
        #expect(seen[1].contains("E42501"), "\(seen)")
        #expect(try server.run("SELECT * FROM words", in: database) == ["é"])
    }

    /// In SJIS the second octet of this letter is `|`.
    private static let letter = "\u{30DD}"

    @Test("D03: a masked COPY sent at once behind another encoding is not shown, or is masked in that")
    func copyInAnotherEncoding() throws {
        try server.run(
            """
            CREATE TABLE cards (name text, ssn text, note text); GRANT ALL ON cards TO PUBLIC;
            INSERT INTO cards VALUES ('\(Self.letter)', 'secret-ssn', 'a')
            """,
            in: database
        )
        try rules(
            allow: ["select on public.*", "copy out on public.*", "set on client_encoding"],
            more: "    mask: [\"column cards.ssn\"]"
        )
        let set = "set client_encoding to 'SJIS'"
        let copy = "copy cards (name, ssn, note) to stdout (delimiter '|')"
        let data = "copy cards (name, ssn, note) to stdout"
        let seen = try play([
            line(Say.whole(set) + Say.whole(copy) + Say.sync),
            line(Say.query(set) + Say.query(copy), Say.sync),
            line(Say.query(data)),
        ])
        #expect(seen[0].contains("E42501") && seen[1].contains("E42501"), "\(seen)")
        // The control: it goes on where nothing is set.
        #expect(!seen[2].contains("E") && seen[2].contains("C ZI"), "\(seen)")
    }

    @Test("A column whose name is not ASCII is masked whatever encoding a client begins with, and keeps")
    func namesInAnotherEncoding() throws {
        try server.run(
            """
            CREATE TABLE pers (id int, "größe" text); GRANT ALL ON pers TO PUBLIC;
            INSERT INTO pers VALUES (1, 'tall'); CREATE VIEW persons AS SELECT id, "größe" AS "straße" FROM pers;
            GRANT ALL ON persons TO PUBLIC
            """,
            in: database
        )
        try rules(
            allow: ["select on public.*", "show", "set on client_encoding"],
            more: "    mask: [\"column pers.größe\"]"
        )
        for encoding in ["UTF8", "LATIN1", "EUC_JIS_2004", "SQL_ASCII"] {
            let outcome = try psql(
                """
                export PGCLIENTENCODING=\(encoding)
                psql -XAt -c 'select * from pers' -c 'select * from persons' -c 'show client_encoding' \\
                    -c "set client_encoding to 'UTF8'" -c 'select upper("größe") from pers' \\
                    -c 'select upper("straße") from persons' 2>&1
                """
            )
            // The catalog says which columns a view is made of, and not which of its own is made of which.
            #expect(outcome.lines.prefix(3) == ["1|xxxx", "|xxxx", encoding], "\(outcome)")
            #expect(!outcome.output.contains("tall") && !outcome.output.contains("TALL"), "\(outcome)")
        }
    }
}
