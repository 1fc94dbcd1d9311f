import Foundation
import Model
import NIOCore
import Reflection
import TestSupport
import Testing

struct ReflectionMaskTests {
    @Test(arguments: Texts.spellings)
    func `F10: each spelling is masked, in its length and form`(reflected: Reflected) throws {
        #expect(try Texts.masked(reflected.text, cuts: []) == reflected.masked)
        #expect(reflected.text.utf8.count == reflected.masked.utf8.count)
    }

    @Test(arguments: Texts.spellings)
    func `F11: each spelling is masked wherever it is cut in two or three, and octet by octet`(
        reflected: Reflected
    ) throws {
        let count = reflected.text.utf8.count
        for first in 1..<count {
            #expect(try Texts.masked(reflected.text, cuts: [first]) == reflected.masked)
            #expect(try Texts.masked(reflected.text, cuts: [first, first + 1]) == reflected.masked)
        }
        #expect(try Texts.masked(reflected.text, cuts: Array(1..<count)) == reflected.masked)
    }

    @Test(arguments: Texts.base64, [false, true])
    func `F10: base64 at any alignment and in both alphabets holds none of the secret's whole characters`(
        text: String,
        isURL: Bool
    ) throws {
        var encoded = Data(text.utf8).base64EncodedString()
        if isURL { encoded = encoded.replacing("+", with: "-").replacing("/", with: "_") }
        for cut in 0..<encoded.count {
            let masked = try Texts.masked(encoded, cuts: [cut])
            #expect(masked.count == encoded.count)
            let standard = masked.replacing("-", with: "+").replacing("_", with: "/")
            let decoded = try #require(Data(base64Encoded: standard))
            let before = text.utf8.count - Texts.secret.utf8.count
            #expect(decoded.count == text.utf8.count)
            // No three of its octets in a row are left.
            let shown = Array(decoded)
            let hidden = Array(Texts.secret.utf8)
            for start in 0...(hidden.count - 3) {
                let run = Array(hidden[start..<start + 3])
                #expect(!shown.indices.dropLast(2).contains { Array(shown[$0..<$0 + 3]) == run }, "\(before)")
            }
        }
    }

    @Test func `Random cuts of random texts give what no cut gives, and nothing else is changed`() throws {
        var random = SplitMix(20)
        let pieces =
            Texts.spellings.map(\.text) + [
                "%", "%4", "\\", "\\u00", "&", "&#", "&am", "s3cr3t/", "czNjcjN0", "plain text ",
                "{\"a\": 1}\n", "%41",
                "\\n", "&lt;", "73336372",
            ]
        for _ in 0..<400 {
            let text = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            let whole = try Texts.masked(text, cuts: [])
            let count = text.utf8.count
            let cuts = (0..<8).map { _ in Int.random(in: 0...count, using: &random) }.sorted()
            #expect(try Texts.masked(text, cuts: cuts) == whole)
            #expect(whole.utf8.count == count)
            #expect(!whole.contains(Texts.secret))
        }
    }

    @Test func `F10: the parts of a signed token, shown one by one, are not the token`() throws {
        let parts = [
            #"{"alg":"ES256"}"#, #"{"sub":"user:alice"}"#,
            String(repeating: "so signed that it has 64 octets!", count: 2),
        ].map { Data($0.utf8).base64EncodedString().replacing("=", with: "") }
        let token = parts.joined(separator: ".")
        let masked = try Texts.masked(parts.joined(separator: "\n"), cuts: [], token)
        #expect(!masked.contains(parts[2].prefix(8)) && masked.utf8.count == token.utf8.count, "\(masked)")
        #expect(try !Texts.masked(token, cuts: [], token).contains("ey"))
        // The last part of another text with two dots, as of a host's name, is no secret of its own.
        let label = String(repeating: "a", count: 42)
        #expect(try Texts.masked(label, cuts: [], "www.example.\(label)") == label)
    }

    @Test func `An escape whose letter begins the secret is read alike wherever it is cut`() throws {
        let spellings = try #require(SecretSpellings(ofField: "Bearer nXq8-Lz51Tw7"))
        let text = #"a\nXq%38-Lz51Tw7 b\\nXq8-Lz51Tw7 c\\u006eXq8-Lz51Tw7 d\u006eXq8-Lz51Tw7"#
        func masked(cutAt place: Int) -> String {
            var mask = ReflectionMask(spellings)
            let head = mask.mask(ByteBuffer(string: String(text.prefix(place))))
            let tail = mask.mask(ByteBuffer(string: String(text.dropFirst(place))))
            return [head, tail, mask.finish()].map { String(buffer: $0) }.joined()
        }
        let whole = masked(cutAt: 0)
        #expect(whole.hasPrefix(#"a\nXq%38-Lz51Tw7 b\\"#) && !whole.hasSuffix("Tw7"))
        for place in 1..<text.count { #expect(masked(cutAt: place) == whole) }
    }

    @Test func `Whichever octet of a spelling is escaped, and however, it is found`() throws {
        let spellings = try #require(SecretSpellings(ofField: "Bearer " + Texts.secret))
        for written in [Texts.secret, Data(Texts.secret.utf8).base64EncodedString()] {
            let octets = Array(written.utf8)
            for (place, octet) in octets.enumerated() {
                let hex = (octet < 16 ? "0" : "") + String(octet, radix: 16)
                for escape in ["%\(hex)", "\\u00\(hex)", "\\x\(hex)", "&#\(octet);", "&#x\(hex);"] {
                    let (head, tail) = (octets[..<place], octets[(place + 1)...])
                    let text =
                        "before " + String(decoding: head, as: UTF8.self) + escape
                        + String(decoding: tail, as: UTF8.self) + " behind it, long enough"
                    #expect(ReflectionMask.masked(text, spellings) != nil, "\(text)")
                }
            }
        }
    }

    @Test func `Octets without the secret pass as they are`() throws {
        var random = SplitMix(7)
        let bytes = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        var mask = ReflectionMask(try #require(SecretSpellings(ofField: Texts.secret)))
        var passed: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 997) {
            passed +=
                mask.mask(ByteBuffer(bytes: bytes[start..<min(start + 997, bytes.count)])).readableBytesView
        }
        passed += mask.finish().readableBytesView
        #expect(passed == bytes)
        #expect(!mask.hasFound)
    }

    @Test(arguments: ["event", "data: {\"x\": 1}\n\n", "\n", "100 % sure\n\n", "a \\ b & c\n\n"])
    func `What cannot begin a spelling is passed on at once`(event: String) throws {
        var mask = ReflectionMask(try #require(SecretSpellings(ofField: "Bearer zzzzzzzz/zz")))
        #expect(String(buffer: mask.mask(ByteBuffer(string: event))) == event)
    }

    @Test func `What could begin one is kept back, until it does not`() throws {
        var mask = ReflectionMask(try #require(SecretSpellings(ofField: "Bearer " + Texts.secret)))
        #expect(String(buffer: mask.mask(ByteBuffer(string: "a s3cr3t"))) == "a ")
        #expect(String(buffer: mask.mask(ByteBuffer(string: " "))) == "s3cr3t ")
        #expect(String(buffer: mask.mask(ByteBuffer(string: "%7"))).isEmpty)
        #expect(String(buffer: mask.finish()) == "%7")
        #expect(!mask.hasFound)
    }

    @Test(arguments: ["a text", "a text, and s3cr3t"])
    func `A chunk that was read is not held, so that its buffer is read into again`(text: String) throws {
        var mask = ReflectionMask(try #require(SecretSpellings(ofField: "Bearer " + Texts.secret)))
        var chunk = ByteBuffer(string: text)
        let passed = mask.mask(chunk)
        let isHeld = chunk.writesToCopy()
        #expect(isHeld, "what was passed on is a slice of it: \(passed)")
        chunk = ByteBuffer(string: text)
        _ = mask.mask(chunk)
        let isStillHeld = chunk.writesToCopy()
        #expect(!isStillHeld)
    }

    @Test
    func `What the request itself was sent with is masked to the end, whatever its host is sent meanwhile`()
        throws
    {
        func spellings(_ value: String) throws -> SecretSpellings {
            try #require(SecretSpellings(ofField: "Bearer \(value)"))
        }
        var chain = ReflectionChain([try spellings(Texts.secret)])
        for number in 0..<3 * ReflectionLimits.ofHost { chain.add(try spellings("rotated-value-\(number)")) }
        let last = 3 * ReflectionLimits.ofHost - 1
        var passed = chain.mask(
            ByteBuffer(string: "\(Texts.secret) rotated-value-\(last) rotated-value-0 end")
        )
        var rest = chain.finish()
        passed.writeBuffer(&rest)
        let text = String(buffer: passed)
        #expect(!text.contains(Texts.secret) && !text.contains("value-\(last)"), "\(text)")
        #expect(text.hasSuffix(" rotated-value-0 end"), "the control: that one was given up")
    }

    @Test(arguments: 1...8)
    func `Masks that come while a stream is under way lose nothing, whatever was kept back`(count: Int) throws
    {
        var chain = ReflectionChain([])
        var passed = ByteBuffer()
        var expected = ""
        for number in 0..<count {
            // The end of each piece is the beginning of what the mask before looks for.
            let text = "a secret-\(number)-value b secret-\(number)-v"
            chain.add(try #require(SecretSpellings(ofField: "Bearer secret-\(number)-value")))
            passed.writeImmutableBuffer(chain.mask(ByteBuffer(string: text)))
            expected += "a ************** b secret-\(number)-v"
        }
        passed.writeImmutableBuffer(chain.finish())
        #expect(String(buffer: passed) == expected && chain.hasFound)
    }

    @Test func `Of Basic, the pair and the password are secret as well as their base64`() throws {
        let encoded = Data("svc:pass-word-1".utf8).base64EncodedString()
        let spellings = try #require(SecretSpellings(ofField: "Basic " + encoded))
        for (text, expected) in [
            (encoded, "*"), ("svc:pass-word-1", "*"), ("pw=pass-word-1", "*"), ("<pass%2Dword%2d1>", "*"),
        ] {
            let masked = try #require(ReflectionMask.masked(text, spellings))
            #expect(masked.contains(expected) && masked.count == text.count)
            #expect(!masked.contains("word"))
        }
        #expect(ReflectionMask.masked("svc and svc:", spellings) == nil)
        let token = try #require(
            SecretSpellings(ofField: "Basic " + Data("ghp_0123456:x-oauth-basic".utf8).base64EncodedString())
        )
        #expect(ReflectionMask.masked("ghp_0123456", token) == "***********")
        #expect(ReflectionMask.masked("x-oauth-basic", token) == nil)
    }

    @Test(arguments: [5, 6, 4096, 4097])
    func `A secret is looked for when it has 6 to 4096 octets`(count: Int) {
        let value = "Bearer " + String(repeating: "k9/", count: 2000).prefix(count)
        let isSearchable = (6...4096).contains(count)
        #expect((SecretSpellings(ofField: value) != nil) == isSearchable)
        #expect((SpellingsCache().spellings(ofField: value, sentTo: Texts.host) != nil) == isSearchable)
    }

    @Test func `The tables of a secret are made once, and no description shows it`() throws {
        let cache = SpellingsCache()
        func spellings(_ value: String) throws -> SecretSpellings? {
            let host = Host.name(try #require(DNSName("\(value).test")))
            return cache.spellings(ofField: "Bearer \(value)", sentTo: host)
        }
        let first = try #require(try spellings("s3cr3t"))
        for number in 0..<ReflectionLimits.remembered - 1 { _ = try spellings("other\(number)") }
        #expect(try spellings("s3cr3t") === first)
        for number in 0..<ReflectionLimits.remembered { _ = try spellings("third\(number)") }
        #expect(try spellings("s3cr3t") !== first)
        var shown = ""
        dump(first, to: &shown)
        dump(cache, to: &shown)
        #expect(!(shown + "\(first)" + String(reflecting: first)).contains("s3cr3t"))
    }

    @Test func `Requests are searched for what is in use, however many others have come since`() throws {
        let cache = SpellingsCache()
        let other = Host.name(try #require(DNSName("other.test")))
        func sends(_ value: String, to host: Model.Host) throws {
            _ = try #require(cache.spellings(ofField: "Bearer \(value)", sentTo: host))
        }
        func isSought(_ value: String) -> Bool {
            cache.outward.contains { ReflectionMask.masked("a \(value)", $0) != nil }
        }
        try sends("the-one-in-use", to: Texts.host)
        try sends("the-one-no-more", to: Texts.host)
        for number in 0..<2 * ReflectionLimits.outward {
            try sends("rotated-value-\(number)", to: other)
            try sends("the-one-in-use", to: Texts.host)
        }
        #expect(isSought("the-one-in-use") && !isSought("the-one-no-more"))
        #expect(cache.outward.count == ReflectionLimits.outward)
        for number in 0..<2 * ReflectionLimits.outward { try sends("later-value-\(number)", to: other) }
        #expect(!isSought("the-one-in-use"), "the control: it was not used")
        try sends("the-one-in-use", to: Texts.host)
        #expect(isSought("the-one-in-use"))
    }

    @Test func `A host's replies are searched for all that it was sent, and those of no other`() throws {
        let cache = SpellingsCache()
        let other = Host.name(try #require(DNSName("other.test")))
        #expect(cache.spellings(sentTo: Texts.host) == nil)
        for number in 1...ReflectionLimits.ofHost + 1 {
            _ = try #require(cache.spellings(ofField: "Bearer rotated-\(number)-value", sentTo: Texts.host))
        }
        let spellings = try #require(cache.spellings(sentTo: Texts.host))
        for number in 1...ReflectionLimits.ofHost + 1 {
            let isLast = number > 1
            #expect((ReflectionMask.masked("a rotated-\(number)-value", spellings) != nil) == isLast)
        }
        #expect(cache.spellings(ofField: "Bearer rotated-3-value", sentTo: Texts.host) === spellings)
        #expect(cache.spellings(sentTo: other) == nil)
    }

    @Test func `Of long values that do not fit together the last one is looked for`() throws {
        let cache = SpellingsCache()
        let tokens = ["first", "second"].map { $0 + String(repeating: "k9/", count: 500) }
        for token in tokens {
            _ = try #require(cache.spellings(ofField: "Bearer \(token)", sentTo: Texts.host))
        }
        let spellings = try #require(cache.spellings(sentTo: Texts.host))
        #expect(tokens.map { ReflectionMask.masked($0, spellings) != nil } == [false, true])
    }

    @Test func `Beyond the hosts that are told apart, what one is sent is looked for everywhere`() throws {
        let cache = SpellingsCache()
        for number in 0...ReflectionLimits.hosts {
            let host = Host.name(try #require(DNSName("h\(number).test")))
            let value = number < ReflectionLimits.hosts ? "Bearer the-same" : "Bearer the-last-one"
            _ = try #require(cache.spellings(ofField: value, sentTo: host))
        }
        let spellings = try #require(cache.spellings(sentTo: Texts.host))
        #expect(ReflectionMask.masked("the-last-one", spellings) != nil)
        #expect(ReflectionMask.masked("the-same", spellings) == nil)
    }

    @Test func `F09: what a host is sent is looked for in its reply, whatever others were sent`() throws {
        let cache = SpellingsCache()
        for number in 0..<ReflectionLimits.hosts + ReflectionLimits.ofHost {
            let host = Host.name(try #require(DNSName("h\(number).test")))
            _ = try #require(cache.spellings(ofField: "Bearer wildcard-\(number)", sentTo: host))
        }
        let first = Host.name(try #require(DNSName("h0.test")))
        for value in ["Bearer the-new-one", "Bearer the-new-one"] {
            let spellings = try #require(cache.spellings(ofField: value, sentTo: first))
            #expect(ReflectionMask.masked("the-new-one", spellings) != nil)
            #expect(ReflectionMask.masked("wildcard-\(ReflectionLimits.hosts + 3)", spellings) != nil)
        }
    }
}
