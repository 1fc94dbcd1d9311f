import PostgresProtocol
import Testing

/// Texts behind what may change how the server reads them.
struct SettingsTests {
    private static let begun = Tell.complete("BEGIN") + Tell.complete("SET") + Tell.ready("T")

    /// A session whose open transaction has set something, and is settled.
    private func inTransaction() throws -> Talk {
        let talk = try Talk(TestRules())
        #expect(
            try talk.client(Say.query("begin; set local x")) == ["ask 1 SQL begin; set local x", "up 1 Q"]
        )
        _ = try talk.server(Self.begun)
        return talk
    }

    @Test func `An error undoes what its transaction set: a text behind what may fail waits for the answer`()
        throws
    {
        for text in ["rollback; select '\\'", "rollback; select 'é'"] {
            let talk = try inTransaction()
            #expect(
                try talk.client(Say.query("select 1/0"), Say.query(text)) == [
                    "ask 2 SQL select 1/0", "up 2 QH",
                ]
            )
            #expect(
                try talk.server(Tell.error("22012"), Tell.ready("E")) == [
                    "down E", "finished 2 - 22012", "down Z", "ask 3 SQL \(text)", "up 3 Q",
                ]
            )
        }
    }

    @Test func `So does one behind what is refused, and one in the extended protocol`() throws {
        let refused = try inTransaction()
        let lines = try refused.client(Say.query("forbidden"), Say.query("rollback; select '\\'"))
        #expect(!lines.contains { $0.contains("rollback") }, "\(lines)")
        #expect(
            try refused.server(Tell.error("42601"), Tell.ready("E")).contains(
                "ask 3 SQL rollback; select '\\'"
            )
        )
        let extended = try inTransaction()
        let asked = try extended.client(Say.whole("select 1/0"), Say.sync, Say.parse("select '\\'"))
        #expect(!asked.contains { $0.contains("'\\'") }, "\(asked)")
        #expect(
            try extended.server(Tell.parsed, Tell.bound, Tell.error("22012"), Tell.ready("E")).contains(
                "ask 3 SQL select '\\'"
            )
        )
    }

    @Test func `Nothing else waits, nor does anything when the transaction is over, or has set nothing`()
        throws
    {
        let talk = try inTransaction()
        #expect(
            try talk.client(Say.query("select 1/0"), Say.query("select 'a'")) == [
                "ask 2 SQL select 1/0", "up 2 Q", "ask 3 SQL select 'a'", "up 3 Q",
            ]
        )
        _ = try talk.server(Tell.error("22012"), Tell.ready("E"), Tell.error("25P02"), Tell.ready("E"))
        _ = try talk.client(Say.query("rollback"))
        _ = try talk.server(Tell.complete("ROLLBACK"), Tell.ready())
        let other = try Talk(TestRules())
        _ = try other.client(Say.query("begin"))
        _ = try other.server(Tell.complete("BEGIN"), Tell.ready("T"))
        for (talk, next) in [(talk, 5), (other, 2)] {
            #expect(
                try talk.client(Say.query("select 1"), Say.query("select '\\'")) == [
                    "ask \(next) SQL select 1", "up \(next) Q", "ask \(next + 1) SQL select '\\'",
                    "up \(next + 1) Q",
                ]
            )
        }
    }

    private static let copied =
        Tell.copyOut() + Say.data("secret\n") + Say.done + Tell.complete("COPY 1")

    @Test
    func `A COPY is masked in the encoding that the server has said: one sent at once behind SET waits`()
        throws
    {
        let talk = try Talk(TestRules(columns: [ColumnMask(column: "b")]))
        let copy = "copy following b to stdout"
        #expect(
            try talk.client(Say.query("set x"), Say.query(copy)) == ["ask 1 SQL set x", "up 1 QH"]
        )
        #expect(try talk.server(Tell.complete("SET"), Tell.ready()).contains("ask 2 SQL \(copy)"))
        let lines = try talk.server(Self.copied + Tell.ready())
        #expect(lines.contains { $0.hasPrefix("masked 2") }, "\(lines)")
        #expect(!lines.contains("reply E ERROR 42501"), "\(lines)")
        #expect(!String(decoding: talk.toClient, as: UTF8.self).contains("secret"))
    }

    @Test func `In one segment with SET it is not shown`() throws {
        let talk = try Talk(TestRules(columns: [ColumnMask(column: "b")]))
        _ = try talk.client(Say.parse("set x"), Say.bind(), Say.execute())
        _ = try talk.client(Say.whole("copy following b to stdout"), Say.sync)
        _ = try talk.server(Tell.parsed, Tell.bound, Tell.noData, Tell.complete("SET"))
        let lines = try talk.server(Tell.parsed, Tell.bound, Self.copied)
        #expect(lines.contains("reply E ERROR 42501"), "\(lines)")
        #expect(try talk.server(Tell.ready()).last == "down Z")
        #expect(!String(decoding: talk.toClient, as: UTF8.self).contains("secret"))
    }

    @Test func `To plan a statement runs functions: its Bind unsettles as its Execute does`() throws {
        let talk = try Talk(TestRules())
        #expect(try talk.client(Say.parse("set x"), Say.bind()) == ["ask 1 SQL set x", "up 1 PB"])
        #expect(try talk.client(Say.parse("select '\\'")) == ["up 0 H"])
        let lines = try talk.server(Tell.parsed, Tell.bound)
        #expect(lines.contains("ask 2 SQL select '\\' either way"), "\(lines)")
    }
}
