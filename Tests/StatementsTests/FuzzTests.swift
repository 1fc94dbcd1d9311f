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

    @Test("Commands of replication: no trap, and none of them is a statement of SQL")
    func replication() throws {
        let words = [
            "start_replication ", "slot ", "logical ", "physical ", "0/0 ", "timeline 1", "(", ")", ",", ";",
            "'",
            "\"", "''", "base_backup ", "target 'server'", "create_replication_slot ", "/", "--", "/*", "\n",
            "target, ",
        ]
        try Fuzz("replication-commands", texts: replicationCommands.map(\.text), words: words).run {
            input,
            _ in
            guard let command = ReplicationCommand(input) else { return }
            try Finding.unless(!command.deeds.isEmpty, "a command that does nothing")
            try Finding.unless(ReplicationCommand.begins(input), "the server takes it for SQL")
            // What it does, and what a plugin or a target does besides.
            try Finding.unless(command.deeds.count <= 2, "more deeds than a command has")
            if case .success = StatementReader.read(input) {
                throw Finding(what: "it is a statement of SQL as well")
            }
        }
    }
}
