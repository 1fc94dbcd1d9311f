import NIOCore
import TestSupport
import Testing
import Wire

struct PatternScannerTests {
    private static func found(_ text: String, _ patterns: [String], cut: Int) throws -> Int? {
        let set = try #require(PatternSet(patterns.map { Array($0.utf8) }))
        var scanner = PatternScanner(set)
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: cut) {
            let chunk = ByteBuffer(bytes: bytes[start..<min(start + cut, bytes.count)])
            if let index = scanner.scan(chunk) { return index }
        }
        return nil
    }

    @Test(arguments: [1, 2, 3, 5, 100])
    func `A pattern is found across any chunk borders, in either case`(cut: Int) throws {
        let patterns = ["ghp_0123456789", "sk-abc", "abcabd"]
        #expect(try Self.found("x ghp_0123456789 y", patterns, cut: cut) == 0)
        #expect(try Self.found("x GHP_0123456789 y", patterns, cut: cut) == 0)
        #expect(try Self.found("sk-absk-abc", patterns, cut: cut) == 1)
        #expect(try Self.found("abcabcabd", patterns, cut: cut) == 2)
        #expect(try Self.found("ghp_012345678 sk-ab abcab", patterns, cut: cut) == nil)
        #expect(try Self.found("", patterns, cut: cut) == nil)
    }

    @Test func `A pattern within a longer one's beginning is found`() throws {
        #expect(try Self.found("xabcdy", ["abcde", "bcd"], cut: 1) == 1)
        #expect(try Self.found("xbcdy", ["abcde", "cd", "bc"], cut: 2) == 2)
    }

    @Test func `An empty set finds nothing, and one over the bound is not made`() throws {
        #expect(try #require(PatternSet([])).isEmpty)
        #expect(try #require(PatternSet([[]])).isEmpty)
        #expect(try Self.found("abc", [], cut: 1) == nil)
        #expect(PatternSet([[UInt8](repeating: 1, count: PatternSet.maximumOctets + 1)]) == nil)
    }

    @Test func `All 256 octets can be in patterns`() throws {
        let all = (0...255).map { UInt8($0) }
        let set = try #require(PatternSet([all]))
        var scanner = PatternScanner(set)
        #expect(scanner.scan(ByteBuffer(bytes: all)) == 0)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `It agrees with a plain search on random texts`(seed: UInt64) throws {
        var random = SplitMix(seed)
        let alphabet = Array("abz".utf8)
        func text(_ count: Int) -> String {
            String(
                decoding: (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0 },
                as: Unicode.UTF8.self
            )
        }
        let patterns = (0..<3).map { _ in text(Int.random(in: 1...6, using: &random)) }
        let haystack = text(30)
        let expected = patterns.contains { haystack.contains($0) }
        #expect(
            (try Self.found(haystack, patterns, cut: Int.random(in: 1...7, using: &random)) != nil)
                == expected
        )
    }

    @Test(arguments: [
        ("a%41b", "aab"), ("x%4", "%4"), ("%%41z", "%az"), ("%4%41", "%4a"), ("%zz", "%zz"), ("%4gh", "%4gh"),
        ("100%", "100%"), ("%41%42%43", "abc"), ("%2541", "%41"), ("%61b%63", "abc"),
    ])
    func `A percent-encoded pattern is found, broken escapes stand for themselves`(
        raw: String,
        decoded: String
    ) throws {
        for cut in 1...4 {
            #expect(try Self.found(raw, [decoded], cut: cut) == 0)
            #expect(try Self.found(raw, [decoded + "x", "x" + decoded + "y"], cut: cut) == nil)
        }
    }

    @Test func `After an escape both readings are followed until they agree again`() throws {
        #expect(try Self.found("%61bcd", ["%61bcd"], cut: 1) == 0)
        #expect(try Self.found("%61bcd", ["abcd"], cut: 1) == 0)
        #expect(try Self.found("%zz then abcd", ["abcd"], cut: 3) == 0)
        #expect(try Self.found("%abcd", ["abcd"], cut: 1) == 0)
    }
}
