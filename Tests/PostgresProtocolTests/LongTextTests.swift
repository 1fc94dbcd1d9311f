import Model
import NIOCore
import PostgresProtocol
import Testing
import Wire

/// Texts that are read elsewhere, and messages that are not read at all.
struct LongTextTests {
    private static let allowed = Ruling.allowed(injection: nil)
    private static let long = "select 'a text that is longer than that'"

    private static func taken(_ talk: Talk) throws -> LongText {
        let text = talk.engine.takeLongText()
        return try #require(text)
    }

    private static func read(_ text: LongText) -> Result<ReadStatements, UnreadStatement> {
        TextReader().read(text.text, text.syntax)
    }

    @Test func `A long text is read elsewhere; what comes behind it waits, in its order`() throws {
        let talk = try Talk(longText: 20)
        #expect(try talk.client(Say.query(Self.long), Say.query("select 2")) == [])
        #expect(!talk.wantsMore)
        let text = try Self.taken(talk)
        #expect(String(buffer: text.text) == Self.long)
        let none = talk.engine.takeLongText()
        #expect(none == nil)
        #expect(try talk.read(Self.read(text)) == ["ask 1 SQL \(Self.long)"])
        try talk.rule(1, Self.allowed)
        #expect(talk.taken() == ["up 1 Q", "ask 2 SQL select 2"])
        // It is said once.
        #expect(try talk.read(Self.read(text)) == [])
    }

    @Test func `One that cannot be read is refused, and the session goes on`() throws {
        let talk = try Talk(longText: 20)
        #expect(try talk.client(Say.query("unreadable, and longer than that"), Say.query("select 2")) == [])
        let text = try Self.taken(talk)
        #expect(try talk.read(Self.read(text)) == ["refused 1 malformed", "up 0 Q", "ask 2 SQL select 2"])
    }

    @Test func `A setting that the server changes meanwhile has it read again`() throws {
        let talk = try Talk(longText: 20)
        #expect(try talk.client(Say.query(Self.long)) == [])
        let text = try Self.taken(talk)
        _ = try talk.server(Tell.status("standard_conforming_strings", "off"))
        #expect(try talk.read(Self.read(text)) == [])
        let again = try Self.taken(talk)
        #expect(again.syntax.hasStandardStrings == false)
        #expect(try talk.read(Self.read(again)) == ["ask 1 SQL \(Self.long)"])
    }

    @Test func `An error before it in a pipeline has it dropped`() throws {
        let talk = try Talk(TestRules(), longText: 20)
        #expect(
            try talk.client(Say.parse("select 1", as: "a"), Say.parse(Self.long, as: "b"), Say.sync).last
                == "up 1 P"
        )
        let text = try Self.taken(talk)
        _ = try talk.server(Tell.error("42601"))
        #expect(try talk.read(Self.read(text)) == ["up 0 S"])
    }

    @Test func `An end meanwhile is the session's`() throws {
        let talk = try Talk(longText: 20)
        #expect(try talk.client(Say.query(Self.long)) == [])
        let text = try Self.taken(talk)
        #expect(try talk.ended(.client).last == "close")
        #expect(try talk.read(Self.read(text)) == [])
    }

    private static func head(_ tag: String, _ length: Int) -> [UInt8] {
        Array(tag.utf8) + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
    }

    @Test func `A message that is too long is dropped as it comes, with an error, and the session goes on`()
        throws
    {
        let talk = try Talk()
        let part = [UInt8](repeating: 0x78, count: 65_536)
        #expect(try talk.client(Self.head("Q", 16_777_220)) == ["up 0 Q"])
        for _ in 0..<255 { #expect(try talk.client(part) == []) }
        #expect(try talk.client(part + Say.query("select 1")) == ["ask 1 SQL select 1"])
        try talk.rule(1, Self.allowed)
        #expect(talk.taken() == ["up 1 Q"])
        #expect(try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 54000", "down Z"])
    }

    @Test(arguments: ["P", "B"])
    func `One of a pipeline is an error to its Sync`(tag: String) throws {
        let talk = try Talk()
        let part = [UInt8](repeating: 0x78, count: 65_536)
        #expect(try talk.client(Self.head(tag, 16_777_220) + part) == ["up 0 P"])
        for _ in 0..<254 { #expect(try talk.client(part) == []) }
        #expect(try talk.client(part + Say.query("select 1") + Say.sync) == ["up 0 S"])
        #expect(
            try talk.server(Tell.error("42601"), Tell.ready()) == ["reply E ERROR 54000", "down Z"]
        )
        #expect(try talk.client(Say.query("select 2")) == ["ask 1 SQL select 2"])
    }
}
