import Reflection
import TestSupport
import Testing

struct StreamMaskTests {
    private static let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

    private func mask(_ secrets: [String] = [Texts.secret], strictly: Bool = true) throws -> StreamMask {
        var mask = StreamMask(strictly: strictly)
        mask.look(
            for: try secrets.map {
                try #require(
                    SecretSpellings(ofField: "Bearer " + $0, shortest: ReflectionLimits.shortestOutward)
                )
            }
        )
        return mask
    }

    private func take(_ octets: [UInt8], _ mask: inout StreamMask) throws -> [UInt8] {
        let shown = mask.take(octets)
        return try #require(shown)
    }

    private func take(_ text: String, _ mask: inout StreamMask) throws -> String {
        String(decoding: try take(Array(text.utf8), &mask), as: UTF8.self)
    }

    private func finish(_ mask: inout StreamMask) throws -> [UInt8] {
        let shown = mask.finish()
        return try #require(shown)
    }

    private func handOn(_ mask: inout StreamMask) throws -> String {
        let shown = mask.handOn()
        return String(decoding: try #require(shown), as: UTF8.self)
    }

    /// What is read of a text that is written in such pieces, where what is no beginning is handed on behind each if
    /// `isSlow`.
    private func read(
        _ text: String,
        by piece: Int,
        isSlow: Bool = false,
        _ mask: inout StreamMask
    ) throws -> String {
        var shown: [UInt8] = []
        let octets = Array(text.utf8)
        for start in stride(from: 0, to: octets.count, by: piece) {
            shown += try take(Array(octets[start..<min(start + piece, octets.count)]), &mask)
            if isSlow, mask.suspense != .beginning { shown += try handOn(&mask).utf8 }
        }
        shown += try finish(&mask)
        return String(decoding: shown, as: UTF8.self)
    }

    @Test(arguments: Texts.spellings, [1, 2, 7, 10_000])
    func `a known secret is masked in each spelling, however it is cut`(
        reflected: Reflected,
        piece: Int
    ) throws {
        var mask = try mask()
        // What an escape begins with is no octet of a secret.
        let first = piece == 1 && reflected.text.hasPrefix("&") ? "&" : reflected.masked.prefix(1)
        let expected = first + reflected.masked.dropFirst() + "\n"
        #expect(try read(reflected.text + "\n", by: piece, &mask) == expected)
        #expect(mask.counts["credential"] ?? 0 > 0)
    }

    @Test(arguments: Texts.spellings)
    func `who does not wait sees a few octets of a known secret and no more, and all of what is none`(
        reflected: Reflected
    ) throws {
        var mask = try mask()
        let text = "login: " + reflected.text + " done"
        let shown = Array(try read(text, by: 1, isSlow: true, &mask).utf8)
        let (given, whole) = (Array(text.utf8), Array(("login: " + reflected.masked + " done").utf8))
        #expect(shown.count == given.count)
        let open = shown.indices.filter { shown[$0] != whole[$0] }
        #expect(open.allSatisfy { shown[$0] == given[$0] || shown[$0] == UInt8(ascii: "*") })
        // An escape has up to eight octets for one of a secret.
        #expect(open.count < 8 * StreamMask.telling, "\(open.count)")
        #expect(!String(decoding: shown, as: UTF8.self).contains(Texts.secret.suffix(11)))
    }

    @Test func `what surely begins as a known secret does is handed on masked alone`() throws {
        var mask = try mask()
        #expect(try take("key " + Texts.secret.prefix(12), &mask) == "key ")
        #expect(mask.suspense == .beginning && mask.isHolding)
        #expect(try handOn(&mask) == Texts.stars(12))
        #expect(!mask.isHolding)
        #expect(mask.counts == ["credential-beginning": 1])
        #expect(try handOn(&mask).isEmpty && mask.counts == ["credential-beginning": 1])
        // It was none: what follows is there.
        #expect(try take("! and more\n", &mask) == "! and more\n")
        #expect(mask.counts == ["credential-beginning": 1])
    }

    @Test func `the end of a stream gives out no beginning of a known secret`() throws {
        var mask = try mask()
        #expect(try read("cut: " + Texts.secret.dropLast(), by: 3, &mask) == "cut: " + Texts.stars(18))
        #expect(mask.counts == ["credential-beginning": 1])
        var other = try self.mask()
        let few = "cut: " + Texts.secret.prefix(5)
        #expect(try read(few, by: 3, &other) == few)
        #expect(other.counts.isEmpty)
    }

    @Test func `what ends with a secret is handed on at once, masked in its form`() throws {
        let last = Texts.spellings.filter { $0.text.hasSuffix(Texts.secret) || $0.name == "HEX" }
        for reflected in last {
            var mask = try mask()
            let shown = try take(reflected.text, &mask)
            #expect(mask.suspense == .none, "\(reflected)")
            #expect(!mask.isHolding && shown == reflected.masked)
        }
    }

    @Test(arguments: ["Password:", "login", "y/n", "50%", "C:\\", "a&", "task-", "é", "$ "])
    func `a prompt is handed on at once`(prompt: String) throws {
        var mask = try mask()
        let shown = try take(Array(prompt.utf8), &mask)
        #expect(mask.suspense == .none)
        #expect(shown == Array(prompt.utf8))
        #expect(try finish(&mask).isEmpty)
    }

    @Test(arguments: [1, 3, 1000])
    func `a token is masked by its shape, and a private key`(piece: Int) throws {
        var mask = try mask([])
        let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----\n"
        let shown = try read("token \(Self.token)\n\(key)", by: piece, &mask)
        #expect(!shown.contains("16C7e42F") && !shown.contains("MIIEvQ") && shown.hasPrefix("token ghp_xxx"))
        #expect(mask.counts == ["token": 1, "private-key": 1])
    }

    @Test(arguments: [true, false], [1, 7, 1000])
    func `what agents hold in a secret's stead comes through, and nothing that begins as it does`(
        isStrict: Bool,
        piece: Int
    ) throws {
        var mask = StreamMask(strictly: isStrict, sparing: ["ghp_other", Self.token])
        let text = "a \(Self.token)\n\(Self.token)"
        #expect(try read(text, by: piece, &mask) == text)
        #expect(mask.counts.isEmpty)
        let longer = try read("b \(Self.token)x \(Self.token.dropLast(2))ab\n", by: piece, &mask)
        #expect(!longer.contains("16C7e42F") && mask.counts == ["token": 2], "\(longer)")
    }

    @Test func `a web token is masked where a rule has tokens masked`() throws {
        let token =
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
        var strict = try mask([])
        #expect(try read(token + "\n", by: 5, &strict) == token + "\n")
        var full = try mask([], strictly: false)
        #expect(try !read(token + "\n", by: 5, &full).contains("dozjgNryP4J3"))
    }

    @Test func `secrets that are learned later are looked for from then on`() throws {
        let other = "another-Secret-7f1"
        var mask = try mask()
        var shown = try take("\(other) ", &mask)
        mask.look(
            for: try [Texts.secret, other].map { try #require(SecretSpellings(ofField: "Bearer " + $0)) }
        )
        shown += try take("\(other) \(Texts.secret)\n", &mask)
        #expect(shown == "\(other) \(Texts.stars(other.count)) \(Texts.stars(19))\n")
        #expect(try finish(&mask).isEmpty)
        #expect(mask.counts == ["credential": 2])
    }

    @Test func `octets of any kind that hold no secret come through as they are`() throws {
        var random = SplitMix(7)
        for _ in 0..<20 {
            let octets = (0..<50_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            var mask = try mask()
            var shown: [UInt8] = []
            for piece in octets.pieces(of: 9_000, &random) {
                shown += try take(piece, &mask)
                guard Bool.random(using: &random), mask.suspense != .beginning else { continue }
                let kept = mask.handOn()
                shown += try #require(kept)
            }
            shown += try finish(&mask)
            #expect(shown == octets)
            #expect(mask.counts.isEmpty)
        }
    }
}
