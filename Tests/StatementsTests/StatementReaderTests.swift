import Model
import Statements
import TestSupport
import Testing

@Suite
struct StatementReaderTests {
    @Test("What statements about rows do", arguments: rowStatements.map(Pair.init))
    func rows(_ row: Pair) { #expect(Deeds.of(row.text) == row.deeds) }

    @Test("What statements about a database's objects do", arguments: objectStatements.map(Pair.init))
    func objects(_ row: Pair) { #expect(Deeds.of(row.text) == row.deeds) }

    @Test("What statements about a session do", arguments: sessionStatements.map(Pair.init))
    func sessions(_ row: Pair) { #expect(Deeds.of(row.text) == row.deeds) }

    @Test(
        "What a text does hangs on its meaning, not on how it is spelt",
        arguments: otherStatements.map(Pair.init)
    )
    func texts(_ row: Pair) { #expect(Deeds.of(row.text) == row.deeds) }

    /// A statement and what it does, for the name of a case.
    struct Pair: Sendable, CustomTestStringConvertible {
        let text: String
        let deeds: String

        init(_ row: (text: String, deeds: String)) { (text, deeds) = (row.text, row.deeds) }

        var testDescription: String { text }
    }

    /// Statements without quotes, whose words may stand in any case.
    private static var plain: [(text: String, deeds: String)] {
        (rowStatements + objectStatements + sessionStatements).filter { row in
            !row.text.contains { "'\"$".contains($0) } && !row.text.contains("ordinality")
        }
    }

    @Test(
        "A comment within a pair of words that the parser reads as one is a fault, where the server takes it"
    )
    func pairs() {
        #expect(Deeds.of("select from f(1) with ordinality") == "select, select calling f")
        #expect(Deeds.of("select from f(1) with /**/ ordinality").hasPrefix("fault: "))
    }

    @Test("Case, comments and white space change nothing, and a semicolon ends it")
    func spelling() throws {
        try #require(Self.plain.count > 150)
        var random = SplitMix(5)
        let spaces = [
            " ", "  ", "\t", "\n", "\r\n", "/**/", " /* ; drop table x */ ", " -- ' ; delete from x\n",
            "/* /* */ */",
        ]
        for row in Self.plain {
            for _ in 0..<8 {
                var text = ""
                for character in row.text {
                    if character == " " {
                        text += spaces[Int(random.next() % UInt64(spaces.count))]
                    } else {
                        text += random.next() % 2 == 0 ? character.uppercased() : "\(character)"
                    }
                }
                #expect(Deeds.of(text) == row.deeds, "\(text)")
                #expect(Deeds.of(text + ";") == row.deeds, "\(text);")
            }
        }
    }

    @Test("Statements of one text are told apart, each with what it does")
    func batches() {
        let rows = Self.plain
        for (first, second) in zip(rows, rows.dropFirst()) {
            #expect(Deeds.of(first.text + ";" + second.text) == first.deeds + " | " + second.deeds)
        }
    }

    @Test(
        "A name is the same however it is quoted or escaped",
        arguments: [
            "delete from secrets", "delete from \"secrets\"", "DELETE FROM Secrets",
            "delete from U&\"secret\\0073\"",
            "delete from U&\"s!0065crets\" uescape '!'", "delete from\"secrets\"",
            "delete from only secrets *",
        ]
    )
    func names(_ text: String) {
        let expected =
            text.contains("only")
            ? "fault: PostgreSQL's parser does not take it: syntax error" : "delete on secrets without where"
        #expect(Deeds.of(text) == expected)
    }

    @Test("A name that is quoted keeps its capital letters: it is another table")
    func capitals() { #expect(Deeds.of("delete from \"Secrets\"") == "delete on Secrets without where") }

    @Test("A name is shown so that it is taken for no other text, and steers no terminal")
    func shown() {
        #expect(Deeds.of("delete from \"a.b\"") == "delete on \"a.b\" without where")
        #expect(
            Deeds.of("delete from \"x\"\" with where\"") == "delete on \"x\"\" with where\" without where"
        )
        #expect(
            Deeds.of("delete from \"\u{1B}[2J\u{202E}\n\"")
                == "delete on \"\u{FFFD}[2J\u{FFFD}\u{FFFD}\" without where"
        )
    }

    @Test("A name longer than PostgreSQL's is cut as the server cuts it")
    func longNames() {
        let name = String(repeating: "a", count: 63)
        #expect(Deeds.of("delete from \(name)bc") == "delete on \(name) without where")
    }

    @Test(
        "What stands in a string is none of the text's deeds",
        arguments: [
            "select 'x; drop table t'", "select $$; drop table t$$", "select $a$ $$; drop table t $a$",
            "select e'\\'; drop table t; --'", "select U&'\\0027; drop table t'",
            "select 'a' '; drop table t'",
            "select 'a'\n'; drop table t'", "select N'; drop table t'",
            "select B'1', X'1F', '; drop table t'",
        ]
    )
    func strings(_ text: String) {
        #expect(
            ["select", "fault: PostgreSQL's parser does not take it: syntax error"].contains(Deeds.of(text))
        )
        #expect(!Deeds.of(text).contains("drop"))
    }

    @Test("With standard_conforming_strings off a backslash hides a quote, and with on it does not")
    func standardStrings() {
        let text = "select 'a\\'; drop table t; --'"
        #expect(Deeds.of(text) == "select | drop on t")
        #expect(Deeds.of(text, session: SessionSyntax(hasStandardStrings: false)) == "select")
        let other = "select 'a\\''; drop table t; --'"
        #expect(Deeds.of(other) == "select")
        #expect(Deeds.of(other, session: SessionSyntax(hasStandardStrings: false)) == "select | drop on t")
    }

    @Test("Where nobody knows that setting a text has to do the same either way")
    func unknownStrings() {
        let unknown = SessionSyntax(hasStandardStrings: nil)
        for text in ["select 'a\\'; drop table t; --'", "select 'a\\''; drop table t; --'"] {
            #expect(Deeds.of(text, session: unknown) != "select")
            #expect(Deeds.of(text, session: unknown).hasPrefix("fault: "))
        }
        #expect(Deeds.of("select e'a\\n' from t", session: unknown) == "select on t")
        #expect(Deeds.of("delete from t", session: unknown) == "delete on t without where")
    }

    @Test("A setting of one text does not reach the next")
    func isolation() {
        let text = "select 'a\\'; drop table t; --'"
        _ = Deeds.of(text, session: SessionSyntax(hasStandardStrings: false))
        #expect(Deeds.of(text) == "select | drop on t")
    }

    @Test(
        "An encoding in which a text could mean something else is a fault; ASCII means the same in every one"
    )
    func encodings() {
        func read(_ text: String, _ client: String, _ server: String = "UTF8") -> String {
            let session = SessionSyntax(clientEncoding: ByteText(client), serverEncoding: ByteText(server))
            return Deeds.of(text, session: session)
        }
        #expect(read("select \u{E9} from t", "UTF8") == "select on t")
        #expect(read("select a from t", "SQL_ASCII", "SQL_ASCII") == "select on t")
        #expect(read("select a from t", "UTF8", "LATIN1") == "select on t")
        for (client, server) in [("SQL_ASCII", "UTF8"), ("UTF8", "LATIN1"), ("UTF8", "SQL_ASCII")] {
            #expect(
                read("select \u{E9} from t", client, server).hasPrefix(
                    "fault: the text cannot be read in the encoding"
                )
            )
        }
        for client in ["SJIS", "LATIN1", "GBK", "BIG5", "JOHAB", "UHC", "GB18030", "utf8", ""] {
            #expect(read("select a from t; drop table u", client) == "select on t | drop on u")
            #expect(read("set client_encoding = utf8", client) == "set on client_encoding")
            // In SJIS 0x95 0x5C is one letter, elsewhere a letter and a backslash.
            let session = SessionSyntax(clientEncoding: ByteText(client))
            for letter: [UInt8] in [[0x95, 0x5C], [0x81, 0x27], [0xC3, 0xA9], [0xA4, 0x40]] {
                let text = Array("select '".utf8) + letter + Array("'; drop table t; --'".utf8)
                let fault = StatementReader.read(text, session: session)
                #expect(fault == .failure(.encoding(ByteText(client))))
            }
        }
    }

    @Test("A text over a limit is a fault by name")
    func limits() {
        func fault(_ text: [UInt8]) -> StatementFault? {
            if case .failure(let fault) = StatementReader.read(text) { fault } else { nil }
        }
        func fault(_ text: String) -> StatementFault? { fault(Array(text.utf8)) }
        #expect(
            fault([UInt8](repeating: 0x20, count: StatementLimits.text + 1))
                == .tooLong(StatementLimits.text + 1)
        )
        #expect(fault([UInt8](repeating: 0x20, count: StatementLimits.text)) == nil)
        #expect(
            fault("select " + String(repeating: "/*", count: 1_100) + String(repeating: "*/", count: 1_100))
                == .tooManyOperators
        )
        #expect(fault("select 1" + String(repeating: "+", count: 2_100) + "1") == .tooManyOperators)
        #expect(
            fault("select 1\n" + String(repeating: String(repeating: "-", count: 80) + "\n", count: 200))
                == nil
        )
        #expect(fault("select 1\0; drop table t") == .holdsNull)
        #expect(fault([0x73, 0x65, 0xC3, 0x28]) == .notUTF8)
        let many = String(repeating: "select 1;", count: StatementLimits.statements)
        #expect(fault(many) == nil)
        #expect(fault(many + "select 1") == .tooMany(statements: StatementLimits.statements + 1))
        let tables = (0..<StatementLimits.deeds).map { "t\($0)" }
        #expect(fault("select from " + tables.joined(separator: ", ")) == nil)
        #expect(fault("select from x, " + tables.joined(separator: ", ")) == .tooManyDeeds)
    }

    @Test(
        "Nesting that no stack would hold is a fault, not the end of the process",
        arguments: [
            ("select ", "(", "1", ")"), ("select ", "- ", "1", ""), ("select ", "not ", "true", ""),
            ("select 1", "+1", "", ""), ("select a", "::a", "", ""), ("select 1", " union select 1", "", ""),
            ("select from a", " join a on b", "", ""), ("select ", "(select ", "1", ")"),
            ("select ", "array[", "1", "]"), ("select ", "f(", "1", ")"), ("select 1", " isnull", "", ""),
            ("select a", "[1]", "", ""), ("explain ", "explain ", "select 1", ""),
            ("select from ", "(", "a", ")"),
            ("select ", "case when true then ", "1", " end"), ("", "with a as (", "select 1", ") select 1"),
            ("select /*", "/*", "", "*/"), ("select $$", "$$||$$", "$$", ""),
        ]
    )
    func nesting(_ opening: String, _ inner: String, _ middle: String, _ closing: String) {
        let most = (StatementLimits.text - 100) / (inner.utf8.count + closing.utf8.count)
        for count in [100, 1_000, 5_000, 50_000, most] where count <= most {
            let text =
                opening + String(repeating: inner, count: count) + middle
                + String(repeating: closing, count: count)
            _ = StatementReader.read(Array(text.utf8))
        }
        let text =
            opening + String(repeating: inner, count: most) + middle + String(repeating: closing, count: most)
        guard inner != "[1]" else { return }
        guard case .failure = StatementReader.read(Array(text.utf8)) else {
            Issue.record("\(opening)\(inner)… was read")
            return
        }
    }

    @Test("Within the limit a nested statement is read to its bottom")
    func nested() {
        let text =
            String(repeating: "(select ", count: 150) + "pg_sleep(1)" + String(repeating: ")", count: 150)
        #expect(Deeds.of("select " + text) == "select, select calling pg_sleep")
        #expect(
            Deeds.of("select " + String(repeating: "1+", count: 500) + "f(1)") == "select, select calling f"
        )
    }

    @Test("What the parser says is told without what it quotes of the text")
    func faults() {
        #expect(
            Deeds.of("select 'secret' 'secret2'")
                == "fault: PostgreSQL's parser does not take it: syntax error"
        )
        #expect(!Deeds.of("select \"secret").contains("secret"))
        #expect(!Deeds.of("selec 'sk-123'").contains("sk-123"))
    }

    @Test(
        "Where the parser stops, and what it says there, is known in full to who tells the agent",
        arguments: [
            ("select 1 form t x", 15, "syntax error at or near \"t\""),
            ("select '\u{E9}\u{1F600}' a b", 15, "syntax error at or near \"b\""),
            ("select 1;\ndelete fromm t", 18, "syntax error at or near \"fromm\""),
            ("select (1", 10, "syntax error at end of input"),
            ("select 'x", 8, "unterminated quoted string at or near \"'x\""),
            ("select U&'\\00zz'", 11, "invalid Unicode escape"),
        ]
    )
    func positions(_ text: String, _ position: Int, _ said: String) throws {
        guard case .failure(.syntax(let error)) = StatementReader.read(Array(text.utf8)) else {
            Issue.record("it is taken")
            return
        }
        #expect(error.position == position && error.said == said)
    }

    @Test("Texts that are read at once on several threads are each read in their own session's way")
    func threads() async {
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<8 {
                group.addTask {
                    let standard = number % 2 == 0
                    let session = SessionSyntax(hasStandardStrings: standard)
                    return (0..<300).allSatisfy { turn in
                        // Some of them on a stack of their own.
                        let padding = String(repeating: " ", count: turn % 3 == 0 ? 5_000 : 1)
                        let text = "select 'a\\'; drop table t\(number); --'" + padding
                        let expected = standard ? "select | drop on t\(number)" : "select"
                        return Deeds.of(text, session: session) == expected
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}

@Suite
struct StatementCacheTests {
    @Test("What was read is read once, and stays as it was")
    func reads() {
        var cache = StatementCache()
        let text = Array("delete from t where id = $1".utf8)
        let first = cache.read(text)
        #expect(cache.count == 1)
        #expect(cache.read(text) == first)
        #expect(cache.count == 1)
        #expect(first == StatementReader.read(text))
    }

    @Test("A text that means another thing in another session is not taken for it")
    func sessions() {
        var cache = StatementCache()
        let text = Array("select 'a\\'; drop table t; --'".utf8)
        let one = cache.read(text)
        let other = cache.read(text, session: SessionSyntax(hasStandardStrings: false))
        #expect(one != other)
        #expect(cache.read(text) == one)
    }

    @Test("It holds so many texts and octets, and no faults and no long texts")
    func bounds() {
        var cache = StatementCache()
        for number in 0..<(3 * StatementCache.maximumTexts) {
            _ = cache.read(Array("select \(number)".utf8))
            #expect(cache.count <= 2 * StatementCache.maximumTexts)
        }
        var other = StatementCache()
        let padding = String(repeating: " ", count: StatementCache.maximumText - 20)
        for number in 0..<200 { _ = other.read(Array("select \(number)\(padding)".utf8)) }
        #expect(other.count <= 2 * StatementCache.maximumOctets / (StatementCache.maximumText - 20))
        var none = StatementCache()
        _ = none.read(Array("selec 1".utf8))
        _ = none.read(Array(("select 1" + String(repeating: " ", count: StatementCache.maximumText)).utf8))
        #expect(none.count == 0)
    }

    @Test("A text that is asked for again outlives those that are not")
    func generations() {
        var cache = StatementCache()
        let kept = Array("select kept".utf8)
        for number in 0..<(4 * StatementCache.maximumTexts) {
            _ = cache.read(Array("select \(number)".utf8))
            if number % 100 == 0 { _ = cache.read(kept) }
        }
        let count = cache.count
        _ = cache.read(kept)
        #expect(cache.count == count)
    }
}
