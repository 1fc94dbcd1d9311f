import Model
import NIOCore
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
        var lines = try talk.client(Say.parse("set x"), Say.bind(), Say.execute())
        lines += try talk.client(Say.whole("copy following b to stdout"), Say.sync)
        // The gateway asks for a description as well: the columns of what it masks.
        lines += try talk.server(Tell.parsed, Tell.bound, Tell.noData, Tell.complete("SET"))
        lines += try talk.server(Tell.parsed, Tell.bound, Tell.noData, Self.copied)
        lines += try talk.server(Tell.ready())
        #expect(lines.contains("reply E ERROR 42501") && lines.last == "down Z", "\(lines)")
        #expect(!String(decoding: talk.toClient, as: UTF8.self).contains("secret"))
    }

    @Test func `To plan a statement runs functions: its Bind unsettles as its Execute does`() throws {
        let talk = try Talk(TestRules())
        #expect(try talk.client(Say.parse("set x"), Say.bind()) == ["ask 1 SQL set x", "up 1 PB"])
        #expect(try talk.client(Say.parse("select '\\'")) == ["up 0 H"])
        let lines = try talk.server(Tell.parsed, Tell.bound)
        #expect(lines.contains("ask 2 SQL select '\\' either way"), "\(lines)")
    }

    // MARK: Names

    /// `größe`, in LATIN1.
    private static let name: [UInt8] = [0x67, 0x72, 0xF6, 0xDF, 0x65]

    /// A column of text, of no table.
    private static func described(_ name: [UInt8]) -> [UInt8] {
        let type: [UInt8] = [0, 0, 0, 25]
        return Say.message(
            "T",
            [0, 1] + name + [0] + [0, 0, 0, 0, 0, 0] + type + [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]
        )
    }

    private static func columns(named name: [UInt8]) -> PostgresCatalog.Outcome {
        let fields = ["1", "1", "public", "pers"].map { Array($0.utf8) } + [name, Array("25".utf8), []]
        var catalog = PostgresCatalog(masks: [ColumnMask(table: "pers", column: "größe")])
        let answer = Tell.complete("SET") + Tell.row(fields) + Tell.complete("SELECT 1") + Tell.ready()
        return catalog.received(ByteBuffer(bytes: answer))
    }

    @Test func `A catalog is asked for in UTF-8, and a name in it that is none ends the login`() {
        #expect(String(buffer: PostgresCatalog.question).contains("SET LOCAL client_encoding TO 'UTF8'; "))
        guard case .ready(let columns) = Self.columns(named: Array("größe".utf8)) else {
            Issue.record("no catalog")
            return
        }
        #expect(columns[ColumnPlace(table: 1, number: 1)]?.column == ByteText("größe"))
        guard case .failed = Self.columns(named: Self.name) else {
            Issue.record("a name that was mended")
            return
        }
    }

    @Test func `A result's name that cannot be read may be any that is not ASCII, and is masked as such`()
        throws
    {
        func shows(_ name: [UInt8], in encoding: String, behind others: [UInt8] = []) throws -> Bool {
            let talk = try Talk(TestRules(columns: [ColumnMask(column: "größe")]))
            _ = try talk.client(Say.query("select 1"))
            let status = Tell.status("client_encoding", encoding)
            _ = try talk.server(status, Tell.complete("SELECT 1"), Tell.ready())
            _ = try talk.client(others + Say.query("select 2"))
            if !others.isEmpty { _ = try talk.server(Tell.complete("SET"), Tell.ready()) }
            _ = try talk.server(Self.described(name), Tell.row("secret"), Tell.complete("SELECT 1"))
            return String(decoding: talk.toClient, as: UTF8.self).contains("secret")
        }
        #expect(try !shows(Self.name, in: "LATIN1") && !shows(Self.name, in: "UTF8"))
        #expect(try !shows(Array("größe".utf8), in: "UTF8"))
        // What may have come in another encoding than the server said last.
        #expect(try !shows(Array("straße".utf8), in: "UTF8", behind: Say.query("set x")))
        #expect(try shows(Array("straße".utf8), in: "UTF8") && shows(Array("plain".utf8), in: "LATIN1"))
    }
}
