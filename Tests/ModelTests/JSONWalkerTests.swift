import Foundation
import Model
import Testing

struct JSONWalkerTests {
    private static func facts(
        _ text: some Collection<UInt8>,
        _ pointers: [String],
        cut: Int = .max
    ) throws -> JSONFacts {
        var walker = JSONWalker(try pointers.map { try #require(JSONPointer($0)) })
        var rest = Array(text)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(cut))
            rest = rest.dropFirst(piece.count)
            walker.read(piece.span.bytes)
        }
        return walker.finish()
    }

    private static func finding(_ text: String, _ pointer: String) throws -> JSONFacts.Finding? {
        let whole = try facts(Array(text.utf8), [pointer])
        for cut in [1, 2, 3, 7] {
            #expect(try facts(Array(text.utf8), [pointer], cut: cut) == whole, "\(text) by \(cut)")
        }
        return whole[try #require(JSONPointer(pointer))]
    }

    @Test(arguments: [
        (#"{"model":"gpt-4"}"#, "/model", "gpt-4"), (#" { "a" : 1 , "model" : "x" } "#, "/model", "x"),
        (#"{"a":{"b":[{"c":"deep"},2]}}"#, "/a/b/0/c", "deep"), (#"["x","y"]"#, "/1", "y"),
        (#"{"m":"\u0067pt\/\\\"\b\f\n\r\t"}"#, "/m", "gpt/\\\"\u{8}\u{c}\n\r\t"),
        (#"{"\u006dodel":"escaped name"}"#, "/model", "escaped name"),
        (#"{"m":"\ud83d\ude00ä中"}"#, "/m", "😀ä中"),
        (#"{"a/b":{"~":"x"}}"#, "/a~1b/~0", "x"), (#"{"":"empty"}"#, "/", "empty"),
        (#"{"0":"name"}"#, "/0", "name"),
        (#"{"other":{"model":"no"},"model":"yes"}"#, "/model", "yes"),
        (#"{"x":[[],{},[1,[2]],-0.5e+3],"m":""}"#, "/m", ""),
    ])
    func `a string is found where the pointer leads`(text: String, pointer: String, value: String) throws {
        #expect(try Self.finding(text, pointer) == .string(Array(value.utf8)))
    }

    @Test(arguments: [
        (#"{"a":true}"#, "/a", JSONFacts.Finding.literal("true")),
        (#"{"a":[false]}"#, "/a/0", .literal("false")),
        (#"{"a":null}"#, "/a", .literal("null")), (#"{"a":1}"#, "/a", .other),
        (#"{"a":{"b":"x"}}"#, "/a", .other),
        (#"{"a":["x"]}"#, "/a", .other), (#"{"b":1}"#, "/a", .absent), (#"{"a":"x"}"#, "/a/b", .absent),
        (#"["x"]"#, "/1", .absent), (#"["x"]"#, "/00", .absent), (#"["x"]"#, "/-", .absent),
        ("7", "/a", .absent),
        (#"{"a":"x","a":"x"}"#, "/a", .ambiguous), (#"{"a":"x","\u0061":"y"}"#, "/a", .ambiguous),
        (#"{"A":"x"}"#, "/a", .ambiguous), (#"{"a":"x","A":1}"#, "/a", .ambiguous),
        (#"{"a":{"b":1},"a":{"c":2}}"#, "/a/b", .ambiguous), ("{\"\u{17F}\":\"x\"}", "/s", .ambiguous),
        ("{\"\u{212A}ey\":\"x\"}", "/key", .ambiguous),
        (#"{"b":1,"b":2,"a":"x"}"#, "/a", .string(Array("x".utf8))),
    ])
    func `what is no string, not there, or there twice is told apart`(
        text: String,
        pointer: String,
        finding: JSONFacts.Finding
    ) throws {
        #expect(try Self.finding(text, pointer) == finding)
    }

    @Test func `a string that is too long to be compared is another value`() throws {
        let long = String(repeating: "x", count: JSONWalker.maximumString)
        #expect(try Self.finding("{\"a\":\"\(long)\"}", "/a") == .string(Array(long.utf8)))
        #expect(try Self.finding("{\"a\":\"\(long)x\"}", "/a") == .other)
    }

    @Test(arguments: [
        "", " ", "{", "}", "{\"a\":\"x\"", "{\"a\":\"x\"}}", "{\"a\":\"x\"} x", "{\"a\":\"x\"}{}", "{a:1}",
        "{'a':1}", "{\"a\" 1}",
        "{\"a\":1,}", "{,}", "[1,]", "[,1]", "[1 2]", "{\"a\":01}", "{\"a\":+1}", "{\"a\":1.}", "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":-}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":tru}", "{\"a\":trueX}", "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\ud800x\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\u{0}\"}", "\u{FEFF}{\"a\":1}", "// c\n{\"a\":1}", "{\"a\":1 /* c */}", "{\"a\":1]", "[1}",
        "\"a", "1 1", "nul",
    ])
    func `C36: what is not one strict document is unreadable`(text: String) throws {
        #expect(try Self.facts(Array(text.utf8), ["/a"]) == .unreadable)
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3], [0xE4, 0xB8], [0xC3, 0x28],
        ] as [[UInt8]]
    )
    func `C36: octets that are no UTF-8 make a document unreadable`(octets: [UInt8]) throws {
        #expect(try Self.facts(Array("{\"a\":\"".utf8) + octets + Array("\"}".utf8), ["/a"]) == .unreadable)
        let utf16 = "{\"a\":\"x\"}".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(try Self.facts(utf16, ["/a"]) == .unreadable)
    }

    @Test func `C36: containers within each other are bounded`() throws {
        let deepest = String(repeating: "[", count: JSONWalker.maximumDepth)
        let end = String(repeating: "]", count: JSONWalker.maximumDepth)
        #expect(try Self.facts(Array((deepest + end).utf8), ["/a"]) != .unreadable)
        #expect(try Self.facts(Array(("[" + deepest + end + "]").utf8), ["/a"]) == .unreadable)
    }

    @Test(arguments: ["", "a", "a/b", "/~", "/~2", "/a~", "/" + String(repeating: "x", count: 256)])
    func `what is no pointer is none`(text: String) {
        #expect(JSONPointer(text) == nil)
    }

    /// Documents changed at random: where Foundation's parser says what stands there, so does the walker, and what it takes
    /// for a document, Foundation does as well.
    @Test(arguments: 0..<8)
    func `a changed document is read as Foundation reads it, or not at all`(seed: UInt64) throws {
        var random = Seeded(state: seed)
        let base = Array(
            #"{"a":{"b":["x",{"c":"\u0041\n","d":-1.5e3}],"e":null},"model":"gpt-4","f":[true,false,{}]}"#
                .utf8
        )
        let marks = Array(#"{}[]",:\u0aA19-+.eEtrufalsn /"#.utf8) + [0xC3, 0xA4, 0x80, 0x00, 0x09]
        var read = 0
        for _ in 0..<4_000 {
            var text = base
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: 0..<text.count, using: &random)
                let mark = marks[Int.random(in: 0..<marks.count, using: &random)]
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text[place] = mark
                case 1: text.insert(mark, at: place)
                default: text.remove(at: place)
                }
            }
            let facts = try Self.facts(text, ["/model", "/a/b/1/c"])
            guard facts != .unreadable else { continue }
            read += 1
            let theirs = try JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
            guard case .string(let model)? = facts[try #require(JSONPointer("/model"))] else { continue }
            #expect((theirs as? [String: Any])?["model"] as? String == String(decoding: model, as: UTF8.self))
        }
        #expect(read > 200, "the comparison compares something")
    }

    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
