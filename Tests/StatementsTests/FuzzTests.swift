import Model
import Statements
import TestSupport
import Testing

struct FuzzTests {
    @Test("Statements: no trap, read or a fault, the same twice and in a batch")
    func statements() throws {
        let texts = (rowStatements + objectStatements + sessionStatements + otherStatements).map(\.text)
        let words = [
            "select ", " from ", " where ", "(", ")", ";", "'", "\"", "$$", "/*", "*/", "--", "\\", "U&\"",
            "with x as (",
            "pg_sleep(1)", " union ", "delete from t", "update t set a = 1", "explain analyze ",
            "copy t to program 'x'",
            "set role x", "e'\\'", "insert into t ", "::", "array[", "\n",
        ]
        var cache = StatementCache()
        try Fuzz("statements", texts: texts, words: words).run { input, _ in
            for standard in [true, false, nil] {
                let session = SessionSyntax(hasStandardStrings: standard)
                let result = StatementReader.read(input, session: session)
                try Finding.unless(cache.read(input, session: session) == result, "the cache says otherwise")
                guard case .success(let facts) = result else { continue }
                try Finding.unless(facts.allSatisfy { !$0.deeds.isEmpty }, "a statement that does nothing")
                let count = facts.deeds.count
                try Finding.unless(count <= StatementLimits.deeds, "more deeds than the limit")
            }
        }
    }
}
