import Foundation
import Masking
import Model
import NIOCore
import TestSupport
import Testing

struct TextMaskTests {
    @Test(arguments: MaskTexts.positive)
    func `What is of a kind is masked, in its length and form, and counted`(item: MaskCase) throws {
        let (text, counts) = try MaskTexts.mask(item.text, [item.kind])
        #expect(text == item.masked)
        #expect(text.utf8.count == item.text.utf8.count)
        #expect(counts == [item.kind: 1])
    }

    @Test(arguments: MaskTexts.negative)
    func `What only looks like it stays as it is`(item: MaskCase) throws {
        let (text, counts) = try MaskTexts.mask(item.text, [item.kind])
        #expect(text == item.text)
        #expect(counts.isEmpty)
    }

    @Test(arguments: MaskTexts.positive)
    func `Kinds that the rule does not name stay`(item: MaskCase) throws {
        let others = MaskTexts.all.subtracting([item.kind])
        #expect(try MaskTexts.mask(item.text, others).counts[item.kind] == nil)
    }

    @Test(arguments: MaskTexts.positive + MaskTexts.negative)
    func `Wherever a text is cut in two or three, and octet by octet, it comes out the same`(
        item: MaskCase
    ) throws {
        for around in ["", "x ", "{\"a\":\"", "7 "] {
            let text = around + item.text + " end"
            let whole = try MaskTexts.mask(text)
            let count = text.utf8.count
            for first in 1..<count {
                let halves = try MaskTexts.mask(text, cuts: [first])
                #expect(halves.text == whole.text, "cut at \(first)")
                #expect(halves.counts == whole.counts, "cut at \(first)")
                #expect(try MaskTexts.mask(text, cuts: [first, first + 3]).text == whole.text)
            }
            #expect(try MaskTexts.mask(text, cuts: Array(1..<count)).text == whole.text)
        }
    }

    @Test(arguments: MaskTexts.positive)
    func `Masking what was masked changes nothing`(item: MaskCase) throws {
        let once = try MaskTexts.mask(item.text).text
        #expect(try MaskTexts.mask(once).text == once)
    }

    @Test func `Random cuts of random texts give what no cut gives`() throws {
        var random = SplitMix(4)
        let pieces =
            MaskTexts.positive.map(\.text) + MaskTexts.negative.map(\.text) + [
                " ", "\n", "-", ".", "+", "\\", "\\u00", "@", "4111 ", "1111", "DE", "AA12", "(", ")", "eyJ",
                "ghp_",
                "-----BEGIN ", "PRIVATE KEY-----", "plain words ", "\", \"", "%4", "%40", "&",
            ]
        for syntax in [EscapeSyntax.backslash, .form, [.reference, .backslash]] {
            for _ in 0..<400 {
                let text = (0..<Int.random(in: 1...10, using: &random)).map { _ in
                    pieces.randomElement(using: &random) ?? ""
                }.joined()
                let whole = try MaskTexts.mask(text, MaskTexts.all, syntax)
                let count = text.utf8.count
                let cuts = (0..<6).map { _ in Int.random(in: 0...count, using: &random) }.sorted()
                let cut = try MaskTexts.mask(text, MaskTexts.all, syntax, cuts: cuts)
                #expect(cut.text == whole.text, "\(text.debugDescription) at \(cuts)")
                #expect(whole.text.utf8.count == count)
            }
        }
    }

    @Test(arguments: [
        ("m=bob%40example.org&t=%2B49+151+12345678", "m=xxx%40xxxxxxx.xxx&t=%2B99+999+99999999"),
        ("c=4111+1111+1111+1111&x=%62ob@a.de", "c=9999+9999+9999+9999&x=%78xx@x.xx"),
    ])
    func `A form is read as its reader does`(text: String, masked: String) throws {
        #expect(try MaskTexts.mask(text, MaskTexts.all, .form).text == masked)
    }

    @Test(arguments: [
        ("<a>bob&#64;example&#x2e;org &amp;</a>", "<a>xxx&#64;xxxxxxx&#x2e;xxx &amp;</a>"),
        ("&lt;&#98;ob&commat;a.de&gt;", "&lt;&#88;xx&commat;x.xx&gt;"), ("&#098;ob@a.de", "&#120;xx@x.xx"),
        ("&#x62;ob@a.de", "&#x78;xx@x.xx"),
    ])
    func `References of HTML and XML are read`(text: String, masked: String) throws {
        #expect(try MaskTexts.mask(text, MaskTexts.all, [.reference, .backslash]).text == masked)
    }

    @Test func `A JSON document stays one, with the same keys and types`() throws {
        let document: [String: Any] = [
            "n": 4_111_111_111_111_111, "s": MaskTexts.positive.map(\.text),
            "deep": ["m": "a\nbob@example.com\t\u{1F600}"],
            "flag": true, "pi": 3.14,
        ]
        for options in [JSONSerialization.WritingOptions.sortedKeys, [.sortedKeys, .withoutEscapingSlashes]] {
            let data = try JSONSerialization.data(withJSONObject: document, options: options)
            let text = String(decoding: data, as: UTF8.self)
            let masked = try MaskTexts.mask(text).text
            let read = try #require(
                try JSONSerialization.jsonObject(with: Data(masked.utf8)) as? [String: Any]
            )
            #expect(Set(read.keys) == Set(document.keys))
            #expect(read["n"] as? Int == 9_999_999_999_999_999)
            #expect((read["s"] as? [String])?.count == MaskTexts.positive.count)
            #expect(masked.utf8.count == text.utf8.count)
            #expect(!masked.contains("bob"))
            // A document in a string of it stays one as well.
            let inner = try #require((read["s"] as? [String])?[1])
            #expect(try JSONSerialization.jsonObject(with: Data(inner.utf8)) is [String: Any])
        }
    }

    @Test(arguments: [
        "data: {\"x\": 1}\n\n", "{\"a\":[1,2,3]}", "Hello, how are you?", "a\n", "</p>", "12:30;",
    ])
    func `What cannot begin anything is passed on at once`(text: String) throws {
        var mask = TextMask(MaskTexts.all, .backslash)
        #expect(mask.passed(text) == text)
    }

    @Test func `What is kept back is one word`() throws {
        var mask = TextMask(MaskTexts.all, .backslash)
        #expect(mask.passed("Hello wor") == "Hello ")
        let long = String(repeating: "wor", count: 1000)
        #expect(mask.passed(long).count == 3003 - 320)
        #expect(mask.rest().count == 320)
    }

    @Test func `A key or a token of any length is masked to its end in constant memory`() throws {
        let line = String(repeating: "MIIE", count: 16) + "\n"
        var mask = TextMask(MaskTexts.all, .backslash)
        _ = mask.mask(ByteBuffer(string: "-----BEGIN PRIVATE KEY-----\n"))
        for _ in 0..<1000 {
            #expect(mask.passed(line) == line.replacing(#/[A-Z]/#, with: "x"))
        }
        #expect(mask.passed("-----END PRIVATE KEY-----\nMIIE\n").hasSuffix("MIIE\n"))
        _ = mask.mask(ByteBuffer(string: " ghp_" + String(repeating: "a1", count: 20)))
        #expect(mask.passed("Zz9") == "xxx")
        #expect(mask.counts == [.privateKey: 1, .token: 1])
    }

    @Test(arguments: 0..<9)
    func `A number is found at any place among eight octets`(shift: Int) throws {
        for item in MaskTexts.positive where ![.email, .token, .privateKey].contains(item.kind) {
            let text = String(repeating: ";", count: shift) + item.text + ";"
            #expect(try MaskTexts.mask(text, [item.kind]).counts == [item.kind: 1], "\(text)")
        }
    }

    @Test func `Ordinary text has nothing of any kind`() throws {
        for name in [
            "README.md", "ARCHITECTURE.md", "docs/profiles.md", "SECURITY.md", "profiles/host-runs.tsv",
        ] {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let text = try String(contentsOf: root.appending(path: name), encoding: .utf8)
            #expect(try MaskTexts.mask(text).counts == [:], "\(name)")
        }
        var random = SplitMix(9)
        let digests = (0..<2000).map { _ in String(random.next(), radix: 16) }.joined(separator: "-")
        #expect(try MaskTexts.mask(digests).counts == [:])
        let clock = (0..<2000).map { "\(1_700_000_000 + $0 * 37), \(1_700_000_000_000 + $0)" }.joined(
            separator: ", "
        )
        #expect(try MaskTexts.mask(clock).counts == [:])
    }
}

extension TextMask {
    fileprivate mutating func passed(_ text: String) -> String {
        mask(ByteBuffer(string: text)).map { String(buffer: $0) } ?? "no search"
    }

    fileprivate mutating func rest() -> String { finish().map { String(buffer: $0) } ?? "no search" }
}
